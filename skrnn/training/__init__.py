"""How a network is trained with Keras."""
