"""Explanations of predictions, and displays of explanations and training."""

from skrnn.inspection._attributions import TokenAttributions
from skrnn.inspection._display import TokenAttributionDisplay
from skrnn.inspection._summary import NgramSummary, summarize_attributions
from skrnn.inspection._token_attributions import token_attributions
from skrnn.inspection._training_curve import TrainingCurveDisplay

__all__ = [
    "token_attributions",
    "summarize_attributions",
    "TokenAttributions",
    "NgramSummary",
    "TokenAttributionDisplay",
    "TrainingCurveDisplay",
]
