"""How estimators are shown: large parameters appear as summaries such as ``<dict of 5000 items>``."""

import copy
import reprlib
import sys
from typing import Any

from sklearn.base import BaseEstimator

_MAX_ITEMS = 30  # as in scikit-learn's repr


class ReadableEstimator(BaseEstimator):
    """An estimator whose repr and HTML take the same time for all sizes of its parameters."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the estimator.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include the parameters of estimators that are parameters.

        Returns
        -------
        params : dict
            Names and values of the parameters.
        """
        params = super().get_params(deep)
        # scikit-learn's printer shows an estimator inside of a pipeline or search through this method alone. It
        # prints each item of a collection several times, which takes minutes for a mapping of 5,000 arrays.
        caller = sys._getframe(1)
        while caller.f_code.co_name == "get_params" and caller.f_back is not None:  # of a subclass
            caller = caller.f_back
        if caller.f_globals.get("__name__") == "sklearn.utils._pprint":
            return {name: _summarized(value) for name, value in params.items()}
        return params

    def _get_params_html(self, *args: Any, **kwargs: Any) -> Any:
        shown = copy.copy(self)
        for name, value in self.get_params(deep=False).items():
            setattr(shown, name, _summarized(value))
        return super(ReadableEstimator, shown)._get_params_html(*args, **kwargs)

    def _get_doc_link(self) -> str:
        # scikit-learn's HTML shows the docstrings of parameters only beside a link to a documentation page.
        return "#"


class _Summary:
    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _summarized(value: Any) -> Any:
    """Return a summary of a large collection, and a pair of large collections as a pair of summaries."""
    if isinstance(value, str | bytes):
        return value
    try:
        n_items = len(value)
    except TypeError:  # no collection
        return value
    if n_items > _MAX_ITEMS:
        return _Summary(f"<{type(value).__name__} of {n_items} items>")
    if type(value) is dict:
        return {key: _summarized(item) for key, item in value.items()}
    return type(value)(map(_summarized, value)) if type(value) in (list, tuple) else value


def short_repr(value: Any) -> str:
    """Return the repr of a value on one line, for an error message."""
    return " ".join(_REPR.repr(value).split())


_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = 100
