"""What the estimators share: parameters, the course of a fit, the fitted state.

Fitted state is plain data: a specification, named arrays, a history. Keras is imported when a fit begins, or
when somebody asks for ``model_``.
"""

import copy
import inspect
import sys
from dataclasses import asdict, dataclass
from numbers import Integral, Real
from weakref import WeakKeyDictionary

import numpy as np
from scipy import sparse
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted

from skrnn.estimators._callbacks import CallbackSupportMixin, EpochTasks, with_callbacks
from skrnn.text._char_ngrams import check_parts
from skrnn.network._numpy import forward
from skrnn.network._spec import ACTIVATIONS, N_GATES, POOLINGS, NetworkSpec, check_network, initial_weights
from skrnn.utils._persistence import PersistentEstimator
from skrnn.utils._threads import SINGLE_THREADED_BLAS
from skrnn.utils._validation import check_bool, check_choice, check_number, check_rate

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

# With fewer validation samples their loss is mostly noise, and early_stopping="auto" does without.
MIN_AUTO_VALIDATION = 20

# epochs="auto": what it takes to learn from short sequences, from few of them, or to tell many classes apart.
MIN_AUTO_TIME_STEPS, MIN_AUTO_UPDATES, MIN_AUTO_SAMPLES_PER_CLASS = 750_000, 250, 1200
MIN_AUTO_EPOCHS, MAX_AUTO_EPOCHS = 5, 60


class BaseRNN(CallbackSupportMixin, PersistentEstimator):
    """The course of a fit and of a prediction; subclasses say what X and y are.

    Hooks for the input: ``_check_input``, ``_fit_sequences``, ``_sequences``, ``_input_spec``,
    ``_initial_weights``, ``_initial_parts``, ``_n_epochs_to_read``.
    Hooks for the target: ``_check_target``, ``_fit_targets``, ``_targets``, ``_target_weights``, ``_strata``,
    ``_network_targets``, ``_outputs``, ``_loss``, ``_label_smoothing``.
    """

    def __init__(
        self,
        *,
        cell,
        units,
        bidirectional,
        activation,
        pooling,
        dropout,
        network,
        optimizer,
        learning_rate,
        learning_rate_decay,
        weight_decay,
        clipnorm,
        epochs,
        batch_size,
        early_stopping,
        validation_fraction,
        n_iter_no_change,
        tol,
        scoring,
        warm_start,
        callbacks,
        random_state,
        verbose,
    ):
        self.cell = cell
        self.units = units
        self.bidirectional = bidirectional
        self.activation = activation
        self.pooling = pooling
        self.dropout = dropout
        self.network = network
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.learning_rate_decay = learning_rate_decay
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.epochs = epochs
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.scoring = scoring
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    @with_callbacks
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Fit the network.

        Parameters
        ----------
        X : iterable of str, or sequences
            The samples: documents, token ids or numeric sequences, as the class describes.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples in the loss. Only their ratios matter, and weight 0 is as good as leaving
            the sample out (but for ``classes_``, which are those of all samples). None weighs all the same.
        X_val, y_val : as X and y, default=None
            Validation data, in place of the share of X that early stopping would hold back. Without early
            stopping they are still scored after each epoch, for ``history_``.
        sample_weight_val : array-like of shape (n_validation_samples,), default=None
            Weights of the validation samples.

        Returns
        -------
        self : object
            The fitted estimator. If fitting fails, the estimator is as it was. Interrupted by the user (Ctrl-C)
            after its first epoch, a fit warns and keeps the best weights so far.
        """
        self._check_params()
        tasks = EpochTasks(self, None if self.epochs == "auto" else self.epochs, X, y, sample_weight)
        fitted = copy.copy(self)  # takes what is learned; handed over only when all has gone well
        fitted._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), tasks)
        tasks.end(lambda: vars(fitted))
        self._take_over(fitted)
        return self

    def _fit(self, X, y, sample_weight, validation_data, tasks):
        resume = self.warm_start and hasattr(self, "_network")
        seed = self._seed()
        X = self._check_input(X, reset=not resume)
        training = self._training_samples(X, y, sample_weight, resume)
        if any(part is not None for part in validation_data):
            validation = self._validation_samples(*validation_data, n_samples=_n_rows(X))
        else:
            held_back = self._hold_back(training.targets, seed)
            validation = training.take(held_back)
            training = training.take(np.setdiff1d(np.arange(len(training.y)), held_back))
        fit_sequences = self._sequences if resume else self._fit_sequences
        examples = self._examples(training, fit_sequences)
        watched = self._examples(validation, self._sequences) if len(validation.y) else None
        scorer = self._scorer(validation) if watched else None
        observer = _Observer(self, scorer, tasks) if scorer or tasks.has_callbacks else None
        self._train(
            examples,
            watched,
            seed,
            resume,
            self._n_epochs(examples.sequences),
            observer,
            self.warm_start,
            self.learning_rate_decay,
        )

    def _n_epochs(self, sequences) -> int:
        if self.epochs != "auto":
            return int(self.epochs)
        n_outputs, _ = self._outputs()
        n_samples = max(MIN_AUTO_UPDATES * self.batch_size, MIN_AUTO_SAMPLES_PER_CLASS * max(n_outputs, 2))
        wanted = max(n_samples / sequences.shape[0], self._n_epochs_to_read(sequences))
        return int(np.clip(np.ceil(wanted), MIN_AUTO_EPOCHS, MAX_AUTO_EPOCHS))

    def _n_epochs_to_read(self, sequences) -> float:
        """How often "auto" shows sequences that are short."""
        return MIN_AUTO_TIME_STEPS / max(len(sequences.data), 1)

    def _partial_fit(self, X, y, sample_weight, **known_targets):
        """Train for one epoch, from where the last one ended."""
        self._check_params()
        fitted = copy.copy(self)
        resume = hasattr(self, "_network")
        X = fitted._check_input(X, reset=not resume)
        training = fitted._training_samples(X, y, sample_weight, resume, **known_targets)
        examples = fitted._examples(training, fitted._sequences if resume else fitted._fit_sequences)
        # Nobody knows how many epochs will come: the learning rate stays what it is.
        fitted._train(examples, None, self._seed(), resume, 1, None, resumable=True, learning_rate_decay=None)
        self._take_over(fitted)
        return self

    def _take_over(self, fitted):
        for name in vars(self).keys() - vars(fitted).keys():
            delattr(self, name)  # learned before, and not this time
        vars(self).update(vars(fitted))

    def _seed(self) -> int:
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _training_samples(self, X, y, sample_weight, resume, **known_targets) -> "_Samples":
        X, y, weights = self._check_targets_and_weights(X, y, sample_weight)
        targets = self._targets(y) if resume else self._fit_targets(y, weights, **known_targets)
        return self._samples(X, y, targets, weights)

    def _validation_samples(self, X_val, y_val, sample_weight_val, n_samples) -> "_Samples":
        if X_val is None or y_val is None:
            missing = "X_val" if X_val is None else "y_val"
            raise ValueError(f"Expected X_val and y_val together; {missing} is missing.")
        try:
            X_val = self._check_input(X_val)
            n_validation_samples = _n_rows(X_val)
            X_val, y_val, weights = self._check_targets_and_weights(X_val, y_val, sample_weight_val)
            samples = self._samples(X_val, y_val, self._targets(y_val), weights)
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"In the validation data (X_val, y_val, sample_weight_val): {error}") from error
        if n_validation_samples == n_samples and _is_fitted_on_folds():
            raise ValueError(
                f"X_val and X have the same number of samples, {n_samples}: cross-validation cuts every fit "
                "parameter that is as long as its X as it cuts X, and validation data with it. Pass one sample "
                "more or less in X_val, y_val and sample_weight_val."
            )
        return samples

    def _samples(self, X, y, targets, weights) -> "_Samples":
        """Those that have a weight: from the others nothing is learned."""
        rows = np.flatnonzero(weights * self._target_weights(targets))  # classes may have the weight 0
        if len(rows) == 0:
            raise ValueError("Expected some sample of a class with a weight > 0; all weights are zero.")
        return _Samples(X, y, targets, weights).take(rows)

    def _hold_back(self, targets, seed):
        """Positions of the samples that early stopping watches."""
        if not self.early_stopping:
            return np.arange(0)
        n = round(self.validation_fraction * len(targets))
        held_back = _stratified_sample(self._strata(targets), n, np.random.default_rng([seed, 1]))
        if isinstance(self.early_stopping, str):
            return held_back if len(held_back) >= MIN_AUTO_VALIDATION else np.arange(0)
        if len(held_back) == 0:
            raise ValueError(
                f"validation_fraction={self.validation_fraction} of {len(targets)} samples leaves none to "
                "validate on, since every class keeps one. Raise it, pass X_val and y_val, or set "
                "early_stopping=False."
            )
        return held_back

    def _check_target(self, y) -> np.ndarray:
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        if isinstance(y, set | frozenset):
            raise TypeError("Expected y to be an array-like; got a set, which has no order.")
        y = np.atleast_1d(y.toarray() if sparse.issparse(y) else np.asarray(y))
        return y.astype(object) if y.dtype.kind == "T" else y  # scikit-learn does not know StringDType

    def _check_targets_and_weights(self, X, y, sample_weight):
        """Input, y and weights that fit together."""
        y = self._check_target(y)
        _check_same_length("y", y, X)
        return X, y, _check_sample_weight(sample_weight, X)

    def _scorer(self, validation: "_Samples"):
        """A function from an estimator to the score that early stopping watches, or None if it is the loss."""
        if isinstance(self.scoring, str) and self.scoring == "loss":
            return None
        scorer = check_scoring(self, self.scoring)
        X, y, weights = self._input(validation.X), validation.y, validation.weights
        is_weighted = np.any(weights != weights[0]) and _takes_sample_weight(scorer)
        options = {"sample_weight": weights} if is_weighted else {}
        watched = f"scoring={self.scoring!r} of the {len(y)} validation samples"
        advice = "Raise validation_fraction, pass X_val and y_val, or choose another scoring."

        def score(estimator):
            estimator = copy.copy(estimator)
            vars(estimator).pop("feature_names_in_", None)  # X is an array, even if it was a table with names
            try:
                found = float(scorer(estimator, X, y, **options))
            except ValueError as error:
                raise ValueError(f"{watched} failed: {error} {advice}") from error
            if self.early_stopping and np.isnan(found):  # no epoch would be better than the first
                raise ValueError(f"Expected {watched} to be a number; got nan. {advice}")
            return found

        return score

    def _examples(self, samples: "_Samples", to_sequences):
        from skrnn.training._train import Examples

        weights = samples.weights * self._target_weights(samples.targets)
        with np.errstate(over="ignore"):
            mean = weights.mean()
        if not np.isfinite(mean):
            raise ValueError("Expected weights, times those of the classes, with a finite sum. Scale them down.")
        # On average 1, so that the size of a gradient, and with it clipping, is that of unweighted training.
        weights = (weights / mean).astype(np.float32)
        return Examples(
            to_sequences(samples.X),
            self._network_targets(samples.targets),
            None if np.all(weights == 1) else weights,
        )

    def _train(self, training, validation, seed, resume, epochs, observer, resumable, learning_rate_decay):
        from skrnn.training._train import TrainingSettings, train

        spec = self._spec()
        rate = self.learning_rate
        stop_early = validation is not None and bool(self.early_stopping)
        settings = TrainingSettings(
            network=self.network,
            loss=self._loss(),
            label_smoothing=float(self._label_smoothing()),
            optimizer=self.optimizer,
            learning_rate=rate if callable(rate) else float(rate),
            learning_rate_decay=learning_rate_decay,
            weight_decay=self.weight_decay,
            clipnorm=self.clipnorm,
            epochs=epochs,
            batch_size=int(self.batch_size),
            patience=int(self.n_iter_no_change) if stop_early else None,
            monitor="val_loss" if observer is None else observer.monitor,
            tol=self.tol,
            callbacks=list(self.callbacks or ()),
            verbose=bool(self.verbose),
            keep_if_interrupted=not _is_fitted_on_folds(),
            seed=seed,
            resumable=bool(resumable),
        )
        result = train(spec, self._start(spec, seed, resume, training), training, validation, settings, observer)
        self.history_ = _join(self.history_ if resume else {}, result.history)
        self.n_iter_ = result.state.n_epochs
        self.best_epoch_ = result.best_epoch
        self.validation_scores_ = None
        if validation is not None and settings.monitor == "val_loss":
            self.validation_scores_ = [-loss for loss in self.history_["val_loss"]]
        elif validation is not None:
            self.validation_scores_ = self.history_[settings.monitor]
        resumption = {name: value for name, value in vars(result.state).items() if name != "weights"}
        self._network = self._network_state(spec, result.state.weights, resumption if resumable else None)

    def _network_state(self, spec: NetworkSpec, weights: dict[str, np.ndarray], resumption: dict | None) -> dict:
        """All that is kept of a trained network."""
        return {
            "spec": asdict(spec),
            "weights": weights,
            "network": self.network,
            "optimizer": self._optimizer_kind(),
            "resumption": resumption,
        }

    def _start(self, spec, seed, resume, training):
        """Where training begins."""
        from skrnn.training._train import TrainingState

        if not resume:
            # A network of the user's own starts as its layers say.
            rng = np.random.default_rng([seed, 0])
            with SINGLE_THREADED_BLAS:  # as in predictions: small matrices, on a machine that may be busy
                weights = self._initial_weights(spec, rng, training) if self.network is None else None
            return TrainingState(weights, self._initial_parts(spec))
        # After a fit with warm_start=False, the weights are there, but not how the optimizer got to them.
        resumption = self._network["resumption"] or {"n_epochs": self.n_iter_}
        start = TrainingState(self._network["weights"], **resumption)
        fitted_spec = NetworkSpec(**self._network["spec"])
        before = {**asdict(fitted_spec), **(self._network["optimizer"] if start.optimizer else {})}
        before["network"] = self._network["network"]
        now = {**asdict(spec), **self._optimizer_kind(), "network": self.network}
        changed = [name for name, value in now.items() if value != before.get(name, value)]
        if changed:
            raise ValueError(
                f"Training goes on with the fitted network, but {', '.join(changed)} would change it. Set the "
                "parameters back, or call fit with warm_start=False."
            )
        return start

    def _initial_weights(self, spec, rng, _training) -> dict[str, np.ndarray]:
        return initial_weights(spec, rng)

    def _initial_parts(self, _spec) -> dict[str, np.ndarray] | None:
        """What the vectors of tokens share in training, if anything."""
        return None

    def _optimizer_kind(self) -> dict:
        """What has to be the same for an optimizer's state to be of use."""
        name = self.optimizer if isinstance(self.optimizer, str) else self.optimizer.__qualname__
        schedule = type(self.learning_rate).__name__ if callable(self.learning_rate) else None
        return {"optimizer": name, "learning_rate": schedule}

    def _spec(self) -> NetworkSpec:
        n_outputs, output_activation = self._outputs()
        return NetworkSpec(
            **self._input_spec(),
            cell=self.cell,
            units=tuple(int(n) for n in self._units()),
            bidirectional=bool(self.bidirectional),
            activation=self.activation,
            pooling=self.pooling,
            n_outputs=n_outputs,
            output_activation=output_activation,
            dropout=float(self.dropout),
        )

    def _label_smoothing(self) -> float:
        return 0.0

    def _units(self):
        return (self.units,) if isinstance(self.units, Integral) else self.units

    def _forward(self, X, **changes) -> np.ndarray:
        """The network's outputs: (n_samples, n_outputs); ``changes`` to its specification for this once."""
        check_is_fitted(self)
        sequences = self._sequences(self._check_input(X))
        fitted = self._network
        spec, weights, network = (fitted[name] for name in ("spec", "weights", "network"))
        if network is None:
            spec = NetworkSpec(**{**spec, **changes})
            return forward(spec, weights, sequences, self._prepared(fitted))
        from skrnn.network._keras import predict

        return predict(NetworkSpec(**spec), network, list(weights.values()), sequences)

    def _prepared(self, fitted: dict) -> dict:
        """What predictions with this network, trained by this estimator, have derived from its weights."""
        of, prepared = _PREPARED.get(self, (None, None))
        if of is not fitted:
            prepared = {}
            _PREPARED[self] = fitted, prepared
        return prepared

    def _from_plain_state(self, state):
        self._check_state(state)
        return state

    def _check_state(self, state):
        if "_network" not in state:
            return
        try:
            network = state["_network"]
            if not isinstance(network["weights"], dict):
                raise TypeError(f"Expected weights by their names; got {type(network['weights']).__name__}.")
            check_network(
                NetworkSpec(**network["spec"]), network["weights"] if network["network"] is None else None
            )
            _check_resumption(network["resumption"] or {}, network["weights"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"This {type(self).__name__} cannot be restored, its network is damaged: {error}"
            ) from error

    def _input(self, X):
        """What ``_check_input`` has checked, as a user would pass it."""
        return X

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_network")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    @property
    def n_parameters_(self):
        """Number of numbers in the network's weights."""
        check_is_fitted(self)
        return sum(weight.size for weight in self._network["weights"].values())

    @property
    def model_(self):
        """The trained ``keras.Model``, built anew each time it is asked for."""
        if not hasattr(self, "_network"):
            raise AttributeError(f"{type(self).__name__} has no model_ before it is fitted; call fit first.")
        return self.to_keras()

    def to_keras(self):
        """The trained network as a Keras model that stands alone, for those who go on in Keras.

        It takes token ids padded with 0, of shape (batch, time), or vectors padded with NaN, of shape
        (batch, time, n_features). Import ``skrnn.layers`` before you load a file that it saved.

        Returns
        -------
        model : keras.Model
            Not compiled. Changes to it do not reach the estimator.
        """
        check_is_fitted(self)
        from skrnn.network._keras import build_network, build_own

        spec, network = NetworkSpec(**self._network["spec"]), self._network["network"]
        model = build_network(spec) if network is None else build_own(spec, network)
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
        check_rate("dropout", self.dropout)
        if not (self.network is None or callable(self.network)):
            raise TypeError(
                f"Expected network to be a function from NetworkSpec to keras.Model; got {self.network!r}."
            )

    def _check_training_params(self):
        self._check_optimizer_params()
        self._check_epochs_params()
        check_bool("warm_start", self.warm_start)
        if not isinstance(self.verbose, bool):
            check_number("verbose", self.verbose, Integral, low=0)
        callbacks = [] if self.callbacks is None else self.callbacks
        # A callback has set_model; a class or a factory is called for one.
        if not isinstance(callbacks, list | tuple) or not all(
            callable(callback) or hasattr(callback, "set_model") for callback in callbacks
        ):
            raise TypeError(f"Expected callbacks to be a list of Keras callbacks or None; got {self.callbacks!r}.")

    def _check_optimizer_params(self):
        if not isinstance(self.optimizer, type):
            check_choice(
                "optimizer", self.optimizer, OPTIMIZERS, or_else="a subclass of keras.optimizers.Optimizer"
            )
        if not callable(self.learning_rate):  # Keras' schedules are
            check_number("learning_rate", self.learning_rate, Real, low=0, low_open=True)
        if self.learning_rate_decay is not None:
            check_choice("learning_rate_decay", self.learning_rate_decay, ("cosine",), or_else="None")
        check_number("weight_decay", self.weight_decay, Real, low=0)
        if self.clipnorm is not None:
            check_number("clipnorm", self.clipnorm, Real, low=0, low_open=True)
        check_number("batch_size", self.batch_size, Integral, low=1)

    def _check_epochs_params(self):
        if self.epochs != "auto":
            check_number("epochs", self.epochs, Integral, low=1, or_else="'auto'")
        if self.early_stopping != "auto":
            check_bool("early_stopping", self.early_stopping, or_else="'auto'")
        check_number("validation_fraction", self.validation_fraction, Real, low=0, high=0.5, low_open=True)
        check_number("n_iter_no_change", self.n_iter_no_change, Integral, low=1)
        check_number("tol", self.tol, Real, low=0)
        if not (self.scoring is None or isinstance(self.scoring, str) or callable(self.scoring)):
            raise TypeError(f"Expected scoring to be a str, a callable or None; got {self.scoring!r}.")
        if self.scoring != "loss":
            check_scoring(self, self.scoring)


# Beside the estimators and not in them: predicting leaves their state as it is.
_PREPARED: WeakKeyDictionary = WeakKeyDictionary()


@dataclass
class _Samples:
    """Checked samples, with the targets of the network that their y stand for, and their own weights."""

    X: object
    y: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    def take(self, rows: np.ndarray) -> "_Samples":
        if len(rows) == len(self.y):
            return self
        return _Samples(_take(self.X, rows), self.y[rows], self.targets[rows], self.weights[rows])


class _Observer:
    """After each epoch: the monitored score, and scikit-learn's callbacks."""

    def __init__(self, estimator, scorer, tasks):
        self._estimator, self._scorer, self._tasks = estimator, scorer, tasks
        self.monitor = "val_loss" if scorer is None else "val_score"

    def begin_epoch(self):
        self._tasks.begin_epoch()

    def end_epoch(self, weights):
        # Weights are fetched only if somebody wants to predict with them.
        scores = {} if self._scorer is None else {self.monitor: self._scorer(self._stopped_here(weights()))}
        return scores, self._tasks.end_epoch(lambda: vars(self._stopped_here(weights())))

    def _stopped_here(self, weights):
        """An estimator that predicts as if fit had stopped here."""
        estimator = copy.copy(self._estimator)
        estimator._network = estimator._network_state(estimator._spec(), weights, resumption=None)
        return estimator


# The functions in which scikit-learn fits an estimator on a part of X, and cuts fit parameters likewise.
_FIT_ON_FOLDS = (
    "_fit_and_score",
    "_fit_and_predict",
    "_fit_classifier_calibrator_pair",
    "_permutation_test_score",
    "_fit_and_score_over_thresholds",
)


def _is_fitted_on_folds() -> bool:
    """Whether a cross-validation of scikit-learn is what called."""
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name in _FIT_ON_FOLDS and frame.f_globals["__name__"].startswith("sklearn."):
            return True
        frame = frame.f_back
    return False


def _check_same_length(name: str, y, X) -> None:
    if len(y) != _n_rows(X):
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {_n_rows(X)} in X, and {name} of "
            f"length {len(y)}."
        )


def _check_sample_weight(weights, X) -> np.ndarray:
    """Weights as an array of float64; ones for None."""
    name = "sample_weight"
    if weights is None or isinstance(weights, Real):
        weights = np.full(_n_rows(X), 1.0 if weights is None else weights)
    weights = check_array(weights, ensure_2d=False, dtype=np.float64, input_name=name)
    if weights.ndim != 1:
        raise ValueError(f"Expected {name} to be one-dimensional, got an array of shape {weights.shape}.")
    _check_same_length(name, weights, X)
    if weights.min() < 0:
        raise ValueError(f"Expected {name} >= 0; got {weights.min()} at position {weights.argmin()}.")
    if not np.any(weights):
        raise ValueError(f"Expected some sample with {name} > 0; all weights are zero.")
    with np.errstate(over="ignore"):
        total = weights.sum()
    if not np.isfinite(total):
        raise ValueError(f"Expected {name} with a finite sum; got weights up to {weights.max()}. Scale them down.")
    return weights


def _check_resumption(resumption: dict, weights: dict[str, np.ndarray]) -> None:
    """Raise an error unless training could go on from there."""
    if not isinstance(resumption, dict):
        raise TypeError(f"Expected a dict of what training goes on from; got {type(resumption).__name__}.")
    if resumption.get("parts") is not None:
        check_parts(resumption["parts"], weights["embedding"])
    n_epochs = resumption.get("n_epochs", 0)
    if type(n_epochs) is not int or n_epochs < 0:
        raise ValueError(f"Expected n_epochs to be an int >= 0; got {n_epochs!r}.")
    for name in ("optimizer", "dropout_seeds"):
        for value in resumption.get(name) or []:
            if np.any(np.isnan(value)):  # sums of squares may be infinite
                raise ValueError(f"The state of {name} holds NaN.")


def _takes_sample_weight(scorer) -> bool:
    """Whether the function does, or the metric from which scikit-learn made the scorer."""
    try:
        parameters = inspect.signature(getattr(scorer, "_score_func", scorer)).parameters
    except (TypeError, ValueError):  # it does not say what it takes
        return False
    return "sample_weight" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


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
    """The given rows of a list, an array, a sparse matrix or ragged sequences."""
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
