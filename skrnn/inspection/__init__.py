"""Explanations of predictions, and displays of explanations and training."""

from skrnn.inspection._attributions import TokenAttributions


__all__ = ["TokenAttributions"]
