"""Keras layers of the built-in networks, which custom networks can use too.

The layers ignore time steps that a mask marks as padding. Importing this module imports Keras and TensorFlow.
"""

from skrnn.layers._masking import NaNMasking
from skrnn.layers._pooling import AttentionPooling1D, MaskedPooling1D
from skrnn.layers._recurrent import PaddedRNN
from skrnn.layers._tokens import NgramEmbedding, TokenDropout

__all__ = ["AttentionPooling1D", "MaskedPooling1D", "NaNMasking", "NgramEmbedding", "PaddedRNN", "TokenDropout"]
