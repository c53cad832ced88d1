"""Base of all estimators: their parameters, the steps of a fit, and predictions.

``BaseRNN._learn`` lists the steps of a fit. Subclasses say what X and y are. Keras is imported when a fit
begins, or when ``model_`` is read.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar, TypeVar

import numpy as np
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skrnn.estimators._fitted import Encoding, Fitted
from skrnn.estimators._inputs import Input
from skrnn.estimators._samples import Samples, check_same_length, check_sample_weight
from skrnn.estimators._scoring import EpochScorer, Observer
from skrnn.estimators._sklearn_callbacks import CallbackSupportMixin, EpochTasks, with_callbacks
from skrnn.estimators._steps import (
    join_histories,
    make_examples,
    monitored_scores,
    resume_network,
    start_network,
    training_settings,
    warn_about_long_samples,
)
from skrnn.estimators._targets import Target
from skrnn.network._spec import ACTIVATIONS, CELLS, POOLINGS
from skrnn.network._trained import TrainedNetwork
from skrnn.utils._installed import TRAINING_NEEDS, check_installed
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

# Names of Keras' optimizers. This list lets a fit refuse a misspelt name before it imports Keras.
OPTIMIZERS = [
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
]


def _is_schedule(value: Any) -> bool:
    return callable(value) and not isinstance(value, type)


def _are_callbacks(value: Any) -> bool:
    """Return whether these are callbacks of Keras, or classes and functions that make them."""
    return isinstance(value, list | tuple) and all(callable(item) or hasattr(item, "set_model") for item in value)


Estimator = TypeVar("Estimator", bound="BaseRNN")


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
        "pooling": [Options(list(POOLINGS))],
        "dropout": [Interval(float, 0, 1)],
        "network": [Where("a function from NetworkSpec to keras.Model", callable), NONE],
        "optimizer": [
            Options(OPTIMIZERS),
            Where("a subclass of keras.optimizers.Optimizer", lambda optimizer: isinstance(optimizer, type)),
        ],
        "learning_rate": [
            Interval(float, 0, closed="neither"),
            Where("a learning-rate schedule of Keras", _is_schedule),
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
        "scoring": [Options(["loss", *get_scorer_names()], "the name of a scorer or of the loss"), CALLABLE, NONE],
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

    _learned_attribute = "_fitted"
    _fitted: Fitted

    @with_callbacks
    def fit(
        self: Estimator,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Estimator:
        """Fit the network.

        Parameters
        ----------
        X : iterable of str, or sequences
            Training samples: documents, token ids or numeric sequences. See the description of the class.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples in the loss. Only their ratios matter. A sample of weight 0 is left out of
            training, but its class is in ``classes_``. None gives all samples the same weight.
        X_val, y_val : as X and y, default=None
            Validation data. Early stopping uses it instead of a part of the training samples. Without early
            stopping, it is only scored after each epoch, for ``history_``.
        sample_weight_val : array-like of shape (n_validation_samples,), default=None
            Weights of the validation samples.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        KeyboardInterrupt
            If the user interrupts training (Ctrl-C). After the first epoch, the estimator is fitted with the best
            weights so far (without early stopping, with the current weights).

        Notes
        -----
        If a fit fails, the estimator does not change.

        Cross-validation and searches of scikit-learn split every argument of ``fit`` that has as many samples as
        X. This includes validation data with exactly as many samples: each fit then gets only a part of it.
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def _fit(
        self: Estimator,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation_data: tuple[Any, Any, Any],
        X_unlabeled: Any = None,
    ) -> Estimator:
        params = self._validated_params()
        tasks = EpochTasks(self, None if params.epochs == "auto" else params.epochs, X, y, sample_weight)
        fitted, is_interrupted = self._learn(
            X, y, sample_weight, params, validation_data, tasks, X_unlabeled=X_unlabeled
        )
        tasks.end(lambda: {"_fitted": fitted})
        return self._keep(fitted, is_interrupted)

    def _partial_fit(
        self: Estimator, X: Any, y: Any, sample_weight: Any, classes: np.ndarray | None = None
    ) -> Estimator:
        """Train for one epoch and resume from the last one, if there is one."""
        params = self._validated_params()
        # The total number of epochs is unknown, so the learning rate does not decay. Later chunks may contain more
        # of the tokens that are rare in this one, and a linear model would need all samples at once.
        params.__dict__.update(
            epochs=1,
            learning_rate_decay=None,
            early_stopping=False,
            warm_start=True,
            min_count=1,
            linear_model=None,
        )
        return self._keep(*self._learn(X, y, sample_weight, params, classes=classes))

    def _keep(self: Estimator, fitted: Fitted, is_interrupted: bool) -> Estimator:
        self._fitted = fitted
        if is_interrupted:
            raise KeyboardInterrupt(
                f"The fit was interrupted. {type(self).__name__} keeps the best weights so far with early "
                "stopping, and otherwise the current weights."
            )
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
        X_unlabeled: Any = None,
    ) -> tuple[Fitted, bool]:
        """Return what is learned, and whether the user interrupted the training. The estimator does not change."""
        # before it prepares the samples, which can take long
        check_installed(TRAINING_NEEDS, "tensorflow", "keras", "scikeras")
        resumed = self._fitted if params.warm_start and self.__sklearn_is_fitted__() else None
        seed = int(check_random_state(params.random_state).randint(np.iinfo(np.int32).max))
        encoding, samples = self._check_samples(X, y, sample_weight, params, resumed, classes)
        training, validation = self._split(samples, validation_data, encoding, params, seed)
        if X_unlabeled is not None:
            training = self._add_unlabeled(training, X_unlabeled, encoding, resumed, params)
        if resumed is None:
            network, encoding, examples, char_ngrams = start_network(training, encoding, params, seed)
        else:
            network, encoding, examples, char_ngrams = resume_network(
                resumed.network.widened(), training, encoding, params
            )
        warn_about_long_samples(training, examples.sequences, params.batch_size)
        watched = None if validation is None else make_examples(validation, encoding.input.transform(validation.X))
        observer = self._observer(validation, network, encoding, params, tasks)
        monitor = "val_loss" if observer is None else observer.monitor
        settings = training_settings(params, encoding, examples, seed, monitor, watched is not None)
        from skrnn.training._train import train

        result = train(network, examples, watched, settings, observer, char_ngrams)
        history = join_histories({} if resumed is None else resumed.history, result.history)
        scores = None if watched is None else monitored_scores(history, monitor)
        fitted = Fitted(encoding.input, encoding.target, result.network, history, result.best_epoch, scores)
        return fitted, result.interrupted

    def _fit_input(self, X: Any, params: SimpleNamespace) -> tuple[Input, Any]:
        """Return a new input for X, and the checked X. A vocabulary is learned later, in ``start_network``."""
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
            target = resumed.target.resumed(y, sample_weight, params)
            return Encoding(resumed.input, target), Samples.of(X, y, sample_weight, target)
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
        try:
            X = encoding.input.check(X, self._reader(encoding))
            return Samples.of(X, *self._check_y_and_weights(X, y, sample_weight), encoding.target)
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"In the validation data (X_val, y_val, sample_weight_val): {error}") from error

    def _add_unlabeled(
        self, training: Samples, X: Any, encoding: Encoding, resumed: Fitted | None, params: SimpleNamespace
    ) -> Samples:
        """Return the training samples, followed by samples without labels, to which it gives labels."""
        raise NotImplementedError

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

    def _outputs(self, X: Any, *, logits: bool = False) -> tuple[np.ndarray, Any]:
        """Return the outputs of the network, (n_samples, n_outputs), and the target that decodes them."""
        fitted = self._learned  # read once: another thread may fit the estimator again
        return fitted.predict(fitted.input.check(X, self._reader(fitted)), logits=logits), fitted.target

    def _vectors(self, X: Any) -> np.ndarray:
        """Return the vectors that the output layer reads, (n_samples, vector_dim)."""
        fitted = self._learned
        return fitted.vectors(fitted.input.check(X, self._reader(fitted)))

    def _reader(self, encoding: Encoding) -> Any:
        """Return a copy that reads X as this fit does, for scikit-learn's checks of the columns of a table."""
        reader = copy.copy(self)
        reader.__dict__["_fitted"] = encoding
        return reader

    @property
    def _learned(self) -> Fitted:
        """The fitted state, from which the attributes that end in "_" are read."""
        check_is_fitted(self)  # its error is an AttributeError, too
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
        return self.to_keras()

    def to_keras(self) -> Any:
        """Return the trained network as a Keras model.

        The model takes token ids padded with 0, of shape (batch, time), as ``vectorizer_.encode(documents)``
        returns them, or vectors padded with NaN, of shape (batch, time, n_features). Save it as a ``.keras`` file,
        save its weights as a ``.weights.h5`` file, or export it (``model.export``). With ``skip_connection=True``,
        Keras cannot load the model from a file of its older format ``.h5``. Import ``skrnn.layers`` before you
        load a model.

        The Keras model reads unknown words as the unknown token. The estimator also reads their spelling, with
        ``linear_model=True`` of RNNTextClassifier.

        Returns
        -------
        model : keras.Model
            A new model, which is not compiled. Changes to it do not change the estimator.
        """
        return self._learned.network.to_keras(self._learned.input.n_tokens)

    def __dir__(self) -> list[str]:
        # scikit-learn's HTML lists the fitted attributes and reads their values, which must not build a model.
        return [name for name in object.__dir__(self) if name != "model_" and hasattr(self, name)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _to_plain_state(self, attributes: dict[str, Any]) -> dict[str, Any]:
        return {name: value.to_state() if name == "_fitted" else value for name, value in attributes.items()}

    def _from_plain_state(self, state: dict[str, Any]) -> dict[str, Any]:
        return {name: Fitted.from_state(value) if name == "_fitted" else value for name, value in state.items()}
