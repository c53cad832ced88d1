"""What the estimators share: parameters, the course of a fit, the fitted state.

Fitted state is plain data: a specification, named arrays, a history. Keras is imported when a fit begins, or
when somebody asks for ``model_``.
"""

import copy
from dataclasses import asdict
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted

from skrnn._inference import forward
from skrnn._network import ACTIVATIONS, N_GATES, POOLINGS, NetworkSpec, initial_weights
from skrnn._validation import check_bool, check_choice, check_number

# Names that Keras knows; written out so that a misspelt one is refused before Keras is imported.
OPTIMIZERS = (
    "adam",
    "adamw",
    "sgd",
    "rmsprop",
    "nadam",
    "adamax",
    "adagrad",
    "adadelta",
    "lion",
    "adafactor",
    "ftrl",
)

# With fewer validation documents their loss is mostly noise, and early_stopping="auto" does without.
MIN_AUTO_VALIDATION = 20


class BaseRNN(BaseEstimator):
    """The course of a fit and of a prediction; subclasses say what X and y are.

    Hooks for the input: ``_reset_input``, ``_check_input``, ``_fit_sequences``, ``_sequences``, ``_n_tokens``.
    Hooks for the target: ``_fit_targets``, ``_targets``, ``_target_weights``, ``_network_targets``, ``_outputs``.
    """

    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Fit the network.

        Parameters
        ----------
        X : iterable of str of length n_documents
            The documents; with ``vectorizer="passthrough"``, token ids of shape (n_documents, longest).
        y : array-like of shape (n_documents,)
            The targets.
        sample_weight : array-like of shape (n_documents,), default=None
            Weights of the documents in the loss. Only their ratios matter, and weight 0 is as good as leaving
            the document out. None weighs all the same.
        X_val, y_val : as X and y, default=None
            Validation data, in place of the share of X that early stopping would hold back. Without early
            stopping they are still scored after each epoch, for ``history_``.
        sample_weight_val : array-like of shape (n_validation_documents,), default=None
            Weights of the validation documents.

        Returns
        -------
        self : object
            The fitted estimator. If fitting fails, the estimator is as it was.
        """
        self._check_params()
        fitted = copy.copy(self)  # takes what is learned; handed over only when all has gone well
        fitted._fit(X, y, sample_weight, X_val, y_val, sample_weight_val)
        vars(self).update(vars(fitted))
        return self

    def _fit(self, X, y, sample_weight, X_val, y_val, sample_weight_val):
        resume = self.warm_start and hasattr(self, "_network")
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        if not resume:
            self._reset_input()
        X, y, weights = self._check_examples(X, y, sample_weight, "y", "sample_weight")
        targets = self._targets(y) if resume else self._fit_targets(y)
        weights = weights * self._target_weights(targets)
        rows = np.flatnonzero(weights)

        has_validation_data = not (X_val is None and y_val is None and sample_weight_val is None)
        held_back = rows[:0] if has_validation_data else self._hold_back(rows, targets, seed)
        rows = np.setdiff1d(rows, held_back)
        sequences = self._sequences(_take(X, rows)) if resume else self._fit_sequences(_take(X, rows))
        training = self._examples(sequences, targets[rows], weights[rows])
        validation = None
        if has_validation_data:
            validation = self._validation_examples(X_val, y_val, sample_weight_val)
        elif len(held_back):
            sequences = self._sequences(_take(X, held_back))
            validation = self._examples(sequences, targets[held_back], weights[held_back])
        self._train(training, validation, seed, resume)

    def _hold_back(self, rows, targets, seed):
        """The rows that early stopping watches."""
        is_auto = isinstance(self.early_stopping, str)
        n = round(self.validation_fraction * len(rows))
        if not self.early_stopping or (is_auto and n < MIN_AUTO_VALIDATION):
            return rows[:0]
        held_back = rows[_stratified_sample(targets[rows], n, np.random.default_rng([seed, 1]))]
        if len(held_back) == 0 and not is_auto:
            raise ValueError(
                f"validation_fraction={self.validation_fraction} of {len(rows)} documents leaves none to validate "
                "on. Raise it, pass X_val and y_val, or set early_stopping=False."
            )
        return held_back

    def _validation_examples(self, X_val, y_val, sample_weight_val):
        if X_val is None or y_val is None:
            missing = "X_val" if X_val is None else "y_val"
            raise ValueError(f"Expected X_val and y_val together; {missing} is missing.")
        X_val, y_val, weights = self._check_examples(X_val, y_val, sample_weight_val, "y_val", "sample_weight_val")
        targets = self._targets(y_val)
        return self._examples(self._sequences(X_val), targets, weights * self._target_weights(targets))

    def _check_target(self, y) -> np.ndarray:
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        y = np.atleast_1d(np.asarray(y))
        return y.astype(object) if y.dtype.kind == "T" else y  # scikit-learn does not know StringDType

    def _check_examples(self, X, y, sample_weight, y_name, weight_name):
        """Documents, targets and weights that fit together; those of weight 0 are gone."""
        X, y = self._check_input(X), self._check_target(y)
        _check_same_length(y_name, y, X)
        weights = _check_sample_weight(weight_name, sample_weight, X)
        rows = np.flatnonzero(weights)
        return (X, y, weights) if len(rows) == len(y) else (_take(X, rows), y[rows], weights[rows])

    def _examples(self, sequences, targets, weights):
        from skrnn._training import Examples

        if not np.any(weights):
            raise ValueError("Expected some validation document of a class with a weight > 0; all are 0.")
        # On average 1, so that the size of a gradient, and with it clipping, is that of unweighted training.
        weights = (weights / weights.mean()).astype(np.float32)
        return Examples(sequences, self._network_targets(targets), None if np.all(weights == 1) else weights)

    def _train(self, training, validation, seed, resume):
        from skrnn._training import TrainingSettings, TrainingState, train

        stop_early = validation is not None and bool(self.early_stopping)
        spec = self._spec()
        if resume:
            # After a fit with warm_start=False, the weights are there, but not how the optimizer got to them.
            resumption = self._network["resumption"] or {"n_epochs": self.n_iter_}
            start = TrainingState(weights=self._network["weights"], **resumption)
            before = {**self._network["spec"], **(self._network["optimizer"] if start.optimizer else {})}
            now = {**asdict(spec), **self._optimizer_kind()}
            changed = [name for name, value in now.items() if value != before.get(name, value)]
            if changed:
                raise ValueError(
                    f"warm_start=True goes on with the fitted network, but {', '.join(changed)} would change it. "
                    "Set the parameters back, or warm_start=False."
                )
        else:
            start = TrainingState(weights=initial_weights(spec, np.random.default_rng([seed, 0])))
        rate = self.learning_rate
        settings = TrainingSettings(
            optimizer=self.optimizer,
            learning_rate=rate if callable(rate) else float(rate),
            weight_decay=self.weight_decay,
            clipnorm=self.clipnorm,
            epochs=int(self.epochs),
            batch_size=int(self.batch_size),
            patience=int(self.n_iter_no_change) if stop_early else None,
            tol=self.tol,
            callbacks=list(self.callbacks or ()),
            verbose=self.verbose,
            seed=seed,
            resumable=bool(self.warm_start),
        )
        result = train(spec, start, training, validation, settings)
        self.history_ = _join(self.history_ if resume else {}, result.history)
        self.n_iter_ = result.state.n_epochs
        self.best_epoch_ = result.best_epoch
        self.validation_scores_ = [-loss for loss in self.history_["val_loss"]] if validation else None
        resumption = {name: value for name, value in vars(result.state).items() if name != "weights"}
        self._network = {
            "spec": asdict(spec),
            "weights": result.state.weights,
            "optimizer": self._optimizer_kind(),
            "resumption": resumption if self.warm_start else None,
        }

    def _optimizer_kind(self) -> dict:
        """What has to be the same for an optimizer's state to be of use."""
        name = self.optimizer if isinstance(self.optimizer, str) else self.optimizer.__qualname__
        schedule = type(self.learning_rate).__name__ if callable(self.learning_rate) else None
        return {"optimizer": name, "learning_rate": schedule}

    def _spec(self) -> NetworkSpec:
        n_outputs, output_activation = self._outputs()
        return NetworkSpec(
            n_tokens=self._n_tokens(),
            embedding_dim=int(self.embedding_dim),
            cell=self.cell,
            units=tuple(int(n) for n in self._units()),
            bidirectional=bool(self.bidirectional),
            activation=self.activation,
            pooling=self.pooling,
            n_outputs=n_outputs,
            output_activation=output_activation,
            dropout=float(self.dropout),
            embedding_dropout=float(self.embedding_dropout),
            token_dropout=float(self.token_dropout),
        )

    def _units(self):
        return (self.units,) if isinstance(self.units, Integral) else self.units

    def _forward(self, X) -> np.ndarray:
        """The network's outputs: (n_documents, n_outputs)."""
        check_is_fitted(self)
        sequences = self._sequences(self._check_input(X))
        return forward(NetworkSpec(**self._network["spec"]), self._network["weights"], sequences)

    @property
    def n_parameters_(self):
        """Number of trained numbers in the network."""
        check_is_fitted(self)
        return sum(weight.size for weight in self._network["weights"].values())

    @property
    def model_(self):
        """The trained ``keras.Model``, built anew each time it is asked for."""
        if not hasattr(self, "_network"):
            raise AttributeError(f"{type(self).__name__} has no model_ before it is fitted; call fit first.")
        from skrnn._keras_network import build_network

        model = build_network(NetworkSpec(**self._network["spec"]))
        model.set_weights(list(self._network["weights"].values()))
        return model

    def __dir__(self):
        # Listing the members, as the HTML representation does with their values, must not build a model.
        return [name for name in object.__dir__(self) if name != "model_" and hasattr(self, name)]

    def _check_params(self):
        self._check_network_params()
        self._check_training_params()

    def _check_network_params(self):
        check_choice("cell", self.cell, tuple(N_GATES))
        units = self._units()
        if not isinstance(units, tuple | list) or not units:
            raise TypeError(
                f"Expected units to be an int, or a tuple with one for each layer; got {self.units!r}."
            )
        for n in units:
            check_number("units", n, Integral, low=1)
        check_bool("bidirectional", self.bidirectional)
        check_choice("activation", self.activation, ACTIVATIONS)
        check_choice("pooling", self.pooling, POOLINGS)
        check_number("embedding_dim", self.embedding_dim, Integral, low=1)
        for name in ("dropout", "embedding_dropout", "token_dropout"):
            check_number(name, getattr(self, name), Real, low=0, high=1, high_open=True)

    def _check_training_params(self):
        if not isinstance(self.optimizer, type):
            check_choice(
                "optimizer", self.optimizer, OPTIMIZERS, or_else="a subclass of keras.optimizers.Optimizer"
            )
        if not callable(self.learning_rate):  # Keras' schedules are
            check_number("learning_rate", self.learning_rate, Real, low=0, low_open=True)
        check_number("weight_decay", self.weight_decay, Real, low=0)
        if self.clipnorm is not None:
            check_number("clipnorm", self.clipnorm, Real, low=0, low_open=True)
        check_number("epochs", self.epochs, Integral, low=1)
        check_number("batch_size", self.batch_size, Integral, low=1)
        if self.early_stopping != "auto":
            check_bool("early_stopping", self.early_stopping, or_else="'auto'")
        check_number("validation_fraction", self.validation_fraction, Real, low=0, high=0.5, low_open=True)
        check_number("n_iter_no_change", self.n_iter_no_change, Integral, low=1)
        check_number("tol", self.tol, Real, low=0)
        check_bool("warm_start", self.warm_start)
        if not isinstance(self.verbose, bool):
            check_number("verbose", self.verbose, Integral, low=0, high=2)
        callbacks = [] if self.callbacks is None else self.callbacks
        # Whatever has set_model can be a callback, class or instance.
        if not isinstance(callbacks, list | tuple) or not all(hasattr(c, "set_model") for c in callbacks):
            raise TypeError(f"Expected callbacks to be a list of Keras callbacks or None; got {self.callbacks!r}.")


def _check_same_length(name: str, y, X) -> None:
    if len(y) != _n_rows(X):
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {_n_rows(X)} documents, and {name} of "
            f"length {len(y)}."
        )


def _check_sample_weight(name: str, weights, X) -> np.ndarray:
    """Weights as an array of float64; ones for None."""
    if weights is None or isinstance(weights, Real):
        weights = np.full(_n_rows(X), 1.0 if weights is None else weights)
    weights = check_array(weights, ensure_2d=False, dtype=np.float64, input_name=name)
    if weights.ndim != 1:
        raise ValueError(f"Expected {name} to be one-dimensional, got an array of shape {weights.shape}.")
    _check_same_length(name, weights, X)
    if weights.min() < 0:
        raise ValueError(f"Expected {name} >= 0; got {weights.min()} at position {weights.argmin()}.")
    if not np.any(weights):
        raise ValueError(f"Expected some document with {name} > 0; all are 0.")
    return weights


def _n_rows(X) -> int:
    return X.shape[0] if hasattr(X, "shape") else len(X)


def _join(earlier: dict[str, list[float]], later: dict[str, list[float]]) -> dict[str, list[float]]:
    """Two histories, one after the other; NaN for the epochs in which a quantity was not measured."""
    n_earlier, n_later = (len(history.get("loss", [])) for history in (earlier, later))
    return {
        name: earlier.get(name, [np.nan] * n_earlier) + later.get(name, [np.nan] * n_later)
        for name in {**earlier, **later}
    }


def _take(X, rows: np.ndarray):
    """The given rows of a list of documents or of a sparse matrix."""
    return X[rows] if hasattr(X, "shape") else [X[row] for row in rows]


def _stratified_sample(strata: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of ``n`` elements, spread evenly over the sorted strata; strata of one element are left alone.

    Unlike scikit-learn's stratified split, it takes rare classes and more classes than there are elements to
    draw, which a text classifier meets.
    """
    order = rng.permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    _, stratum, counts = np.unique(strata[order], return_inverse=True, return_counts=True)
    order = order[counts[stratum] > 1]
    n = min(n, len(order) // 2)  # of every two neighbours at most one is taken, so that each stratum keeps some
    return order[np.floor((np.arange(n) + rng.random()) * len(order) / max(n, 1)).astype(np.intp)]
