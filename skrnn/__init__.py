"""Recurrent neural networks on text and other sequences, as scikit-learn estimators.

Neither Keras nor TensorFlow is imported until a fit begins.
"""

from skrnn._classifier import RNNSequenceClassifier, RNNTextClassifier
from skrnn._network import NetworkSpec
from skrnn._regressor import RNNSequenceRegressor, RNNTextRegressor
from skrnn._vectorizer import SequenceVectorizer
from skrnn._version import __version__

__all__ = [
    "RNNTextClassifier",
    "RNNTextRegressor",
    "RNNSequenceClassifier",
    "RNNSequenceRegressor",
    "SequenceVectorizer",
    "NetworkSpec",
    "__version__",
]
