"""How a network is trained with Keras."""

from skrnn.utils._installed import check_installed

check_installed("tensorflow", "keras", "scikeras")
