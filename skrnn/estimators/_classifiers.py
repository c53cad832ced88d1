"""The classifiers: what y means to them, and their documentation."""

from numbers import Real

import numpy as np
from scipy.special import logit
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted

from skrnn.utils._docs import document
from skrnn.estimators._numeric import NumericRNN
from skrnn.estimators._text import TextRNN
from skrnn.utils._validation import check_choice, check_rate


class _RNNClassifierMixin(ClassifierMixin):
    """Classes, or the columns of an indicator matrix, as targets."""

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one epoch on a chunk of a stream, from where the last call ended.

        What the first call learns of the input stands: a vocabulary is that of the first chunk, unless the
        vectorizer has a fixed one. Optimizer and random state go on too, so that four calls with the same
        samples and an int as ``random_state`` are as good as one ``fit`` of four epochs without early stopping
        and with ``learning_rate_decay=None``.

        Parameters
        ----------
        X : iterable of str, or sequences
            The samples of the chunk.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Their targets.
        classes : array-like of shape (n_classes,), default=None
            All classes that will come. Needed in the first call of an estimator that is not fitted, except
            for multilabel targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples in the loss, in relation to the others of the chunk, as those of their classes
            are: on average a sample weighs the same in each chunk.

        Returns
        -------
        self : object
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' needs to know all samples, and partial_fit does not. Compute the weights "
                "with sklearn.utils.class_weight.compute_class_weight and pass them as a dict."
            )
        is_first = not hasattr(self, "classes_")
        if classes is not None:
            classes = np.unique(self._check_target(classes))
            if not is_first and not np.array_equal(classes, self.classes_):
                raise ValueError(f"classes={classes} is not the same as in the earlier fit: {self.classes_}.")
        elif is_first and self._check_target(y).ndim == 1:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        return self._partial_fit(X, y, sample_weight, classes=classes)

    def predict(self, X):
        """The most probable class of each sample.

        Parameters
        ----------
        X : iterable of str, or sequences
            The samples, as in :meth:`fit`.

        Returns
        -------
        labels : ndarray of shape (n_samples,) or (n_samples, n_labels)
            For multilabel targets an indicator matrix of the labels with a probability above 0.5.
        """
        probabilities = self.predict_proba(X)
        if self._is_multilabel:
            return (probabilities > 0.5).astype(int)
        return self.classes_[np.argmax(probabilities, axis=1)]

    def predict_proba(self, X):
        """The probability of each class.

        Parameters
        ----------
        X : iterable of str, or sequences
            The samples, as in :meth:`fit`.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``. Those of multilabel targets are independent of each other.
        """
        outputs = self._forward(X)
        return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs

    def decision_function(self, X):
        """The logits: what the output layer computes before its sigmoid or softmax.

        Parameters
        ----------
        X : iterable of str, or sequences
            The samples, as in :meth:`fit`.

        Returns
        -------
        logits : ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes, those of ``classes_[1]``.
        """
        check_is_fitted(self)
        if self._network["network"] is None:
            logits = self._forward(X, output_activation="linear")
        else:  # a network of the user's own, with the activation in its model
            outputs = self._forward(X)
            logits = np.log(outputs) if self._outputs()[1] == "softmax" else logit(outputs)
        return logits[:, 0] if logits.shape[1] == 1 else logits

    def predict_log_proba(self, X):
        """The logarithm of the probability of each class.

        Parameters
        ----------
        X : iterable of str, or sequences
            The samples, as in :meth:`fit`.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return np.log(self.predict_proba(X))

    def score(self, X, y, sample_weight=None):
        """Accuracy on the given samples.

        Parameters
        ----------
        X : iterable of str, or sequences
            The samples, as in :meth:`fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Their true labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.

        Returns
        -------
        accuracy : float
            For multilabel targets, the share of the samples all of whose labels are right.
        """
        return super().score(X, self._check_target(y), sample_weight)

    def _check_params(self):
        super()._check_params()
        check_rate("label_smoothing", self.label_smoothing)
        if not (
            self.class_weight is None or isinstance(self.class_weight, dict) or self.class_weight == "balanced"
        ):
            raise ValueError(f"Expected class_weight to be a dict, 'balanced' or None; got {self.class_weight!r}.")

    def _check_state(self, state):
        super()._check_state(state)
        if "_network" in state:
            n_outputs, n_classes = state["_network"]["spec"]["n_outputs"], len(state.get("classes_", ()))
            if n_outputs != _output_layer(n_classes, state.get("_is_multilabel"))[0]:
                raise ValueError(
                    f"This {type(self).__name__} cannot be restored: it has {n_classes} classes, but its network "
                    f"has {n_outputs} outputs."
                )

    def _check_target(self, y) -> np.ndarray:
        try:
            y = super()._check_target(y)
        except ValueError as error:
            hint = " MultiLabelBinarizer of scikit-learn makes columns of lists of labels."
            raise ValueError(f"{error}{hint if 'inhomogeneous' in str(error) else ''}") from error
        return y if y.ndim == 2 and y.shape[1] > 1 else _check_labels(column_or_1d(y, warn=True))

    def _fit_targets(self, y, weights, classes=None):
        self._is_multilabel = _has_several_labels(y)
        if self._is_multilabel:
            if classes is not None and not np.array_equal(classes, np.arange(y.shape[1])):
                raise ValueError("classes is for binary and multiclass targets; y is multilabel. Leave it out.")
            if self.class_weight is not None:
                raise ValueError(
                    "class_weight is for binary and multiclass targets; y is multilabel. Set it to None."
                )
            self.classes_ = np.arange(y.shape[1])
            self.class_weight_ = np.ones(y.shape[1])
            return y.astype(np.float32)
        classes = np.unique(y) if classes is None else classes
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs samples of at least 2 classes, but y holds only one class: "
                f"{classes.tolist()[0]!r}."
            )
        targets = _encode(y, classes)
        self.classes_ = classes
        self.class_weight_ = np.ones(len(self.classes_))
        # Samples of weight 0 do not count; and classes that have no others need no weight.
        counted = targets[weights > 0] if isinstance(self.class_weight, str) else np.arange(len(self.classes_))
        seen = np.unique(counted)
        self.class_weight_[seen] = compute_class_weight(
            self.class_weight, classes=self.classes_[seen], y=self.classes_[counted]
        )
        is_weight = (self.class_weight_ >= 0) & np.isfinite(self.class_weight_)
        if not np.all(is_weight) or not np.any(self.class_weight_):
            raise ValueError(
                f"Expected the weights of class_weight to be >= 0, and some > 0; got {self.class_weight!r}."
            )
        return targets

    def _targets(self, y):
        is_multilabel = _has_several_labels(y)
        if is_multilabel != self._is_multilabel or (is_multilabel and y.shape[1:] != self.classes_.shape):
            raise ValueError(f"Expected y to have the classes {self.classes_} of the fit; got shape {y.shape}.")
        if is_multilabel:
            return y.astype(np.float32)
        return _encode(y, self.classes_)

    def _target_weights(self, targets):
        return 1.0 if self._is_multilabel else self.class_weight_[targets]

    def _strata(self, targets):
        if not self._is_multilabel:
            return targets
        _, combination, counts = np.unique(targets, axis=0, return_inverse=True, return_counts=True)
        combination = combination.ravel()
        return np.where(counts[combination] > 1, combination, -1)  # those of a single sample are one stratum

    def _network_targets(self, targets):
        if self._is_multilabel:
            return targets  # (n_samples, n_labels)
        if len(self.classes_) == 2:
            return targets.astype(np.float32)[:, None]  # (n_samples, 1)
        return targets.astype(np.int32)  # (n_samples,)

    def _outputs(self):
        return _output_layer(len(self.classes_), self._is_multilabel)

    def _loss(self):
        _, output_activation = self._outputs()
        return {"sigmoid": "binary_crossentropy", "softmax": "categorical_crossentropy"}[output_activation]

    def _label_smoothing(self):
        return self.label_smoothing

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _output_layer(n_classes: int, is_multilabel: bool) -> tuple[int, str]:
    """Number of outputs and their activation."""
    if is_multilabel:
        return n_classes, "sigmoid"
    return (1, "sigmoid") if n_classes == 2 else (n_classes, "softmax")


def _check_labels(y: np.ndarray) -> np.ndarray:
    """The labels, if they are some: objects may be missing, or of kinds that have no order."""
    if y.dtype.kind == "O":
        labels = y.tolist()
        missing = [label for label in labels if label is None or _is_nan(label)]
        if missing:
            raise ValueError(f"Expected a label for every sample; y contains {missing[0]!r}.")
        others = [type(label).__name__ for label in labels if not isinstance(label, str)]
        if 0 < len(others) < len(labels):
            raise TypeError(f"Expected the labels of y to be of one kind; got str and {others[0]}.")
    return y


def _is_nan(label) -> bool:
    is_pandas_na = type(label).__name__ == "NAType"  # which is no number, and tells nothing when it is compared
    return is_pandas_na or (isinstance(label, Real) and label != label)


def _encode(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The positions of the labels among the classes.

    Labels are compared as they are. ``LabelEncoder`` takes what is left of them in the dtype of the classes.
    """
    kinds = {y.dtype.kind, classes.dtype.kind}
    if kinds in ({"M"}, {"m"}):  # dates, whose units may differ
        common = np.result_type(y, classes)
        y, classes = y.astype(common), classes.astype(common)
    elif kinds & {"M", "m"}:  # other things are no dates, for which Python may have numbers
        classes = classes[:0]
    labels, numbers = np.unique(y, return_inverse=True)
    position_of = {label: position for position, label in enumerate(classes.tolist())}
    unseen = [label for label in labels.tolist() if label not in position_of]
    if unseen:
        raise ValueError(f"y contains previously unseen labels: {unseen}")
    return np.array([position_of[label] for label in labels.tolist()], dtype=np.intp)[numbers]


def _has_several_labels(y: np.ndarray) -> bool:
    """Whether y is an indicator matrix; raises for targets that no classifier takes."""
    if y.ndim == 1:
        check_classification_targets(y)
        return False
    kind = type_of_target(y, input_name="y")
    if kind != "multilabel-indicator" or not np.all(np.isin(y, (0, 1))):
        raise ValueError(
            "Expected y to be a 1d array of labels, or an indicator matrix of zeros and ones with a column for "
            f"each label; got an array of shape {y.shape} with other values ({kind})."
        )
    return True


@document(
    "classes_",
    "class_weight_",
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
class RNNTextClassifier(_RNNClassifierMixin, TextRNN):
    """Recurrent neural network classifier for raw text.

    Documents are cut into tokens, and each token gets a trained vector. A recurrent network reads the vectors
    in order, its hidden states are pooled into one vector for the document, and a dense layer turns that into
    class probabilities. Keras trains the network; the fitted estimator is plain data, and predicts without
    Keras. Targets are binary, multiclass or multilabel.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(attributes)s

    See Also
    --------
    SequenceVectorizer : Documents to token ids.
    RNNTextRegressor : For targets that are numbers.
    RNNSequenceClassifier : For sequences of numbers.

    Notes
    -----
    Documents are batched with others of similar length, and a batch is only as wide as its longest document.
    A prediction depends on the document alone. An empty document gets what the output layer makes of zeros.

    TensorFlow trains with all cores, and in a worker process of joblib, Dask or Ray with the worker's share of
    them, which ``OMP_NUM_THREADS`` tells. ``TF_NUM_INTRAOP_THREADS``, or TensorFlow's own configuration before the
    first fit, comes first. With another number of threads, wide networks can differ in the last digits.

    References
    ----------
    %(references)s

    Examples
    --------
    >>> from skrnn import RNNTextClassifier
    >>> documents = ["a fine film", "a dull film", "fine acting", "dull acting"] * 5
    >>> labels = ["good", "bad", "good", "bad"] * 5
    >>> classifier = RNNTextClassifier(units=8, embedding_dim=8, epochs=30, random_state=0)
    >>> classifier.fit(documents, labels).predict(["fine", "a dull dull film"])
    array(['good', 'bad'], dtype='<U4')
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
        embedding_init="naive_bayes",
        embeddings=None,
        trainable_embeddings=True,
        max_ngrams=50_000,
        char_ngram_range=(3, 4),
        skip_connection=True,
        dropout=0.2,
        embedding_dropout=0.5,
        token_dropout=0.2,
        network=None,
        optimizer="adam",
        learning_rate=0.003,
        learning_rate_decay="cosine",
        weight_decay=0.0,
        clipnorm=1.0,
        epochs="auto",
        batch_size=64,
        class_weight=None,
        label_smoothing=0.1,
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
        self.embedding_init = embedding_init
        self.embeddings = embeddings
        self.trainable_embeddings = trainable_embeddings
        self.max_ngrams = max_ngrams
        self.char_ngram_range = char_ngram_range
        self.skip_connection = skip_connection
        self.embedding_dropout = embedding_dropout
        self.token_dropout = token_dropout
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing

    def _check_network_params(self):
        super()._check_network_params()
        check_choice("embedding_init", self.embedding_init, ("naive_bayes", "uniform"))

    def _class_memberships(self, targets):
        if self.embedding_init != "naive_bayes":
            return None
        if targets.ndim == 1:  # the numbers of several classes
            return np.eye(len(self.classes_))[targets]
        return (
            np.hstack([1 - targets, targets]) if len(self.classes_) == 2 and not self._is_multilabel else targets
        )


@document(
    "classes_",
    "class_weight_",
    "n_features_in_",
    "feature_names_in_",
    "model_",
    "history_",
    "n_iter_",
    "best_epoch_",
    "validation_scores_",
    "n_parameters_",
)
class RNNSequenceClassifier(_RNNClassifierMixin, NumericRNN):
    """Recurrent neural network classifier for sequences of numbers: of sensors, audio or video features.

    X is a list of arrays of shape (n_steps, n_features), each with its own n_steps; or an array of shape
    (n_samples, n_steps, n_features); or a 2-D array whose rows are univariate series, with a column for each time
    step. Targets are binary, multiclass or multilabel.

    The features should be of about the same size, around zero. Scale them before: :class:`RNNSequenceClassifier`
    does not, since what is right depends on what they are. For series in a 2-D array
    ``make_pipeline(StandardScaler(), RNNSequenceClassifier())`` does it; see the example for a list of arrays.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(attributes)s

    See Also
    --------
    RNNSequenceRegressor : For targets that are numbers.
    RNNTextClassifier : For text.

    Notes
    -----
    Sequences are batched with others of similar length, and a batch is only as wide as its longest sequence.
    A prediction depends on the sequence alone. X may hold no NaN: fill gaps before.

    References
    ----------
    %(references)s

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skrnn import RNNSequenceClassifier
    >>> rng = np.random.default_rng(0)
    >>> trends = rng.choice([-1, 1], size=60)
    >>> X = [
    ...     trend * 9 * np.arange(n)[:, None] + rng.normal(size=(n, 2)) for n, trend in enumerate(trends, start=5)
    ... ]
    >>> scaler = StandardScaler().fit(np.concatenate(X))
    >>> classifier = RNNSequenceClassifier(units=8, random_state=0)
    >>> classifier.fit([scaler.transform(sequence) for sequence in X], trends).n_features_in_
    2
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
        optimizer="adam",
        learning_rate=0.003,
        learning_rate_decay="cosine",
        weight_decay=0.0,
        clipnorm=1.0,
        epochs="auto",
        batch_size=64,
        class_weight=None,
        label_smoothing=0.1,
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
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
