"""Recurrent neural networks on text and other sequences, as scikit-learn estimators.

Neither Keras nor TensorFlow is imported until a fit begins.
"""

from skrnn.estimators._classifiers import RNNSequenceClassifier, RNNTextClassifier
from skrnn.network._spec import NetworkSpec
from skrnn.estimators._regressors import RNNSequenceRegressor, RNNTextRegressor
from skrnn.text._vectorizer import SequenceVectorizer
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
