"""What all estimators share: their parameters, the steps of a fit, and predictions.

``BaseRNN._learn`` lists the steps. Subclasses say what X and y are: ``_fit_input``, ``_check_y`` and ``_fit_target``.
Keras is imported when a fit begins, or when ``model_`` is read.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skrnn.estimators._callbacks import CallbackSupportMixin, EpochTasks, with_callbacks
from skrnn.estimators._fitted import Encoding, Fitted
from skrnn.estimators._inputs import Input
from skrnn.estimators._samples import Samples, check_same_length, check_sample_weight
from skrnn.estimators._scoring import EpochScorer, Observer
from skrnn.estimators._targets import Target
from skrnn.network._char_ngrams import CharNgramVectors
from skrnn.network._spec import ACTIVATIONS, CELLS, POOLINGS, NetworkSpec
from skrnn.network._trained import TrainedNetwork
from skrnn.sequences._storage import Sequences
from skrnn.utils._parameters import (
    BOOLEAN,
    CALLABLE,
    NONE,
    Constraint,
    IntegerTuple,
    Interval,
    Options,
    Where,
    validated_params,
)
from skrnn.utils._persistence import PersistentEstimator
from skrnn.utils._threads import SINGLE_THREADED_BLAS

# Keras has them by these names. Listed so that a misspelt name is refused before Keras is imported.
OPTIMIZERS = "adam adamw sgd rmsprop nadam adamax adagrad adadelta lion adafactor ftrl".split()

# epochs="auto": enough epochs to learn from few samples, or to tell many classes apart.
_AUTO_UPDATES, _AUTO_SAMPLES_PER_CLASS = 250, 1200
_MIN_AUTO_EPOCHS, _MAX_AUTO_EPOCHS = 5, 60


def _are_callbacks(value: Any) -> bool:
    """Return whether these are callbacks of Keras, or classes and functions that make them."""
    return isinstance(value, list | tuple) and all(callable(item) or hasattr(item, "set_model") for item in value)


class BaseRNN(CallbackSupportMixin, PersistentEstimator):
    """Base of all estimators.

    A subclass defines the methods ``_fit_input``, ``_check_y`` and ``_fit_target``, and adds its own parameters to
    ``_parameter_constraints``.
    """

    _parameter_constraints: ClassVar[Mapping[str, Sequence[Constraint]]] = {
        "cell": [Options(list(CELLS))],
        "units": [
            Interval(int, 1),
            IntegerTuple(1, "a tuple with an integer >= 1 for each layer"),
        ],
        "bidirectional": [BOOLEAN],
        "activation": [Options(ACTIVATIONS)],
        "pooling": [Options(POOLINGS)],
        "dropout": [Interval(float, 0, 1)],
        "network": [Where("a function from NetworkSpec to keras.Model", callable), NONE],
        "optimizer": [
            Options(OPTIMIZERS),
            Where("a subclass of keras.optimizers.Optimizer", lambda optimizer: isinstance(optimizer, type)),
        ],
        "learning_rate": [
            Interval(float, 0, closed="neither"),
            Where("a learning-rate schedule of Keras", callable),
        ],
        "learning_rate_decay": [Options(["cosine"]), NONE],
        "weight_decay": [Interval(float, 0)],
        "clipnorm": [Interval(float, 0, closed="neither"), NONE],
        "epochs": [Interval(int, 1), Options(["auto"])],
        "batch_size": [Interval(int, 1)],
        "early_stopping": [BOOLEAN],
        "validation_fraction": [Interval(float, 0, 0.5, closed="right")],
        "n_iter_no_change": [Interval(int, 1)],
        "tol": [Interval(float, 0)],
        "scoring": [Where("the name of a scorer", lambda scoring: isinstance(scoring, str), str), CALLABLE, NONE],
        "warm_start": [BOOLEAN],
        "callbacks": [Where("a list of Keras callbacks", _are_callbacks, list), NONE],
        "random_state": [
            Interval(int, 0, 2**32, closed="left"),
            Where("a numpy.random.RandomState", lambda state: isinstance(state, np.random.RandomState)),
            Where("numpy.random", lambda state: state is np.random),
            NONE,
        ],
        "verbose": [BOOLEAN, Interval(int, 0)],
    }

    _fitted: Fitted

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Any:
        """Fit the network.

        Parameters
        ----------
        X : iterable of str, or sequences
            The training samples: documents, token ids or sequences, as the class describes.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights in the loss. Only their ratios matter. None gives all samples the same weight. A sample
            of weight 0 is left out, but its class stays in ``classes_``.
        X_val, y_val : as X and y, default=None
            Validation data. Early stopping then holds back none of X. Without early stopping, the validation data
            is scored after each epoch for ``history_``. A search of scikit-learn cuts every argument of ``fit``
            that has as many samples as X, validation data included.
        sample_weight_val : array-like of shape (n_validation_samples,), default=None
            Weights of the validation samples.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        KeyboardInterrupt
            If the user interrupts the fit. After the first epoch, the estimator is fitted all the same, with the
            best weights so far.

        Notes
        -----
        If a fit fails, the estimator stays as it was.
        """
        params = self._validated_params()
        tasks = EpochTasks(self, None if params.epochs == "auto" else params.epochs, X, y, sample_weight)
        validation_data = X_val, y_val, sample_weight_val
        fitted, is_interrupted = self._learn(X, y, sample_weight, params, validation_data, tasks)
        tasks.end(lambda: {"_fitted": fitted})
        self._fitted = fitted
        if is_interrupted:
            raise KeyboardInterrupt(f"The fit was interrupted. {type(self).__name__} has the best weights so far.")
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: np.ndarray | None = None) -> Any:
        """Train for one epoch and resume from the last one, if there is one."""
        params = self._validated_params()
        # The number of epochs to come is not known: the learning rate stays as it is.
        params.__dict__.update(epochs=1, learning_rate_decay=None, early_stopping=False, warm_start=True)
        self._fitted, _ = self._learn(X, y, sample_weight, params, classes=classes)
        return self

    def _learn(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        params: SimpleNamespace,
        validation_data: tuple[Any, Any, Any] = (None, None, None),
        tasks: EpochTasks | None = None,
        classes: np.ndarray | None = None,
    ) -> tuple[Fitted, bool]:
        """Return what is learned, and whether the user interrupted the training. The estimator does not change."""
        from skrnn.training._train import train

        resumed = self._fitted if params.warm_start and self.__sklearn_is_fitted__() else None
        seed = int(check_random_state(params.random_state).randint(np.iinfo(np.int32).max))
        encoding, samples = self._check_samples(X, y, sample_weight, params, resumed, classes)
        training, validation = self._split(samples, validation_data, encoding, params, seed)
        if resumed is None:
            network, examples, char_ngrams = self._start(training, encoding, params, seed)
        else:
            network, examples, char_ngrams = self._resume(resumed.network, training, encoding, params)
        watched = None if validation is None else _examples(validation, encoding.input.transform(validation.X))
        observer = self._observer(validation, network, encoding, params, tasks)
        monitor = "val_loss" if observer is None else observer.monitor
        settings = self._training_settings(params, encoding, examples, seed, monitor, watched is not None)
        result = train(network, examples, watched, settings, observer, char_ngrams)
        history = _join({} if resumed is None else resumed.history, result.history)
        scores = None if watched is None else _scores(history, monitor)
        fitted = Fitted(encoding.input, encoding.target, result.network, history, result.best_epoch, scores)
        return fitted, result.interrupted

    def _fit_input(self, X: Any, params: SimpleNamespace) -> tuple[Input, Any]:
        """Return a new input for X, and the checked X."""
        raise NotImplementedError

    def _check_y(self, y: Any) -> np.ndarray:
        """Return y as an array, or raise an error if it cannot be a target."""
        raise NotImplementedError

    def _fit_target(
        self, y: np.ndarray, sample_weight: np.ndarray, params: SimpleNamespace, classes: np.ndarray | None
    ) -> Target:
        """Return a new target for a checked y."""
        raise NotImplementedError

    def _validated_params(self) -> SimpleNamespace:
        params = validated_params(self, self._parameter_constraints)
        if params.scoring != "loss":
            check_scoring(self, params.scoring)
        return params

    def _check_samples(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        params: SimpleNamespace,
        resumed: Fitted | None,
        classes: np.ndarray | None,
    ) -> tuple[Encoding, Samples]:
        """Return what X and y mean, and the checked samples."""
        if resumed is not None:
            X = resumed.input.check(X, self)
            y, sample_weight = self._check_y_and_weights(X, y, sample_weight)
            return resumed, Samples.of(X, y, sample_weight, resumed.target)
        input_, X = self._fit_input(X, params)
        y, sample_weight = self._check_y_and_weights(X, y, sample_weight)
        target = self._fit_target(y, sample_weight, params, classes)
        return Encoding(input_, target), Samples.of(X, y, sample_weight, target)

    def _check_y_and_weights(self, X: Any, y: Any, sample_weight: Any) -> tuple[np.ndarray, np.ndarray]:
        y = self._check_y(y)
        check_same_length("y", y, X)
        return y, check_sample_weight(sample_weight, X)

    def _split(
        self,
        samples: Samples,
        validation_data: tuple[Any, Any, Any],
        encoding: Encoding,
        params: SimpleNamespace,
        seed: int,
    ) -> tuple[Samples, Samples | None]:
        """Return the samples for training, and those for validation if there are any."""
        if any(part is not None for part in validation_data):
            return samples, self._check_validation_samples(*validation_data, encoding)
        if not params.early_stopping:
            return samples, None
        strata, rng = encoding.target.strata(samples.encoded), np.random.default_rng([seed, 1])
        return samples.split(strata, params.validation_fraction, rng)

    def _check_validation_samples(self, X: Any, y: Any, sample_weight: Any, encoding: Encoding) -> Samples:
        if X is None or y is None:
            missing = "X_val" if X is None else "y_val"
            raise ValueError(f"Expected X_val and y_val together; {missing} is missing.")
        reader = copy.copy(self)
        reader.__dict__["_fitted"] = encoding  # for scikit-learn's checks of the columns of a table
        try:
            X = encoding.input.check(X, reader)
            return Samples.of(X, *self._check_y_and_weights(X, y, sample_weight), encoding.target)
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"In the validation data (X_val, y_val, sample_weight_val): {error}") from error

    def _start(
        self, training: Samples, encoding: Encoding, params: SimpleNamespace, seed: int
    ) -> tuple[TrainedNetwork, Any, CharNgramVectors | None]:
        """Return a network before training, its examples, and what the vectors of tokens share in training."""
        sequences, start = encoding.input.fit_transform(training.X, params)
        examples = _examples(training, sequences)
        spec = self._spec(encoding, params)
        weights: dict[str, np.ndarray] = {}  # a custom network starts with the weights of its layers
        if params.network is None:
            indicators = encoding.target.indicators(training.encoded)
            rng = np.random.default_rng([seed, 0])
            with SINGLE_THREADED_BLAS:  # on small matrices, threads wait for each other longer than they work
                weights = start.weights(spec, rng, sequences, indicators, examples.weights)
        return TrainedNetwork(spec, weights, build_model=params.network), examples, start.char_ngrams(spec)

    def _resume(
        self, network: TrainedNetwork, training: Samples, encoding: Encoding, params: SimpleNamespace
    ) -> tuple[TrainedNetwork, Any, None]:
        """Return the fitted network and its new examples. The checkpoint has what the vectors of tokens share."""
        examples = _examples(training, encoding.input.transform(training.X))
        _check_resumable(network, self._spec(encoding, params), params)
        return network, examples, None

    def _spec(self, encoding: Encoding, params: SimpleNamespace) -> NetworkSpec:
        return NetworkSpec(
            **encoding.input.spec_fields(params),
            cell=params.cell,
            units=(params.units,) if isinstance(params.units, int) else params.units,
            bidirectional=params.bidirectional,
            activation=params.activation,
            pooling=params.pooling,
            n_outputs=encoding.target.n_outputs,
            output_activation=encoding.target.output_activation,
            dropout=params.dropout,
        )

    def _observer(
        self,
        validation: Samples | None,
        network: TrainedNetwork,
        encoding: Encoding,
        params: SimpleNamespace,
        tasks: EpochTasks | None,
    ) -> Observer | None:
        """Return what scores the validation samples and runs scikit-learn's callbacks, or None if nothing does."""
        if tasks is None:
            return None
        scorer = None
        if validation is not None and params.scoring != "loss":
            scorer = EpochScorer(self, params.scoring, validation, encoding, params.early_stopping)
        if scorer is None and not tasks.has_callbacks:
            return None
        return Observer(self, encoding, network, scorer, tasks)

    def _training_settings(
        self,
        params: SimpleNamespace,
        encoding: Encoding,
        examples: Any,
        seed: int,
        monitor: str,
        has_validation: bool,
    ) -> Any:
        from skrnn.training._train import TrainingSettings

        loss, label_smoothing = encoding.target.loss(params)
        is_auto = params.epochs == "auto"
        return TrainingSettings(
            loss=loss,
            label_smoothing=label_smoothing,
            optimizer=params.optimizer,
            learning_rate=params.learning_rate,
            learning_rate_decay=params.learning_rate_decay,
            weight_decay=params.weight_decay,
            clipnorm=params.clipnorm,
            epochs=_n_auto_epochs(encoding, examples.sequences, params.batch_size) if is_auto else params.epochs,
            batch_size=params.batch_size,
            patience=params.n_iter_no_change if has_validation and params.early_stopping else None,
            monitor=monitor,
            tol=params.tol,
            callbacks=params.callbacks or [],
            verbose=bool(params.verbose),
            seed=seed,
            resumable=params.warm_start,
            char_ngram_range=getattr(params, "char_ngram_range", None),
        )

    def _outputs(self, X: Any, *, logits: bool = False) -> tuple[np.ndarray, Any]:
        """Return the outputs of the network, (n_samples, n_outputs), and the target that decodes them."""
        check_is_fitted(self)
        fitted = self._fitted  # read once: another thread may fit the estimator again
        return fitted.predict(fitted.input.check(X, self), logits=logits), fitted.target

    @property
    def _learned(self) -> Fitted:
        """What the fit learned. Attributes that end in "_" read it."""
        if not self.__sklearn_is_fitted__():
            raise AttributeError(f"{type(self).__name__} is not fitted yet. Call fit first.")
        return self._fitted

    @property
    def feature_names_in_(self) -> np.ndarray:
        names = self._learned.input.feature_names
        if names is None:
            raise AttributeError(f"{type(self).__name__} was fitted without names of columns.")
        return np.array(names, dtype=object)

    @property
    def history_(self) -> dict[str, list[float]]:
        return self._learned.history

    @property
    def n_iter_(self) -> int:
        return self._learned.network.n_epochs

    @property
    def best_epoch_(self) -> int:
        return self._learned.best_epoch

    @property
    def validation_scores_(self) -> list[float] | None:
        return self._learned.validation_scores

    @property
    def n_parameters_(self) -> int:
        return sum(weight.size for weight in self._learned.network.weights.values())

    @property
    def model_(self) -> Any:
        return self._learned.network.to_keras()

    def to_keras(self) -> Any:
        """Return the trained network as a Keras model.

        The model takes token ids padded with 0, of shape (batch, time), or vectors padded with NaN, of shape
        (batch, time, n_features). Import ``skrnn.layers`` before you load a file that the model saved.

        Returns
        -------
        model : keras.Model
            A copy, not compiled. Changes to it do not change the estimator.
        """
        check_is_fitted(self)
        return self._fitted.network.to_keras()

    def __dir__(self) -> list[str]:
        # scikit-learn's HTML lists the fitted attributes and reads their values, which must not build a model.
        return [name for name in object.__dir__(self) if name != "model_" and hasattr(self, name)]

    def __sklearn_is_fitted__(self) -> bool:
        return "_fitted" in self.__dict__

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _to_plain_state(self, attributes: dict[str, Any]) -> dict[str, Any]:
        return {name: value.to_state() if name == "_fitted" else value for name, value in attributes.items()}

    def _from_plain_state(self, state: dict[str, Any]) -> dict[str, Any]:
        return {name: Fitted.from_state(value) if name == "_fitted" else value for name, value in state.items()}


def _examples(samples: Samples, sequences: Sequences) -> Any:
    from skrnn.training._train import Examples

    return Examples(sequences, samples.encoded, samples.loss_weights())


def _scores(history: dict[str, list[float]], monitor: str) -> list[float]:
    """Return the monitored scores: higher is better."""
    return [-loss for loss in history["val_loss"]] if monitor == "val_loss" else history[monitor]


def _n_auto_epochs(encoding: Encoding, sequences: Any, batch_size: int) -> int:
    """Return the number of epochs that "auto" stands for."""
    n_classes = max(encoding.target.n_outputs, 2)
    n_samples = max(_AUTO_UPDATES * batch_size, _AUTO_SAMPLES_PER_CLASS * n_classes)
    wanted = max(n_samples / sequences.shape[0], encoding.input.n_auto_epochs(sequences))
    return int(np.clip(np.ceil(wanted), _MIN_AUTO_EPOCHS, _MAX_AUTO_EPOCHS))


def _check_resumable(network: TrainedNetwork, spec: NetworkSpec, params: SimpleNamespace) -> None:
    """Raise ValueError if parameters were changed that the fitted network depends on."""
    before = {**asdict(network.spec), "network": network.build_model}
    now = {**asdict(spec), "network": params.network}
    if network.checkpoint is not None:
        checkpoint, optimizer, rate = network.checkpoint, params.optimizer, params.learning_rate
        before["optimizer"] = checkpoint.optimizer
        now["optimizer"] = optimizer if isinstance(optimizer, str) else optimizer.__qualname__
        before["learning_rate"] = checkpoint.learning_rate_schedule
        now["learning_rate"] = type(rate).__name__ if callable(rate) else None
        before["char_ngram_range"] = checkpoint.char_ngram_range
        now["char_ngram_range"] = getattr(params, "char_ngram_range", None)
    changed = [name for name, value in now.items() if value != before[name]]
    if changed:
        raise ValueError(
            f"Training resumes with the fitted network, but {', '.join(changed)} would change it. Set the parameters "
            "back, or call fit with warm_start=False."
        )


def _join(earlier: dict[str, list[float]], later: dict[str, list[float]]) -> dict[str, list[float]]:
    """Return two histories as one, with NaN for the epochs in which a quantity was not measured."""
    n_earlier, n_later = (len(history.get("loss", [])) for history in (earlier, later))
    return {
        name: earlier.get(name, [np.nan] * n_earlier) + later.get(name, [np.nan] * n_later)
        for name in {**earlier, **later}
    }
