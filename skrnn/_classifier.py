"""RNNTextClassifier: what y means to a classifier, and the documentation of its parameters."""

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from skrnn._text import TextRNN


class RNNTextClassifier(ClassifierMixin, TextRNN):
    """Recurrent neural network classifier for raw text.

    Documents are cut into tokens, and each token gets a trained vector. A recurrent network reads the vectors
    in order, its hidden states are pooled into one vector for the document, and a dense layer turns that into
    class probabilities. Keras trains the network; the fitted estimator is plain data, and predicts without
    Keras.

    Parameters
    ----------
    vectorizer : SequenceVectorizer, "passthrough" or None, default=None
        What cuts documents into tokens; None for ``SequenceVectorizer()``. It is cloned to ``vectorizer_``,
        and its parameters can be searched as ``vectorizer__max_features`` even while it is None. With
        "passthrough", X holds the token ids already.
    cell : {"lstm", "gru", "simple"}, default="lstm"
        Kind of recurrent cell. The gates of LSTM [1]_ and GRU [2]_ let gradients reach far back; in a simple
        recurrent network they vanish over long texts.
    units : int or tuple of int, default=64
        Hidden units, in each direction; a tuple has an entry for each of several stacked layers.
    bidirectional : bool, default=True
        Read each document from both ends.
    activation : {"tanh", "relu", "sigmoid"}, default="tanh"
        Activation of the cell.
    pooling : {"max", "mean", "max_mean", "attention", "last"}, default="max"
        How the hidden states become one vector: their maximum, mean, both, a mean with learned weights [3]_,
        or only the last state. Padding takes no part.
    embedding_dim : int, default=128
        Length of a token's vector.
    dropout : float, default=0.2
        Share of the units that is dropped between layers and before the output, in training.
    embedding_dropout : float, default=0.3
        Share of the dimensions of the token vectors that is dropped, for a whole document at a time.
    token_dropout : float, default=0.1
        Share of the tokens that is replaced by the unknown token in training [4]_, which also teaches the
        network what to make of words that it does not know.
    optimizer : str or class, default="adam"
        Name of a Keras optimizer ("adam", "adamw", "sgd", "rmsprop", …), or a subclass of
        ``keras.optimizers.Optimizer``.
    learning_rate : float or schedule, default=0.002
        Step size of the optimizer; Keras' learning-rate schedules are taken too.
    weight_decay : float, default=0.0
        Decoupled weight decay, for each step.
    clipnorm : float or None, default=1.0
        Gradients of each weight array are scaled down to this norm, which keeps them from exploding [5]_.
    epochs : int, default=20
        Passes over the training documents; at most, when stopping early.
    batch_size : int, default=32
        Documents in a step of the optimizer.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss, as everywhere in scikit-learn.
    early_stopping : "auto" or bool, default="auto"
        Hold back a stratified share of the documents, stop when the loss on them no longer improves, and keep
        the weights of the best epoch. "auto" does so when that share comes to at least 20 documents, or when
        validation data is passed to :meth:`fit`.
    validation_fraction : float, default=0.1
        Share of the documents to hold back, at most 0.5.
    n_iter_no_change : int, default=3
        Epochs without improvement after which training stops.
    tol : float, default=0.0001
        Least decrease of the validation loss that counts as an improvement.
    warm_start : bool, default=False
        Let the next :meth:`fit` go on from the fitted weights, vocabulary, classes and optimizer state.
    callbacks : list or None, default=None
        Keras callbacks, instances or classes. Each fit works on copies.
    random_state : int, RandomState instance or None, default=None
        Determines initial weights, dropout, shuffling and the validation split. With an int, a fit on the
        same machine with the same number of threads gives identical weights each time.
    verbose : int, default=0
        Keras' progress display: 0 for none, 1 for a progress bar, 2 for a line each epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    class_weight_ : ndarray of shape (n_classes,)
        The weight of each class in the loss.
    vectorizer_ : SequenceVectorizer or "passthrough"
        The fitted vectorizer.
    vocabulary_ : dict of str to int
        The id of each token.
    model_ : keras.Model
        The trained network in Keras, built anew each time it is asked for.
    history_ : dict of str to list of float
        "loss" and "accuracy" of each epoch, and "val_loss" and "val_accuracy" where there is validation data.
    n_iter_ : int
        Number of epochs that were run.
    best_epoch_ : int
        The epoch, counted from 1, whose weights are kept.
    validation_scores_ : list of float or None
        Negative validation loss of each epoch.
    n_parameters_ : int
        Number of trained numbers in the network.

    See Also
    --------
    SequenceVectorizer : Documents to token ids.

    Notes
    -----
    Documents are batched with others of similar length, and a batch is only as wide as its longest document.
    A prediction depends on the document alone. An empty document gets what the output layer makes of zeros.

    TensorFlow trains with all cores, and in a worker process of joblib or Dask with the worker's share of them,
    which ``OMP_NUM_THREADS`` tells. ``TF_NUM_INTRAOP_THREADS``, or TensorFlow's own configuration before the
    first fit, comes first. With another number of threads, wide networks can differ in the last digits.

    References
    ----------
    .. [1] Hochreiter & Schmidhuber (1997), Long short-term memory. Neural Computation 9(8).
    .. [2] Cho et al. (2014), Learning phrase representations using RNN encoder-decoder for statistical machine
       translation. arXiv:1406.1078.
    .. [3] Raffel & Ellis (2015), Feed-forward networks with attention can solve some long-term memory
       problems. arXiv:1512.08756.
    .. [4] Iyyer et al. (2015), Deep unordered composition rivals syntactic methods for text classification.
       ACL 2015.
    .. [5] Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent neural networks.
       arXiv:1211.5063.

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
        dropout=0.2,
        embedding_dropout=0.3,
        token_dropout=0.1,
        optimizer="adam",
        learning_rate=0.002,
        weight_decay=0.0,
        clipnorm=1.0,
        epochs=20,
        batch_size=32,
        class_weight=None,
        early_stopping="auto",
        validation_fraction=0.1,
        n_iter_no_change=3,
        tol=1e-4,
        warm_start=False,
        callbacks=None,
        random_state=None,
        verbose=0,
    ):
        self.vectorizer = vectorizer
        self.cell = cell
        self.units = units
        self.bidirectional = bidirectional
        self.activation = activation
        self.pooling = pooling
        self.embedding_dim = embedding_dim
        self.dropout = dropout
        self.embedding_dropout = embedding_dropout
        self.token_dropout = token_dropout
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.epochs = epochs
        self.batch_size = batch_size
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    def predict(self, X):
        """The most probable class of each document.

        Parameters
        ----------
        X : iterable of str of length n_documents
            The documents.

        Returns
        -------
        labels : ndarray of shape (n_documents,)
        """
        probabilities = self.predict_proba(X)
        return self.classes_[np.argmax(probabilities, axis=1)]

    def predict_proba(self, X):
        """The probability of each class.

        Parameters
        ----------
        X : iterable of str of length n_documents
            The documents.

        Returns
        -------
        probabilities : ndarray of shape (n_documents, n_classes)
            In the order of ``classes_``.
        """
        outputs = self._forward(X)
        return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs

    def predict_log_proba(self, X):
        """The logarithm of the probability of each class.

        Parameters
        ----------
        X : iterable of str of length n_documents
            The documents.

        Returns
        -------
        log_probabilities : ndarray of shape (n_documents, n_classes)
            In the order of ``classes_``.
        """
        return np.log(self.predict_proba(X))

    def score(self, X, y, sample_weight=None):
        """Accuracy on the given documents.

        Parameters
        ----------
        X : iterable of str of length n_documents
            The documents.
        y : array-like of shape (n_documents,)
            Their true labels.
        sample_weight : array-like of shape (n_documents,), default=None
            Weights of the documents.

        Returns
        -------
        accuracy : float
        """
        return super().score(X, self._check_target(y), sample_weight)

    def _check_params(self):
        super()._check_params()
        if not (
            self.class_weight is None or isinstance(self.class_weight, dict) or self.class_weight == "balanced"
        ):
            raise ValueError(f"Expected class_weight to be a dict, 'balanced' or None; got {self.class_weight!r}.")

    def _fit_targets(self, y):
        check_classification_targets(y)
        encoder = LabelEncoder()
        targets = encoder.fit_transform(y)
        if len(encoder.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs documents of at least 2 classes, but y holds only one class: "
                f"{encoder.classes_[0]!r}."
            )
        self.classes_ = encoder.classes_
        self.class_weight_ = compute_class_weight(
            self.class_weight, classes=self.classes_, y=encoder.inverse_transform(targets)
        )
        is_weight = (self.class_weight_ >= 0) & np.isfinite(self.class_weight_)
        if not np.all(is_weight) or not np.any(self.class_weight_):
            raise ValueError(
                f"Expected the weights of class_weight to be >= 0, and some > 0; got {self.class_weight!r}."
            )
        return targets

    def _targets(self, y):
        encoder = LabelEncoder()
        encoder.classes_ = self.classes_
        return encoder.transform(y)

    def _target_weights(self, targets):
        return self.class_weight_[targets]

    def _network_targets(self, targets):
        if len(self.classes_) == 2:
            return targets.astype(np.float32)[:, None]  # (n_documents, 1)
        return targets.astype(np.int32)  # (n_documents,)

    def _outputs(self):
        n_classes = len(self.classes_)
        return (1, "sigmoid") if n_classes == 2 else (n_classes, "softmax")
