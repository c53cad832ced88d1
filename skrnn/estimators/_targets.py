"""What y means: a target encodes labels or numbers for the network, and decodes its outputs into predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from numbers import Real
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import numpy as np
from scipy import sparse
from scipy.special import logit
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from skrnn.estimators._arrays import as_array, as_numbers, check_finite
from skrnn.utils._parameters import BOOLEAN, Constraint, Where, is_plain_array

# Outputs start at rates from this to 1 minus this. It is the rate at which the paper in ``initial_bias`` starts.
_RAREST_START = 0.01


def _are_finite(values: Any, ndim: int = 1) -> bool:
    is_filled = is_plain_array(values) and values.dtype.kind == "f" and values.ndim == ndim and len(values) > 0
    return bool(is_filled and np.all(np.isfinite(values)))


def _are_weights(weights: Any, ndim: int = 1) -> bool:
    return _are_finite(weights, ndim) and bool(np.all(weights >= 0) and np.any(weights))


def _are_sorted_labels(labels: Any) -> bool:
    if not (is_plain_array(labels) and labels.dtype.kind in "biufUOMm" and labels.ndim == 1 and len(labels) > 0):
        return False
    if labels.dtype.kind == "O" and not all(type(label) is str for label in labels):
        return False
    is_finite = labels.dtype.kind in "UO" or np.all(np.isfinite(labels))
    return bool(is_finite and np.all(labels[1:] > labels[:-1]))


class Target(ABC):
    """What y means to an estimator, learned from the y of a fit."""

    kind: ClassVar[str]  # name of the class in files
    fields: ClassVar[Mapping[str, Sequence[Constraint]]]  # what a file holds, the arguments of the class

    @property
    @abstractmethod
    def n_outputs(self) -> int:
        """Number of outputs of the network."""

    @property
    @abstractmethod
    def output_activation(self) -> str:
        """Activation of the output layer."""

    @abstractmethod
    def encode(self, y: np.ndarray) -> np.ndarray:
        """Return what the network learns for each sample."""

    @abstractmethod
    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Return the prediction for each sample, in the form of y."""

    @abstractmethod
    def loss(self, params: SimpleNamespace) -> tuple[str, float]:
        """Return the name of the loss, and the label smoothing."""

    @abstractmethod
    def check(self) -> None:
        """Raise ValueError if the fields do not fit together."""

    def resumed(self, y: np.ndarray, sample_weight: np.ndarray, params: SimpleNamespace) -> Target:
        """Return the target for more training: the same encoding, with the class weights of the parameters."""
        return self

    def class_weights(self, encoded: np.ndarray) -> np.ndarray | float:
        """Return the class weight of each sample."""
        return 1.0

    def strata(self, encoded: np.ndarray) -> np.ndarray:
        """Return the stratum of each sample for a split."""
        return np.zeros(len(encoded), dtype=np.intp)

    def base_rates(self, encoded: np.ndarray, weights: np.ndarray | None) -> np.ndarray | None:
        """Return the share of the samples of each output's class: (n_outputs,), or None without classes."""
        return None

    def effective_n_classes(self, encoded: np.ndarray, weights: np.ndarray | None) -> float:
        """Return the number of classes from which the number of epochs follows."""
        return max(self.n_outputs, 2)

    def initial_bias(self, encoded: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        """Return the bias that each output starts with: (n_outputs,).

        Classes start at 0. From their log-odds, a network would find fewer samples of a rare class of two.
        """
        return np.zeros(self.n_outputs)

    def label_weights(self, encoded: np.ndarray, weights: np.ndarray | None) -> np.ndarray | None:
        """Return the loss weights of the absence and presence of each label: (n_labels, 2), or None if equal.

        Their mean over all labels of the samples is 1, for the same reason as in ``Samples.loss_weights``.
        """
        return None


class _ClassificationTarget(Target):
    """What one label and several labels share: probabilities, and a smoothed cross-entropy."""

    fields = {
        "classes": [Where("an array of sorted labels without repetition", _are_sorted_labels)],
        "class_weight": [
            Where("finite weights >= 0, and some > 0", lambda w: _are_weights(w) or _are_weights(w, ndim=2))
        ],
    }

    def __init__(self, classes: np.ndarray, class_weight: np.ndarray) -> None:
        self.classes = classes
        self.class_weight = class_weight

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Return the probability of each class: (n_samples, n_classes)."""
        return outputs

    def loss(self, params: SimpleNamespace) -> tuple[str, float]:
        losses = {"sigmoid": "binary_crossentropy", "softmax": "categorical_crossentropy"}
        return losses[self.output_activation], params.label_smoothing

    @property
    def _shape_of_weights(self) -> tuple[int, ...]:
        return self.classes.shape

    def check(self) -> None:
        if self.class_weight.shape != self._shape_of_weights:
            raise ValueError(f"Expected a weight for each class; got {self.class_weight!r} for {self.classes!r}.")


class ClassTarget(_ClassificationTarget):
    """One of two or more classes for each sample.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The labels, sorted.
    class_weight : ndarray of shape (n_classes,)
        The weight of each class in the loss.
    """

    kind = "class"

    def check(self) -> None:
        super().check()
        if len(self.classes) < 2:
            raise ValueError(f"Expected at least 2 classes; got {self.classes!r}.")

    @classmethod
    def fit(
        cls, y: np.ndarray, sample_weight: np.ndarray, class_weight: Any, classes: np.ndarray | None
    ) -> ClassTarget:
        """Return the target for labels; None for the classes takes those in y."""
        classes = np.unique(y) if classes is None else classes
        if len(classes) < 2:
            raise ValueError(
                "A classifier needs samples of at least 2 classes, but y contains only one class: "
                f"{classes.tolist()[0]!r}."
            )
        if not isinstance(class_weight, str | Mapping | None):
            raise ValueError(
                f"A list as class_weight is for several labels, but y has one label for each sample; got "
                f'{class_weight!r}. Use a dict or "balanced".'
            )
        weights = _class_weights(class_weight, classes, _positions(y, classes), sample_weight)
        return cls(classes, _checked_weights(weights, class_weight))

    @property
    def n_outputs(self) -> int:
        return 1 if len(self.classes) == 2 else len(self.classes)

    @property
    def output_activation(self) -> str:
        return "sigmoid" if len(self.classes) == 2 else "softmax"

    def encode(self, y: np.ndarray) -> np.ndarray:
        if y.ndim == 2:
            raise ValueError(f"Expected y to have the classes {self.classes} of the fit; got shape {y.shape}.")
        check_classification_targets(y)
        positions = _positions(y, self.classes)
        if self.n_outputs == 1:
            return positions.astype(np.float32)[:, None]  # (n_samples, 1)
        return positions.astype(np.int32)

    def resumed(self, y: np.ndarray, sample_weight: np.ndarray, params: SimpleNamespace) -> ClassTarget:
        self.encode(y)  # refuses other classes
        return self.fit(y, sample_weight, params.class_weight, self.classes)

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        return np.hstack([1 - outputs, outputs]) if self.n_outputs == 1 else outputs

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        return self.classes[np.argmax(self.probabilities(outputs), axis=1)]

    def class_weights(self, encoded: np.ndarray) -> np.ndarray:
        return self.class_weight[self.strata(encoded)]

    def strata(self, encoded: np.ndarray) -> np.ndarray:
        return encoded.reshape(len(encoded)).astype(np.intp)

    def base_rates(self, encoded: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        counts = np.bincount(self.strata(encoded), weights, len(self.classes))
        return counts[-self.n_outputs :] / counts.sum()  # of two classes, the second has an output


class MultilabelTarget(_ClassificationTarget):
    """Any number of labels for each sample, as an indicator matrix.

    Parameters
    ----------
    classes : ndarray of int, of shape (n_labels,)
        The columns of the matrix.
    class_weight : ndarray of shape (n_labels, 2)
        The weights of the absence and of the presence of each label in the loss.
    """

    kind = "multilabel"

    @property
    def _shape_of_weights(self) -> tuple[int, ...]:
        return len(self.classes), 2

    def check(self) -> None:
        super().check()
        if not np.array_equal(self.classes, np.arange(self.n_outputs)):
            raise ValueError(f"Expected the numbers of the columns as classes; got {self.classes!r}.")

    @classmethod
    def fit(
        cls, y: np.ndarray, sample_weight: np.ndarray, class_weight: Any, classes: np.ndarray | None
    ) -> MultilabelTarget:
        """Return the target for an indicator matrix."""
        columns = np.arange(y.shape[1])
        if classes is not None and not np.array_equal(classes, columns):
            raise ValueError("classes is for binary and multiclass targets; y is multilabel. Leave it out.")
        of_labels = class_weight
        if class_weight is None or isinstance(class_weight, str):
            of_labels = [class_weight] * len(columns)
        if isinstance(of_labels, Mapping) or len(of_labels) != len(columns):
            raise ValueError(
                f'Expected class_weight to be "balanced" or a list of {len(columns)} dicts, one for each label of '
                f"y, for example {{0: 1, 1: 5}}; got {class_weight!r}."
            )
        weights = [
            _class_weights(of_label, np.arange(2), labels, sample_weight)
            for of_label, labels in zip(of_labels, y.T.astype(np.intp), strict=True)
        ]
        return cls(columns, _checked_weights(np.array(weights), class_weight))

    @property
    def n_outputs(self) -> int:
        return len(self.classes)

    @property
    def output_activation(self) -> str:
        return "sigmoid"

    def encode(self, y: np.ndarray) -> np.ndarray:
        if not is_multilabel(y) or y.shape[1] != self.n_outputs:
            raise ValueError(
                f"Expected y to be an indicator matrix with {self.n_outputs} columns, as in the fit; got shape "
                f"{y.shape}."
            )
        return y.astype(np.float32)  # (n_samples, n_labels)

    def resumed(self, y: np.ndarray, sample_weight: np.ndarray, params: SimpleNamespace) -> MultilabelTarget:
        self.encode(y)  # refuses another number of labels
        return self.fit(y, sample_weight, params.class_weight, self.classes)

    def loss(self, params: SimpleNamespace) -> tuple[str, float]:
        loss, label_smoothing = super().loss(params)
        return f"weighted_{loss}" if self._is_weighted else loss, label_smoothing

    def base_rates(self, encoded: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        shares = self._shares(encoded, weights)
        if not self._is_weighted:
            return shares
        weighted = self._weighted_shares(shares)
        return weighted[:, 1] / np.maximum(weighted.sum(axis=1), np.finfo(np.float64).tiny)

    def effective_n_classes(self, encoded: np.ndarray, weights: np.ndarray | None) -> float:
        """Return the number of labels, or of equal classes that are as rare as a label on average.

        Class weights do not count, because they do not change how many samples have a label.
        """
        mean_share = self._shares(encoded, weights).mean()
        return max(super().effective_n_classes(encoded, weights), 1 / mean_share if mean_share else 0)

    def initial_bias(self, encoded: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        """Return the log-odds of each label (Lin et al. 2017, Focal Loss for Dense Object Detection).

        From 0, the first epochs would only learn that the labels are rare. Rates are clipped, because later
        samples can have labels that these lack, for example in ``partial_fit``.
        """
        return logit(np.clip(self.base_rates(encoded, weights), _RAREST_START, 1 - _RAREST_START))

    def label_weights(self, encoded: np.ndarray, weights: np.ndarray | None) -> np.ndarray | None:
        if not self._is_weighted:
            return None
        shares = self._shares(encoded, weights)
        with np.errstate(over="ignore"):
            mean = self._weighted_shares(shares).sum(axis=1).mean()
            if not 0 < mean < np.inf:
                raise ValueError(
                    "Expected the weights of class_weight to have a finite mean > 0 over the labels of the "
                    f"samples; got {mean}."
                )
            return (self.class_weight / mean).astype(np.float32)

    @property
    def _is_weighted(self) -> bool:
        return bool(np.any(self.class_weight != self.class_weight[0, 0]))

    def _shares(self, encoded: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        """Return the share of the samples with each label: (n_labels,)."""
        weights = np.ones(len(encoded)) if weights is None else weights
        return np.average(encoded.astype(np.float64), axis=0, weights=weights)

    def _weighted_shares(self, shares: np.ndarray) -> np.ndarray:
        """Return the shares of the samples without and with each label, times the weights: (n_labels, 2)."""
        return self.class_weight * np.column_stack([1 - shares, shares])

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        return (outputs > 0.5).astype(int)

    def strata(self, encoded: np.ndarray) -> np.ndarray:
        """Return a stratum for each combination of labels. Combinations that occur only once are one stratum."""
        _, combination, counts = np.unique(encoded, axis=0, return_inverse=True, return_counts=True)
        combination = combination.ravel()
        return np.where(counts[combination] > 1, combination, -1)


class NumericTarget(Target):
    """One number or several for each sample, standardized for the network.

    Parameters
    ----------
    mean, scale : ndarray of shape (n_outputs,)
        Mean and standard deviation of each output.
    is_1d : bool
        Whether y has the shape (n_samples,).
    """

    kind = "numeric"
    fields = {
        "mean": [Where("an array of finite numbers", _are_finite)],
        "scale": [
            Where("an array of finite numbers > 0", lambda scale: _are_finite(scale) and bool(np.all(scale > 0)))
        ],
        "is_1d": [BOOLEAN],
    }

    def __init__(self, mean: np.ndarray, scale: np.ndarray, is_1d: bool) -> None:
        self.mean = mean
        self.scale = scale
        self.is_1d = is_1d

    @classmethod
    def fit(cls, y: np.ndarray, sample_weight: np.ndarray) -> NumericTarget:
        """Return the target for numbers of shape (n_samples,) or (n_samples, n_outputs)."""
        rows = np.flatnonzero(sample_weight)  # numbers of weight 0 may be of any size
        columns, weights = y[rows].reshape(len(rows), -1), sample_weight[rows] / sample_weight.max()
        with np.errstate(over="ignore", invalid="ignore"):
            mean = np.average(columns, axis=0, weights=weights)
            deviations = columns - mean
            largest = np.abs(deviations).max(axis=0)  # squares of relative deviations cannot overflow
            relative = deviations / np.where(largest > 0, largest, 1)
            scale = largest * np.sqrt(np.average(relative**2, axis=0, weights=weights))
        if not np.all(np.isfinite(scale)):
            raise ValueError(f"Expected y with a finite standard deviation; got {scale}. Scale y down.")
        # The computed mean of a constant target differs from its value by rounding.
        is_constant = scale <= 10 * np.finfo(np.float64).eps * np.abs(mean)
        return cls(np.where(is_constant, columns[0], mean), np.where(is_constant, 1.0, scale), y.ndim == 1)

    @property
    def n_outputs(self) -> int:
        return len(self.mean)

    @property
    def output_activation(self) -> str:
        return "linear"

    def encode(self, y: np.ndarray) -> np.ndarray:
        columns = y.reshape(len(y), -1)
        if (y.ndim == 1) != self.is_1d or columns.shape[1] != self.n_outputs:
            raise ValueError(f"Expected y to have {self.n_outputs} outputs as in the fit; got shape {y.shape}.")
        return ((columns - self.mean) / self.scale).astype(np.float32)  # (n_samples, n_outputs)

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        values = outputs * self.scale + self.mean
        return values[:, 0] if self.is_1d else values

    def loss(self, params: SimpleNamespace) -> tuple[str, float]:
        return params.loss, 0.0

    def check(self) -> None:
        if self.scale.shape != self.mean.shape or (self.is_1d and self.n_outputs != 1):
            raise ValueError(
                f"Expected a mean and a scale for each output; got {self.mean!r} and {self.scale!r} with "
                f"is_1d={self.is_1d}."
            )


def _class_weights(
    class_weight: Any, classes: np.ndarray, encoded: np.ndarray, sample_weight: np.ndarray
) -> np.ndarray:
    """Return the weight of each class, from a dict, "balanced" or None."""
    weights = np.ones(len(classes))
    # Samples of weight 0 do not count, and classes without other samples need no weight.
    counted = encoded[sample_weight > 0] if isinstance(class_weight, str) else np.arange(len(classes))
    seen = np.unique(counted)
    weights[seen] = compute_class_weight(class_weight, classes=classes[seen], y=classes[counted])
    return weights


def _checked_weights(weights: np.ndarray, class_weight: Any) -> np.ndarray:
    if not (np.all((weights >= 0) & np.isfinite(weights)) and np.any(weights)):
        raise ValueError(f"Expected the weights of class_weight to be >= 0, and some > 0; got {class_weight!r}.")
    return weights


def check_labels(y: Any) -> np.ndarray:
    """Return labels as a 1d array, or an indicator matrix; raise an error if they are something else."""
    y = _dense(y)
    try:
        labels = as_array(y, "y")
    except ValueError as error:
        hint = " scikit-learn's MultiLabelBinarizer turns lists of labels into columns."
        raise ValueError(f"{error}{hint if 'inhomogeneous' in str(error) else ''}") from error
    if labels.dtype.kind == "T":  # scikit-learn does not support StringDType
        labels = labels.astype(object)
    if labels.ndim == 2 and labels.dtype.kind == "O":  # pandas' nullable columns, or columns of several dtypes
        labels = check_array(y, dtype=None, ensure_all_finite=False, input_name="y")
    if labels.dtype.kind == "f":
        check_finite(labels, "y", ensure_2d=False, dtype=None)
    if labels.ndim == 2 and labels.shape[1] > 1:
        return labels
    labels = column_or_1d(labels, warn=True)
    if labels.dtype.kind in "mM" and np.any(np.isnat(labels)):
        raise ValueError("Expected a label for every sample; y contains NaT.")
    return _checked_objects(labels) if labels.dtype.kind == "O" else labels


def check_numbers(y: Any) -> np.ndarray:
    """Return numbers as float64 of shape (n_samples,) or (n_samples, n_outputs)."""
    return check_finite(as_numbers(_dense(y), "y"), "y", ensure_2d=False, dtype=np.float64)


def is_multilabel(y: np.ndarray) -> bool:
    """Return whether y is an indicator matrix; raise an error for targets that no classifier takes."""
    if y.ndim == 1:
        check_classification_targets(y)
        return False
    kind = type_of_target(y, input_name="y")
    if kind != "multilabel-indicator" or not np.all(np.isin(y, (0, 1))):
        raise ValueError(
            "Expected y to be a 1d array of labels, or an indicator matrix of zeros and ones with a column for "
            f"each label; got an array of shape {y.shape} and dtype {y.dtype} with other values ({kind})."
        )
    return True


def _dense(y: Any) -> Any:
    if y is None:
        raise ValueError("This estimator requires y to be passed, but the target y is None.")
    return cast(Any, y).toarray() if sparse.issparse(y) else y


def _checked_objects(array: np.ndarray) -> np.ndarray:
    """Return labels of type object, or raise an error. Strings of NumPy become str, which files contain."""
    labels = array.tolist()
    missing = [label for label in labels if label is None or _is_nan(label)]
    if missing:
        raise ValueError(f"Expected a label for every sample; y contains {missing[0]!r}.")
    others = [type(label).__name__ for label in labels if not isinstance(label, str)]
    if 0 < len(others) < len(labels):
        raise TypeError(f"Expected the labels of y to have one type; got str and {others[0]}.")
    return array if others else np.array(list(map(str.__str__, labels)), dtype=object)


def _is_nan(label: Any) -> bool:
    is_pandas_na = type(label).__name__ == "NAType"  # comparing it gives NA again
    return is_pandas_na or (isinstance(label, Real) and label != label)


def _positions(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the position of each label among the classes.

    ``LabelEncoder`` would first convert the labels to the dtype of the classes, and so cut strings off.
    """
    kinds = {y.dtype.kind, classes.dtype.kind}
    if kinds in ({"M"}, {"m"}):  # dates may have different units
        common = np.result_type(y, classes)
        y, classes = y.astype(common), classes.astype(common)
    elif kinds & {"M", "m"}:  # tolist() turns some dates into integers, which could equal numeric labels
        classes = classes[:0]
    labels, inverse = np.unique(y, return_inverse=True)
    position_of: Mapping[Any, int] = {label: position for position, label in enumerate(classes.tolist())}
    unseen = [label for label in labels.tolist() if label not in position_of]
    if unseen:
        raise ValueError(f"y contains previously unseen labels: {unseen}")
    return np.array([position_of[label] for label in labels.tolist()], dtype=np.intp)[inverse]
