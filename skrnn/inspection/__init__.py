"""Explanations of predictions, and displays of explanations and training."""

from skrnn.inspection._attributions import TokenAttributions
from skrnn.inspection._display import TokenAttributionDisplay
from skrnn.inspection._training_curve import TrainingCurveDisplay

__all__ = ["TokenAttributions", "TokenAttributionDisplay", "TrainingCurveDisplay"]
