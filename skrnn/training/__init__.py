"""How a network is trained with Keras."""

import skrnn.layers  # noqa: F401 - before Keras, because it imports TensorFlow without harmless lines
