"""Networks: their specification and weights, and how Keras and NumPy interpret them."""
