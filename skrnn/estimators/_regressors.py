"""The regressors: what y means to them, and their documentation."""

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_array

from skrnn.utils._docs import document
from skrnn.estimators._numeric import NumericRNN
from skrnn.estimators._text import TextRNN
from skrnn.utils._validation import check_choice


class _RNNRegressorMixin(RegressorMixin):
    """One number, or several, as targets."""

    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch on a chunk of a stream, from where the last call ended.

        What the first call learns stands: the scale of the targets and the vocabulary are those of the first
        chunk. Optimizer and random state go on too, so that four calls with the same samples and an int as
        ``random_state`` are as good as one ``fit`` of four epochs without early stopping and with
        ``learning_rate_decay=None``.

        Parameters
        ----------
        X : iterable of str, or sequences
            The samples of the chunk.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples in the loss, in relation to the others of the chunk: on average a sample weighs
            the same in each chunk.

        Returns
        -------
        self : object
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X):
        """The target of each sample.

        Parameters
        ----------
        X : iterable of str, or sequences
            The samples, as in :meth:`fit`.

        Returns
        -------
        values : ndarray of float64, of shape (n_samples,) or (n_samples, n_outputs)
            Of the shape that y had in :meth:`fit`.
        """
        values = self._forward(X) * self.target_scale_ + self.target_mean_
        return values if self._is_multioutput else values[:, 0]

    def _check_params(self):
        super()._check_params()
        check_choice("loss", self.loss, ("squared_error", "absolute_error"))

    def _check_state(self, state):
        super()._check_state(state)
        if "_network" not in state:
            return
        n_outputs = state["_network"]["spec"]["n_outputs"]
        for name, low in (("target_mean_", -np.inf), ("target_scale_", 0)):
            values = state.get(name)
            is_array = isinstance(values, np.ndarray) and values.dtype.kind == "f" and values.shape == (n_outputs,)
            if not (is_array and np.all((values > low) & (values < np.inf))):
                raise ValueError(
                    f"This {type(self).__name__} cannot be restored: expected {name} to be {n_outputs} finite "
                    f"numbers > {low}; got {values!r}."
                )

    def _check_target(self, y) -> np.ndarray:
        y = check_array(super()._check_target(y), ensure_2d=False, dtype=np.float64, input_name="y")
        if y.ndim > 2:
            raise ValueError(f"Expected y of shape (n_samples,) or (n_samples, n_outputs); got {y.shape}.")
        return y

    def _fit_targets(self, y, weights):
        self._is_multioutput = y.ndim == 2
        rows = np.flatnonzero(weights)  # numbers that are left out may be of any size
        columns, weights = y[rows].reshape(len(rows), -1), weights[rows] / weights.max()
        with np.errstate(over="ignore", invalid="ignore"):
            self.target_mean_ = np.average(columns, axis=0, weights=weights)
            deviations = columns - self.target_mean_
            largest = np.abs(deviations).max(axis=0)  # squares of its shares neither overflow nor vanish
            shares = deviations / np.where(largest > 0, largest, 1)
            scale = largest * np.sqrt(np.average(shares**2, axis=0, weights=weights))
        if not np.all(np.isfinite(scale)):
            raise ValueError(f"Expected y with a finite standard deviation; got {scale}. Scale y down.")
        # What is left of a constant by rounding is no spread.
        smallest = 10 * np.finfo(np.float64).eps * np.abs(self.target_mean_)
        self.target_scale_ = np.where(scale > smallest, scale, 1.0)
        return self._targets(y)

    def _targets(self, y):
        columns = y.reshape(len(y), -1)
        if (y.ndim == 2) != self._is_multioutput or columns.shape[1:] != self.target_mean_.shape:
            raise ValueError(
                f"Expected y to have {len(self.target_mean_)} outputs as in the fit; got shape {y.shape}."
            )
        return ((columns - self.target_mean_) / self.target_scale_).astype(np.float32)

    def _target_weights(self, _targets):
        return 1.0

    def _strata(self, targets):
        return np.zeros(len(targets), dtype=np.intp)

    def _network_targets(self, targets):
        return targets  # (n_samples, n_outputs)

    def _outputs(self):
        return len(self.target_mean_), "linear"

    def _loss(self):
        return self.loss

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


@document(
    "target_mean_",
    "target_scale_",
    "vectorizer_",
    "vocabulary_",
    "embedding_coverage_",
    "feature_names_in_",
    "model_",
    "history_",
    "n_iter_",
    "best_epoch_",
    "validation_scores_",
    "n_parameters_",
)
class RNNTextRegressor(_RNNRegressorMixin, TextRNN):
    """Recurrent neural network regressor for raw text.

    The network of :class:`RNNTextClassifier` with a linear output. There may be several targets for each document.
    They are standardised for training, and predictions are in their own units.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(attributes)s

    See Also
    --------
    RNNTextClassifier : For classes; its notes on batches and threads hold here too.
    RNNSequenceRegressor : For sequences of numbers.

    References
    ----------
    %(references)s

    Examples
    --------
    >>> from skrnn import RNNTextRegressor
    >>> documents = ["good", "very good", "very very good", "bad", "very bad", "very very bad"] * 5
    >>> stars = [4.0, 4.5, 5.0, 2.0, 1.5, 1.0] * 5
    >>> regressor = RNNTextRegressor(units=16, learning_rate=0.01, random_state=0).fit(documents, stars)
    >>> [round(value) for value in regressor.predict(["very very good", "bad"])]
    [5, 2]
    """

    def __init__(
        self,
        vectorizer=None,
        *,
        cell="lstm",
        units=64,
        bidirectional=True,
        activation="tanh",
        pooling="max",
        embedding_dim=128,
        embeddings=None,
        trainable_embeddings=True,
        max_ngrams=50_000,
        char_ngram_range=(3, 4),
        skip_connection=True,
        dropout=0.2,
        embedding_dropout=0.5,
        token_dropout=0.2,
        network=None,
        loss="squared_error",
        optimizer="adam",
        learning_rate=0.003,
        learning_rate_decay="cosine",
        weight_decay=0.0,
        clipnorm=1.0,
        epochs="auto",
        batch_size=64,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=3,
        tol=1e-4,
        scoring="loss",
        warm_start=False,
        callbacks=None,
        random_state=None,
        verbose=False,
    ):
        super().__init__(
            cell=cell,
            units=units,
            bidirectional=bidirectional,
            activation=activation,
            pooling=pooling,
            dropout=dropout,
            network=network,
            optimizer=optimizer,
            learning_rate=learning_rate,
            learning_rate_decay=learning_rate_decay,
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            epochs=epochs,
            batch_size=batch_size,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            scoring=scoring,
            warm_start=warm_start,
            callbacks=callbacks,
            random_state=random_state,
            verbose=verbose,
        )
        self.vectorizer = vectorizer
        self.embedding_dim = embedding_dim
        self.embeddings = embeddings
        self.trainable_embeddings = trainable_embeddings
        self.max_ngrams = max_ngrams
        self.char_ngram_range = char_ngram_range
        self.skip_connection = skip_connection
        self.embedding_dropout = embedding_dropout
        self.token_dropout = token_dropout
        self.loss = loss


@document(
    "target_mean_",
    "target_scale_",
    "n_features_in_",
    "feature_names_in_",
    "model_",
    "history_",
    "n_iter_",
    "best_epoch_",
    "validation_scores_",
    "n_parameters_",
)
class RNNSequenceRegressor(_RNNRegressorMixin, NumericRNN):
    """Recurrent neural network regressor for sequences of numbers: of sensors, audio or video features.

    X is a list of arrays of shape (n_steps, n_features), each with its own n_steps; or an array of shape
    (n_samples, n_steps, n_features); or a 2-D array whose rows are univariate series, with a column for each time
    step. The features should be of about the same size, around zero: scale them before. There may be several
    targets for each sequence. They are standardised for training, and predictions are in their own units.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(attributes)s

    See Also
    --------
    RNNSequenceClassifier : For classes; its example scales a list of arrays.
    RNNTextRegressor : For text.

    References
    ----------
    %(references)s

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn import RNNSequenceRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(n, 3)) for n in range(5, 65)]
    >>> y = [sequence.mean() for sequence in X]
    >>> regressor = RNNSequenceRegressor(units=8, learning_rate=0.03, random_state=0)
    >>> regressor.fit(X, y).score(X, y) > 0.8
    True
    """

    def __init__(
        self,
        *,
        cell="lstm",
        units=64,
        bidirectional=True,
        activation="tanh",
        pooling="max",
        dropout=0.2,
        network=None,
        loss="squared_error",
        optimizer="adam",
        learning_rate=0.003,
        learning_rate_decay="cosine",
        weight_decay=0.0,
        clipnorm=1.0,
        epochs="auto",
        batch_size=64,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=3,
        tol=1e-4,
        scoring="loss",
        warm_start=False,
        callbacks=None,
        random_state=None,
        verbose=False,
    ):
        super().__init__(
            cell=cell,
            units=units,
            bidirectional=bidirectional,
            activation=activation,
            pooling=pooling,
            dropout=dropout,
            network=network,
            optimizer=optimizer,
            learning_rate=learning_rate,
            learning_rate_decay=learning_rate_decay,
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            epochs=epochs,
            batch_size=batch_size,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            scoring=scoring,
            warm_start=warm_start,
            callbacks=callbacks,
            random_state=random_state,
            verbose=verbose,
        )
        self.loss = loss
