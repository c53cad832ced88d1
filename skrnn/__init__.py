"""Recurrent neural networks on text, as scikit-learn estimators.

Neither Keras nor TensorFlow is imported until a fit begins.
"""

from skrnn._classifier import RNNTextClassifier
from skrnn._vectorizer import SequenceVectorizer

__all__ = ["RNNTextClassifier", "SequenceVectorizer", "__version__"]
__version__ = "0.1.0"
