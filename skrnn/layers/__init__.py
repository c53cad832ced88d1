"""Keras layers of the built-in networks, which custom networks can use too.

The layers ignore time steps that a mask marks as padding. Importing this module imports Keras and TensorFlow.
"""

from skrnn.utils._installed import TRAINING_NEEDS, check_installed
from skrnn.utils._tensorflow import import_tensorflow

check_installed(TRAINING_NEEDS, "tensorflow", "keras")  # before the first import of Keras
import_tensorflow()

from skrnn.layers._linear import MeanOfLogits  # noqa: E402
from skrnn.layers._masking import NaNMasking  # noqa: E402
from skrnn.layers._pooling import AttentionPooling1D, MaskedPooling1D  # noqa: E402
from skrnn.layers._recurrent import PaddedRNN  # noqa: E402
from skrnn.layers._tokens import KnownTokens, NgramEmbedding, TokenDropout  # noqa: E402

__all__ = [
    "AttentionPooling1D",
    "KnownTokens",
    "MaskedPooling1D",
    "MeanOfLogits",
    "NaNMasking",
    "NgramEmbedding",
    "PaddedRNN",
    "TokenDropout",
]
