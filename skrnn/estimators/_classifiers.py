"""The classifiers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import sklearn.base

from skrnn.estimators._base import BaseRNN, Estimator
from skrnn.estimators._sequence import SequenceRNN
from skrnn.estimators._targets import ClassTarget, MultilabelTarget, check_labels, is_multilabel
from skrnn.estimators._text import TextRNN
from skrnn.network._spec import NetworkSpec
from skrnn.text._vectorizer import SequenceVectorizer
from skrnn.utils._parameters import BOOLEAN, NONE, Constraint, Interval, Options, Where, list_of

_CLASSIFICATION: Mapping[str, Sequence[Constraint]] = {
    "class_weight": [
        Where("a dict", lambda weights: isinstance(weights, Mapping), dict),
        list_of(Where("a dict", lambda weights: isinstance(weights, Mapping)), "a list of dicts"),
        Options(["balanced"]),
        NONE,
    ],
    "label_smoothing": [Interval(float, 0, 1)],
}


class _RNNClassifier(sklearn.base.ClassifierMixin, BaseRNN):
    """Base of the classifiers, whose y is labels or an indicator matrix."""

    class_weight: Mapping[Any, float] | list[dict[int, float]] | str | None

    def partial_fit(self: Estimator, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Estimator:
        """Train for one epoch on a chunk of samples.

        The first call learns the vocabulary from its chunk, unless the vectorizer has a fixed vocabulary.
        :meth:`SequenceVectorizer.fit_counts` learns it from all chunks. Later calls resume where the last call
        stopped. With an int as `random_state`, four calls with the same samples are equal to one :meth:`fit` with
        ``epochs=4``, ``early_stopping=False``, ``learning_rate_decay=None`` and, for text, ``linear_model=False``
        and ``min_count=1``. A linear model from an earlier fit does not change.

        Parameters
        ----------
        X : iterable of str, or sequences
            Samples of the chunk.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Targets.
        classes : array-like of shape (n_classes,), default=None
            All classes that can occur in any chunk. Required in the first call, except for multilabel targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples in the loss, relative to the other samples of the chunk. Sample and class
            weights are normalized in each chunk, so that samples have the same average weight in all chunks.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' needs all samples, but partial_fit gets them in chunks. Compute the "
                "weights with sklearn.utils.class_weight.compute_class_weight and pass them as a dict, or for "
                "several labels as a list of dicts."
            )
        is_first = not self.__sklearn_is_fitted__()
        if classes is not None:
            classes = np.unique(self._check_y(classes))
            if not is_first and not np.array_equal(classes, self.classes_):
                raise ValueError(f"classes={classes} is not the same as in the earlier fit: {self.classes_}.")
        elif is_first and self._check_y(y).ndim == 1:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        return self._partial_fit(X, y, sample_weight, classes)

    def predict(self, X: Any) -> np.ndarray:
        """Predict the class of each sample.

        Parameters
        ----------
        X : iterable of str, or sequences
            Samples, as in :meth:`fit`.

        Returns
        -------
        labels : ndarray of shape (n_samples,) or (n_samples, n_labels)
            Most probable class of each sample. For multilabel targets, an indicator matrix of the labels with a
            probability above 0.5.
        """
        outputs, target = self._outputs(X)
        return target.decode(outputs)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : iterable of str, or sequences
            Samples, as in :meth:`fit`.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Probabilities in the order of ``classes_``. For multilabel targets, they are independent of each other
            and do not sum to 1.
        """
        outputs, target = self._outputs(X)
        return target.probabilities(outputs)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : iterable of str, or sequences
            Samples, as in :meth:`fit`.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            Log-probabilities in the order of ``classes_``.
        """
        return np.log(self.predict_proba(X))

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the logits, the outputs of the network before the sigmoid or softmax function.

        Parameters
        ----------
        X : iterable of str, or sequences
            Samples, as in :meth:`fit`.

        Returns
        -------
        logits : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Logits in the order of ``classes_``. For two classes, the logits of ``classes_[1]`` only. A custom
            `network` with a softmax output gives log-probabilities.
        """
        logits, _ = self._outputs(X, logits=True)
        return logits[:, 0] if logits.shape[1] == 1 else logits

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy of the predictions.

        Parameters
        ----------
        X : iterable of str, or sequences
            Samples, as in :meth:`fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            True labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.

        Returns
        -------
        accuracy : float
            Fraction of the samples with the correct class. For multilabel targets, all labels of a sample must be
            correct. To measure labels one by one, use ``sklearn.metrics.f1_score`` with ``average="macro"`` or
            "micro".
        """
        return super().score(X, self._check_y(y), sample_weight)

    def _check_y(self, y: Any) -> np.ndarray:
        return check_labels(y)

    def _fit_target(
        self, y: np.ndarray, sample_weight: np.ndarray, params: SimpleNamespace, classes: np.ndarray | None
    ) -> ClassTarget | MultilabelTarget:
        if is_multilabel(y):
            return MultilabelTarget.fit(y, sample_weight, params.class_weight, classes)
        return ClassTarget.fit(y, sample_weight, params.class_weight, classes)

    @property
    def classes_(self) -> np.ndarray:
        target: Any = self._learned.target
        return target.classes

    @property
    def class_weight_(self) -> np.ndarray:
        target: Any = self._learned.target
        return target.class_weight

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class RNNTextClassifier(_RNNClassifier, TextRNN):
    """Recurrent neural network classifier for raw text.

    A vectorizer cuts documents into tokens, and each token has a trained vector. Recurrent layers read the vectors
    in order. Their hidden states are pooled into one vector for the document, from which a dense layer computes
    the class probabilities. Targets can be binary, multiclass or multilabel.

    Keras trains the network. The fitted estimator predicts with NumPy, without Keras.

    Parameters
    ----------
    vectorizer : SequenceVectorizer, "passthrough" or None, default=None
        Turns documents into token ids. None means ``SequenceVectorizer()``. Parameters such as
        ``vectorizer__max_features`` can be set and searched even if `vectorizer` is None. With "passthrough", X
        contains token ids: a sparse matrix from a SequenceVectorizer, an array padded with 0, or a list of
        sequences of int.
    cell : {"lstm", "gru", "simple"}, default="lstm"
        Type of the recurrent cells. LSTM [Hochreiter1997]_ and GRU [Cho2014]_ cells remember distant time steps. A
        GRU has fewer weights. A "simple" cell forgets the beginning of long sequences.
    units : int or tuple of int, default=64
        Number of hidden units in each direction. A tuple stacks several recurrent layers.
    bidirectional : bool, default=True
        Read sequences in both directions. False gives a smaller and faster network.
    activation : {"tanh", "relu", "sigmoid"}, default="tanh"
        Activation function of the cells.
    pooling : {"max", "mean", "max_mean", "attention", "last"}, default="max"
        How the hidden states of a sequence become one vector: their maximum, their mean, both, a mean with learned
        weights [Raffel2015]_, or the last state only.
    embedding_dim : int, default=128
        Length of the token vectors. Ignored with `embeddings`, which have their own length.
    embeddings : str, path-like, mapping, KeyedVectors, (tokens, array) or None, default=None
        Pretrained token vectors to start with:

        - the path of a file of GloVe [Pennington2014]_, word2vec [Mikolov2013]_ (text or binary) or fastText
          [Bojanowski2017]_ (``.vec``), which may be gzipped;
        - a mapping from tokens to vectors;
        - ``KeyedVectors`` of gensim;
        - a pair of tokens and an array of shape (n_tokens, dim).

        Tokens are compared as the built-in preprocessing writes them: composed (NFC), with straight apostrophes.
        A token without a vector uses the first vector whose token differs only in case, or starts with a random
        vector. Resumed training keeps the trained vectors. A pickle of the estimator contains this parameter, and
        a path keeps it small. Not supported with ``vectorizer="passthrough"`` or with `network`.
    trainable_embeddings : bool, default=True
        Train the token vectors. False keeps their initial values, which can avoid overfitting if there are
        pretrained `embeddings` and few documents.
    max_ngrams : int, default=50000
        Maximum number of token n-grams that get their own vector [Joulin2017]_: the most frequent pairs of
        neighbouring tokens. Where tokens are letters, as in Thai or with ``analyzer="char"``, n-grams have up to
        five tokens. Use 0 for a smaller network. Ignored with ``trainable_embeddings=False`` and with `network`.
    char_ngram_range : tuple (min_n, max_n) or None, default=(3, 4)
        Lengths of the character n-grams that tokens share in training [Bojanowski2017]_, so that words with the
        same stem or ending learn from each other. This helps with rare words, and in languages with many word
        forms. None makes training somewhat faster. Ignored with ``trainable_embeddings=False``, with
        ``vectorizer="passthrough"`` and with `network`.
    skip_connection : bool, default=True
        Connect the token vectors directly to the output layer, as a bag of words and n-grams [Joulin2017]_. This
        helps with many classes and with rare classes.
    linear_model : bool, default=True
        Average the logits of the network and of a linear model [Cheng2016]_: a linear SVM with calibrated scores
        [Platt1999]_. It reads the same tokens and token n-grams. Unless `char_ngram_range` is None, it also reads
        n-grams of 2 to 5 characters in words, known and unknown. Its errors are different, above all with rare
        classes. Early stopping, `history_` and `validation_scores_` measure the network alone, because the linear
        model does not change between epochs. ``partial_fit`` does not train it. With `warm_start`, each fit trains
        a new one on its samples. It is left out with `network`, and if all tokens and n-grams times classes exceed
        2 ** 25.
    min_count : int, default=2
        The network reads tokens that occur less often in the training documents as unknown tokens, so that it does
        not learn documents by heart. The linear model reads all tokens. Ignored in ``partial_fit``, with
        `embeddings` and with `network`. With a fixed vocabulary and with token ids, only the ids after the last
        id that occurs so often are unknown.
    dropout : float, default=0.2
        Fraction of the units to drop in training, between recurrent layers and before the output layer. Use more
        with few samples.
    embedding_dropout : float, default=0.5
        Fraction of the dimensions of the token vectors to drop in training, the same ones for all tokens of a
        document. Use more with few documents.
    token_dropout : float, default=0.2
        Fraction of the tokens to replace by the unknown token in training [Iyyer2015]_. This also trains the
        vector of the unknown token.
    network : callable or None, default=None
        Function that takes a :class:`NetworkSpec` and returns a custom ``keras.Model`` to train. Its input is
        token ids padded with 0, of shape (batch, time), or vectors padded with NaN, of shape (batch, time,
        n_features). Its output has the shape (batch, n_outputs) and the activation ``output_activation``. The
        function can ignore other fields. :mod:`skrnn.layers` has layers that support padding. Keras computes the
        predictions. To pickle the estimator, define the function in a module that can be imported.
    optimizer : str or class, default="adam"
        Name of a Keras optimizer ("adam", "adamw", "sgd", "rmsprop", ...), or a subclass of
        ``keras.optimizers.Optimizer``. "adam" and "adamw" update only the vectors of the tokens in a batch, and
        are much faster with large vocabularies than ``keras.optimizers.Adam``.
    learning_rate : float or schedule, default=0.003
        Step size of the optimizer, or a learning-rate schedule of Keras.
    learning_rate_decay : {"cosine", None}, default="cosine"
        "cosine" lowers the learning rate to zero in the course of each fit [Loshchilov2017]_. None keeps it
        constant, so that two fits with `warm_start` equal one longer fit. Ignored in ``partial_fit``, with a
        learning-rate schedule, and with `callbacks` that set the learning rate.
    weight_decay : float, default=0.0
        Decoupled weight decay for each step of the optimizer.
    clipnorm : float or None, default=1.0
        Maximum norm of the gradient of each weight array. It keeps training stable [Pascanu2013]_. None turns it
        off.
    epochs : int or "auto", default="auto"
        Number of passes over the training samples. With early stopping, their maximum. "auto" chooses 5 to 60
        epochs, and more of them for few samples, short sequences, many classes and rare labels. It aims at 250
        batches, 1,200 samples of a class or label on average, and 1,200,000 characters of text or 750,000 time
        steps of numeric sequences. Beside a linear model (`linear_model` of RNNTextClassifier), it chooses three
        fifths of these epochs, and at most 10. The maximum is higher for more than 8 classes or labels, and for
        labels that on average less than an eighth of the samples have.
    batch_size : int, default=64
        Number of samples in a batch. Batches of very long sequences are smaller, with at most 262,144 time steps.
    class_weight : dict, list of dicts, "balanced" or None, default=None
        Weights of the classes in the loss, as in other classifiers of scikit-learn. They can change when training
        resumes. For multilabel targets, a list has a dict such as ``{0: 1, 1: 5}`` for each label, with the
        weights of the samples without it and with it. They count in the loss of this label alone. Weights change
        the probabilities. With "balanced", they are as if each label were in half of the samples. To find more
        rare labels and keep the probabilities, use :class:`MultilabelThresholdClassifier`.
    label_smoothing : float, default=0.1
        Fraction of the target probability to spread over the classes [Szegedy2016]_. It avoids overconfident
        probabilities. With two classes and with several labels, the classes get it in proportion to their shares
        of the training samples, so that the probabilities of rare classes stay low. With more classes, all get the
        same, which finds more samples of rare classes.
    early_stopping : bool, default=False
        Stop training when the score on validation data no longer improves, and keep the weights of the best epoch.
        The validation data is passed to :meth:`fit`, or taken from the training samples (in classification,
        stratified by class).
    validation_fraction : float, default=0.1
        Fraction of the training samples to use as validation data for early stopping, at most 0.5.
    n_iter_no_change : int, default=3
        Number of epochs without improvement after which early stopping ends the training.
    tol : float, default=0.0001
        Smallest improvement that counts for early stopping.
    scoring : str, callable or None, default="loss"
        Score on validation data that early stopping monitors: "loss", the name of a scorer such as "f1_macro", or
        a callable ``scorer(estimator, X, y)``. None means the ``score`` method. Scorers that support sample
        weights get the weights of the validation samples. Class weights are not used.
    warm_start : bool, default=False
        Resume training in the next :meth:`fit`, for `epochs` more epochs, with the fitted network, vocabulary and
        classes. The optimizer resumes as well if `warm_start` was already True in the previous fit. Early stopping
        considers the new epochs only.
    callbacks : list or None, default=None
        Keras callbacks. Each fit uses shallow copies of instances, and calls classes or functions to make new
        ones. Searches and cross-validation copy instances with all that they refer to. There, a callback that
        reports to another object needs a function, such as ``lambda: KerasPruningCallback(trial, "val_loss")``. To
        load a model that a callback saved, import ``skrnn.layers`` and pass ``compile=False``. Weights that a
        callback saved do not fit the model of ``to_keras``, which has other recurrent layers. Callbacks of
        scikit-learn 1.9 or later are set with ``set_callbacks``, for example
        ``set_callbacks(sklearn.callback.ProgressBar())`` (``pip install rich``). They see each epoch.
    random_state : int, RandomState instance or None, default=None
        Determines initial weights, dropout, shuffling and the validation split. With an int, fits on the same
        machine with the same number of threads give identical weights.
    verbose : bool or int, default=False
        Print a line for each epoch, with losses, scores, seconds and the remaining time. In a terminal, the line
        is a progress bar until the epoch ends.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted. For multilabel targets, the indices of the columns of y.
    class_weight_ : ndarray of shape (n_classes,) or (n_labels, 2)
        Weight of each class in the loss. For multilabel targets, the weights of the absence and of the presence of
        each label.
    vectorizer_ : SequenceVectorizer or "passthrough"
        Fitted vectorizer.
    vocabulary_ : dict of str to int
        Id of each token. Not available with ``vectorizer="passthrough"``.
    embedding_coverage_ : float
        Fraction of the vocabulary that has a pretrained vector. Only available with `embeddings`.
    n_features_in_ : int
        Number of columns of a DataFrame. For numeric sequences, the number of features at each time step, or of
        columns of a 2-D X.
    feature_names_in_ : ndarray of str
        Names of the columns. Only available if X was a DataFrame with names that are all str.
    model_ : keras.Model
        Trained network as a Keras model. Each access builds a new model.
    history_ : dict of str to list of float
        Loss of each epoch, and for classifiers the accuracy. Keys with the prefix "val_" are for the validation
        data. With a `scoring` other than "loss", "val_score" is the monitored score.
    n_iter_ : int
        Number of epochs, including the epochs before training was resumed.
    best_epoch_ : int
        Epoch whose weights are kept, counted from 1. Without early stopping, it is the last epoch.
    validation_scores_ : list of float or None
        Monitored score after each epoch. Higher is better: a loss is negated. None without validation data.
    n_parameters_ : int
        Number of values in all weights of the network.

    See Also
    --------
    SequenceVectorizer : Turn documents into sequences of token ids.
    RNNTextRegressor : Regressor for raw text.
    RNNSequenceClassifier : Classifier for numeric sequences.

    Notes
    -----
    Documents of similar length are batched together. A prediction depends only on the document, and not on the
    other documents of the batch. An empty document is treated as a vector of zeros before the output layer.

    TensorFlow trains with all cores. In a worker process of joblib, Dask or Ray, it uses the number of threads
    that ``OMP_NUM_THREADS`` gives to the worker. ``TF_NUM_INTRAOP_THREADS``, or a TensorFlow configuration before
    the first fit, takes precedence. Wide networks can differ in the last digits with another number of threads.

    References
    ----------
    .. [Hochreiter1997] Hochreiter & Schmidhuber (1997), Long short-term memory. Neural Computation 9(8).
    .. [Cho2014] Cho et al. (2014), Learning phrase representations using RNN encoder-decoder for statistical
       machine translation. arXiv:1406.1078.
    .. [Raffel2015] Raffel & Ellis (2015), Feed-forward networks with attention can solve some long-term memory
       problems. arXiv:1512.08756.
    .. [Pennington2014] Pennington, Socher & Manning (2014), GloVe: global vectors for word representation.
       EMNLP 2014.
    .. [Mikolov2013] Mikolov et al. (2013), Efficient estimation of word representations in vector space.
       arXiv:1301.3781.
    .. [Bojanowski2017] Bojanowski et al. (2017), Enriching word vectors with subword information. TACL 5.
       arXiv:1607.04606.
    .. [Joulin2017] Joulin et al. (2017), Bag of tricks for efficient text classification. EACL 2017.
       arXiv:1607.01759.
    .. [Cheng2016] Cheng et al. (2016), Wide & deep learning for recommender systems. DLRS 2016. arXiv:1606.07792.
    .. [Platt1999] Platt (1999), Probabilistic outputs for support vector machines and comparisons to regularized
       likelihood methods. Advances in Large Margin Classifiers.
    .. [Loshchilov2017] Loshchilov & Hutter (2017), SGDR: stochastic gradient descent with warm restarts. ICLR
       2017. arXiv:1608.03983.
    .. [Szegedy2016] Szegedy et al. (2016), Rethinking the Inception architecture for computer vision. CVPR
       2016. arXiv:1512.00567.
    .. [Iyyer2015] Iyyer et al. (2015), Deep unordered composition rivals syntactic methods for text
       classification. ACL 2015.
    .. [Pascanu2013] Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent neural networks.
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

    __module__ = "skrnn"

    _parameter_constraints = {
        **TextRNN._parameter_constraints,
        **_CLASSIFICATION,
        "linear_model": [BOOLEAN],
        "min_count": [Interval(int, 1)],
    }

    def __init__(
        self,
        vectorizer: SequenceVectorizer | str | None = None,
        *,
        cell: str = "lstm",
        units: int | Sequence[int] = 64,
        bidirectional: bool = True,
        activation: str = "tanh",
        pooling: str = "max",
        embedding_dim: int = 128,
        embeddings: Any = None,
        trainable_embeddings: bool = True,
        max_ngrams: int = 50_000,
        char_ngram_range: tuple[int, int] | None = (3, 4),
        skip_connection: bool = True,
        linear_model: bool = True,
        min_count: int = 2,
        dropout: float = 0.2,
        embedding_dropout: float = 0.5,
        token_dropout: float = 0.2,
        network: Callable[[NetworkSpec], Any] | None = None,
        optimizer: str | type = "adam",
        learning_rate: float | Callable[..., Any] = 0.003,
        learning_rate_decay: str | None = "cosine",
        weight_decay: float = 0.0,
        clipnorm: float | None = 1.0,
        epochs: int | str = "auto",
        batch_size: int = 64,
        class_weight: Mapping[Any, float] | list[dict[int, float]] | str | None = None,
        label_smoothing: float = 0.1,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 3,
        tol: float = 1e-4,
        scoring: str | Callable[..., float] | None = "loss",
        warm_start: bool = False,
        callbacks: Sequence[Any] | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | int = False,
    ) -> None:
        self.vectorizer = vectorizer
        self.cell = cell
        self.units = units
        self.bidirectional = bidirectional
        self.activation = activation
        self.pooling = pooling
        self.embedding_dim = embedding_dim
        self.embeddings = embeddings
        self.trainable_embeddings = trainable_embeddings
        self.max_ngrams = max_ngrams
        self.char_ngram_range = char_ngram_range
        self.skip_connection = skip_connection
        self.linear_model = linear_model
        self.min_count = min_count
        self.dropout = dropout
        self.embedding_dropout = embedding_dropout
        self.token_dropout = token_dropout
        self.network = network
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.learning_rate_decay = learning_rate_decay
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.epochs = epochs
        self.batch_size = batch_size
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.scoring = scoring
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose


class RNNSequenceClassifier(_RNNClassifier, SequenceRNN):
    """Recurrent neural network classifier for numeric sequences, for example of sensors, audio or video features.

    X can be one of these:

    - a list of arrays of shape (n_steps, n_features), where n_steps can differ;
    - an array of shape (n_samples, n_steps, n_features). The 3-D arrays of sktime and tslearn differ: sktime has
      the features before the steps (use ``X.swapaxes(1, 2)``), and tslearn pads with NaN (use a list of arrays);
    - an array or DataFrame of shape (n_samples, n_steps) with a univariate series in each row.

    Targets can be binary, multiclass or multilabel.

    Scale the features to similar sizes around zero first, because the classifier does not. For series in a 2-D
    array, use ``make_pipeline(StandardScaler(), RNNSequenceClassifier())``. For a list of arrays, see the example.

    Parameters
    ----------
    cell : {"lstm", "gru", "simple"}, default="lstm"
        Type of the recurrent cells. LSTM [Hochreiter1997]_ and GRU [Cho2014]_ cells remember distant time steps. A
        GRU has fewer weights. A "simple" cell forgets the beginning of long sequences.
    units : int or tuple of int, default=64
        Number of hidden units in each direction. A tuple stacks several recurrent layers.
    bidirectional : bool, default=True
        Read sequences in both directions. False gives a smaller and faster network.
    activation : {"tanh", "relu", "sigmoid"}, default="tanh"
        Activation function of the cells.
    pooling : {"max", "mean", "max_mean", "attention", "last"}, default="max"
        How the hidden states of a sequence become one vector: their maximum, their mean, both, a mean with learned
        weights [Raffel2015]_, or the last state only.
    dropout : float, default=0.2
        Fraction of the units to drop in training, between recurrent layers and before the output layer. Use more
        with few samples.
    network : callable or None, default=None
        Function that takes a :class:`NetworkSpec` and returns a custom ``keras.Model`` to train. Its input is
        token ids padded with 0, of shape (batch, time), or vectors padded with NaN, of shape (batch, time,
        n_features). Its output has the shape (batch, n_outputs) and the activation ``output_activation``. The
        function can ignore other fields. :mod:`skrnn.layers` has layers that support padding. Keras computes the
        predictions. To pickle the estimator, define the function in a module that can be imported.
    optimizer : str or class, default="adam"
        Name of a Keras optimizer ("adam", "adamw", "sgd", "rmsprop", ...), or a subclass of
        ``keras.optimizers.Optimizer``. "adam" and "adamw" update only the vectors of the tokens in a batch, and
        are much faster with large vocabularies than ``keras.optimizers.Adam``.
    learning_rate : float or schedule, default=0.003
        Step size of the optimizer, or a learning-rate schedule of Keras.
    learning_rate_decay : {"cosine", None}, default="cosine"
        "cosine" lowers the learning rate to zero in the course of each fit [Loshchilov2017]_. None keeps it
        constant, so that two fits with `warm_start` equal one longer fit. Ignored in ``partial_fit``, with a
        learning-rate schedule, and with `callbacks` that set the learning rate.
    weight_decay : float, default=0.0
        Decoupled weight decay for each step of the optimizer.
    clipnorm : float or None, default=1.0
        Maximum norm of the gradient of each weight array. It keeps training stable [Pascanu2013]_. None turns it
        off.
    epochs : int or "auto", default="auto"
        Number of passes over the training samples. With early stopping, their maximum. "auto" chooses 5 to 60
        epochs, and more of them for few samples, short sequences, many classes and rare labels. It aims at 250
        batches, 1,200 samples of a class or label on average, and 1,200,000 characters of text or 750,000 time
        steps of numeric sequences. Beside a linear model (`linear_model` of RNNTextClassifier), it chooses three
        fifths of these epochs, and at most 10. The maximum is higher for more than 8 classes or labels, and for
        labels that on average less than an eighth of the samples have.
    batch_size : int, default=64
        Number of samples in a batch. Batches of very long sequences are smaller, with at most 262,144 time steps.
    class_weight : dict, list of dicts, "balanced" or None, default=None
        Weights of the classes in the loss, as in other classifiers of scikit-learn. They can change when training
        resumes. For multilabel targets, a list has a dict such as ``{0: 1, 1: 5}`` for each label, with the
        weights of the samples without it and with it. They count in the loss of this label alone. Weights change
        the probabilities. With "balanced", they are as if each label were in half of the samples. To find more
        rare labels and keep the probabilities, use :class:`MultilabelThresholdClassifier`.
    label_smoothing : float, default=0.1
        Fraction of the target probability to spread over the classes [Szegedy2016]_. It avoids overconfident
        probabilities. With two classes and with several labels, the classes get it in proportion to their shares
        of the training samples, so that the probabilities of rare classes stay low. With more classes, all get the
        same, which finds more samples of rare classes.
    early_stopping : bool, default=False
        Stop training when the score on validation data no longer improves, and keep the weights of the best epoch.
        The validation data is passed to :meth:`fit`, or taken from the training samples (in classification,
        stratified by class).
    validation_fraction : float, default=0.1
        Fraction of the training samples to use as validation data for early stopping, at most 0.5.
    n_iter_no_change : int, default=3
        Number of epochs without improvement after which early stopping ends the training.
    tol : float, default=0.0001
        Smallest improvement that counts for early stopping.
    scoring : str, callable or None, default="loss"
        Score on validation data that early stopping monitors: "loss", the name of a scorer such as "f1_macro", or
        a callable ``scorer(estimator, X, y)``. None means the ``score`` method. Scorers that support sample
        weights get the weights of the validation samples. Class weights are not used.
    warm_start : bool, default=False
        Resume training in the next :meth:`fit`, for `epochs` more epochs, with the fitted network, vocabulary and
        classes. The optimizer resumes as well if `warm_start` was already True in the previous fit. Early stopping
        considers the new epochs only.
    callbacks : list or None, default=None
        Keras callbacks. Each fit uses shallow copies of instances, and calls classes or functions to make new
        ones. Searches and cross-validation copy instances with all that they refer to. There, a callback that
        reports to another object needs a function, such as ``lambda: KerasPruningCallback(trial, "val_loss")``. To
        load a model that a callback saved, import ``skrnn.layers`` and pass ``compile=False``. Weights that a
        callback saved do not fit the model of ``to_keras``, which has other recurrent layers. Callbacks of
        scikit-learn 1.9 or later are set with ``set_callbacks``, for example
        ``set_callbacks(sklearn.callback.ProgressBar())`` (``pip install rich``). They see each epoch.
    random_state : int, RandomState instance or None, default=None
        Determines initial weights, dropout, shuffling and the validation split. With an int, fits on the same
        machine with the same number of threads give identical weights.
    verbose : bool or int, default=False
        Print a line for each epoch, with losses, scores, seconds and the remaining time. In a terminal, the line
        is a progress bar until the epoch ends.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted. For multilabel targets, the indices of the columns of y.
    class_weight_ : ndarray of shape (n_classes,) or (n_labels, 2)
        Weight of each class in the loss. For multilabel targets, the weights of the absence and of the presence of
        each label.
    n_features_in_ : int
        Number of columns of a DataFrame. For numeric sequences, the number of features at each time step, or of
        columns of a 2-D X.
    feature_names_in_ : ndarray of str
        Names of the columns. Only available if X was a DataFrame with names that are all str.
    model_ : keras.Model
        Trained network as a Keras model. Each access builds a new model.
    history_ : dict of str to list of float
        Loss of each epoch, and for classifiers the accuracy. Keys with the prefix "val_" are for the validation
        data. With a `scoring` other than "loss", "val_score" is the monitored score.
    n_iter_ : int
        Number of epochs, including the epochs before training was resumed.
    best_epoch_ : int
        Epoch whose weights are kept, counted from 1. Without early stopping, it is the last epoch.
    validation_scores_ : list of float or None
        Monitored score after each epoch. Higher is better: a loss is negated. None without validation data.
    n_parameters_ : int
        Number of values in all weights of the network.

    See Also
    --------
    RNNSequenceRegressor : Regressor for numeric sequences.
    RNNTextClassifier : Classifier for raw text.

    Notes
    -----
    Sequences of similar length are batched together. A prediction depends only on the sequence, and not on the
    other sequences of the batch. X cannot contain NaN: fill gaps first.

    References
    ----------
    .. [Hochreiter1997] Hochreiter & Schmidhuber (1997), Long short-term memory. Neural Computation 9(8).
    .. [Cho2014] Cho et al. (2014), Learning phrase representations using RNN encoder-decoder for statistical
       machine translation. arXiv:1406.1078.
    .. [Raffel2015] Raffel & Ellis (2015), Feed-forward networks with attention can solve some long-term memory
       problems. arXiv:1512.08756.
    .. [Loshchilov2017] Loshchilov & Hutter (2017), SGDR: stochastic gradient descent with warm restarts. ICLR
       2017. arXiv:1608.03983.
    .. [Szegedy2016] Szegedy et al. (2016), Rethinking the Inception architecture for computer vision. CVPR
       2016. arXiv:1512.00567.
    .. [Pascanu2013] Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent neural networks.
       arXiv:1211.5063.

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

    __module__ = "skrnn"

    _parameter_constraints = {
        **SequenceRNN._parameter_constraints,
        **_CLASSIFICATION,
    }

    def __init__(
        self,
        *,
        cell: str = "lstm",
        units: int | Sequence[int] = 64,
        bidirectional: bool = True,
        activation: str = "tanh",
        pooling: str = "max",
        dropout: float = 0.2,
        network: Callable[[NetworkSpec], Any] | None = None,
        optimizer: str | type = "adam",
        learning_rate: float | Callable[..., Any] = 0.003,
        learning_rate_decay: str | None = "cosine",
        weight_decay: float = 0.0,
        clipnorm: float | None = 1.0,
        epochs: int | str = "auto",
        batch_size: int = 64,
        class_weight: Mapping[Any, float] | list[dict[int, float]] | str | None = None,
        label_smoothing: float = 0.1,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 3,
        tol: float = 1e-4,
        scoring: str | Callable[..., float] | None = "loss",
        warm_start: bool = False,
        callbacks: Sequence[Any] | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | int = False,
    ) -> None:
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
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.scoring = scoring
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose
