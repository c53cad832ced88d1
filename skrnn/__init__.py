"""Recurrent neural networks on text and other sequences, as scikit-learn estimators.

Keras and TensorFlow are imported when a fit begins.
"""

from skrnn._version import __version__
from skrnn.estimators._classifiers import RNNSequenceClassifier, RNNTextClassifier
from skrnn.estimators._compression import compress
from skrnn.estimators._encoder import RNNEncoder
from skrnn.estimators._label_thresholds import MultilabelThresholdClassifier
from skrnn.estimators._regressors import RNNSequenceRegressor, RNNTextRegressor
from skrnn.network._spec import NetworkSpec
from skrnn.text._token_counts import TokenCounts
from skrnn.text._vectorizer import SequenceVectorizer

__all__ = [
    "RNNTextClassifier",
    "RNNTextRegressor",
    "RNNSequenceClassifier",
    "RNNSequenceRegressor",
    "RNNEncoder",
    "MultilabelThresholdClassifier",
    "SequenceVectorizer",
    "TokenCounts",
    "NetworkSpec",
    "compress",
    "__version__",
]
