"""The classifiers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import sklearn.base

from skrnn.estimators._base import BaseRNN
from skrnn.estimators._sequence import SequenceRNN
from skrnn.estimators._targets import ClassTarget, MultilabelTarget, check_labels, is_multilabel
from skrnn.estimators._text import TextRNN
from skrnn.network._spec import NetworkSpec
from skrnn.text._vectorizer import SequenceVectorizer
from skrnn.utils._parameters import NONE, Constraint, Interval, Options, Where

_CLASSIFICATION: Mapping[str, Sequence[Constraint]] = {
    "class_weight": [Where("a dict", lambda weights: isinstance(weights, Mapping)), Options(["balanced"]), NONE],
    "label_smoothing": [Interval(float, 0, 1)],
}


class _RNNClassifier(sklearn.base.ClassifierMixin, BaseRNN):
    """What the classifiers share: y is labels, or an indicator matrix."""

    class_weight: Mapping[Any, float] | str | None

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Any:
        """%(partial_fit_classifier)s"""
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' needs all samples, but partial_fit gets them in chunks. Compute the "
                "weights with sklearn.utils.class_weight.compute_class_weight and pass them as a dict."
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
        """%(predict_classifier)s"""
        outputs, target = self._outputs(X)
        return target.decode(outputs)

    def predict_proba(self, X: Any) -> np.ndarray:
        """%(predict_proba)s"""
        outputs, target = self._outputs(X)
        return target.probabilities(outputs)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """%(predict_log_proba)s"""
        return np.log(self.predict_proba(X))

    def decision_function(self, X: Any) -> np.ndarray:
        """%(decision_function)s"""
        logits, _ = self._outputs(X, logits=True)
        return logits[:, 0] if logits.shape[1] == 1 else logits

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """%(score_classifier)s"""
        return super().score(X, self._check_y(y), sample_weight)

    def _check_y(self, y: Any) -> np.ndarray:
        return check_labels(y)

    def _fit_target(
        self, y: np.ndarray, sample_weight: np.ndarray, params: SimpleNamespace, classes: np.ndarray | None
    ) -> ClassTarget | MultilabelTarget:
        if is_multilabel(y):
            return MultilabelTarget.fit(y, params.class_weight, classes)
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

    Documents are cut into tokens, and each token gets a trained vector. A recurrent network reads the vectors
    in order, its hidden states are pooled into one vector for the document, and a dense layer turns that into
    class probabilities. Keras trains the network; the fitted estimator is plain data, and predicts without
    Keras. Targets are binary, multiclass or multilabel.

    Parameters
    ----------
    vectorizer : SequenceVectorizer, "passthrough" or None, default=None
        What cuts documents into tokens; None for ``SequenceVectorizer()``. It is cloned to ``vectorizer_``,
        and its parameters can be searched as ``vectorizer__max_features`` even while it is None. With
        "passthrough", X holds the token ids already.
    cell : {"lstm", "gru", "simple"}, default="lstm"
        Kind of recurrent cell. The gates of LSTM [Hochreiter1997]_ and GRU [Cho2014]_ let gradients reach far
        back; in a simple recurrent network they vanish over long sequences.
    units : int or tuple of int, default=64
        Hidden units, in each direction; a tuple has an entry for each of several stacked layers.
    bidirectional : bool, default=True
        Read each sequence from both ends.
    activation : {"tanh", "relu", "sigmoid"}, default="tanh"
        Activation of the cell.
    pooling : {"max", "mean", "max_mean", "attention", "last"}, default="max"
        How the hidden states become one vector: their maximum, mean, both, a mean with learned weights
        [Raffel2015]_, or only the last state. Padding takes no part.
    embedding_dim : int, default=128
        Length of a token's vector. With `embeddings` theirs is taken, whatever is set here.
    embedding_init : {"naive_bayes", "uniform"}, default="naive_bayes"
        How the vectors of the tokens start. "naive_bayes" puts what naive Bayes makes of the training data, the
        log-count ratio of a token or pair of tokens for each class [Wang2012]_, into their first dimensions (at
        most half of them; of more classes, the principal components), and small random numbers into the others:
        training begins with what a good linear classifier knows. "uniform" has small random numbers throughout.
        Not in use with `embeddings` or `network`.
    embeddings : str, path-like, mapping, KeyedVectors, (tokens, array) or None, default=None
        Pretrained vectors that the tokens start with: the path of a file as GloVe [Pennington2014]_, word2vec
        [Mikolov2013]_ (text or binary) and fastText [Bojanowski2017]_ (``.vec``) write it, compressed by gzip
        or not; a mapping from token to vector; gensim's ``KeyedVectors``; or a pair of tokens and an array of
        shape (n_tokens, dim). A file is streamed, and only the vectors of the vocabulary are kept. A token
        that has no vector takes that of the first one that differs in case only; the rest start random, spread
        as the vectors are, and the unknown token with their mean. Only a first fit reads them:
        `warm_start` and ``partial_fit`` go on with the vectors of the fitted network. The estimator keeps what
        it is given, and pickles it too: of these, a path is the smallest. Not with
        ``vectorizer="passthrough"`` or `network`.
    trainable_embeddings : bool, default=True
        Let training change the vectors of the tokens. False keeps them as they start, pretrained or random:
        fewer parameters to learn from few documents, and words that training has not seen stay comparable
        to those that it has.
    max_ngrams : int, default=50000
        N-grams of neighbouring tokens, at most so many, get a vector of their own, which is added to that of
        their last token [Joulin2017]_: the most frequent of the pairs that occur in two documents or more. Where
        tokens are letters (128 of them make up nine tenths of the text), as of Thai or with ``analyzer="char"``,
        runs of three to five that occur in five documents follow, if there is room left; of those that end in
        one token, the longest counts, and others add nothing. The vectors start with zeros, but for what naive
        Bayes makes of them. 0 for none; there are also none with ``trainable_embeddings=False``, or with a
        `network` of your own.
    char_ngram_range : tuple (min_n, max_n) or None, default=(3, 4)
        In training, the vector of a token is the sum of one of its own and those of the n-grams of its characters
        (over the root of their number), of which so many characters make up one, its beginning and end counted
        too [Bojanowski2017]_. So words with the same stem or ending learn from each other, and rare ones from
        frequent ones, most of all in languages of many word forms. A fit takes somewhat longer; what it keeps are
        the sums, so that the fitted network is neither larger nor slower. Only with `warm_start` and in
        ``partial_fit`` the parts stay too, and training goes on with them. N-grams that a single token of the
        vocabulary has do not count, nor do those of tokens of more than 40 characters; of each token those 32 do
        that most others share, and in all 100,000. None for none; there are also none with
        ``trainable_embeddings=False``, with ``vectorizer="passthrough"`` (ids do not tell how tokens are written)
        or with a `network` of your own.
    skip_connection : bool, default=True
        Let the output layer also read the sum of the vectors of a document's tokens, over the root of their
        number, beside the hidden states: a bag of words and n-grams as in fastText [Joulin2017]_, which learns
        many classes and rare ones sooner.
    dropout : float, default=0.2
        Share of the units that is dropped between layers and before the output, in training.
    embedding_dropout : float, default=0.5
        Share of the dimensions of the token vectors that is dropped, for a whole document at a time.
    token_dropout : float, default=0.2
        Share of the tokens that is replaced by the unknown token in training [Iyyer2015]_, which also teaches
        the network what to make of words that it does not know.
    network : callable or None, default=None
        A function that takes a :class:`NetworkSpec` and returns a ``keras.Model`` to train in place of the
        built-in network: from token ids padded with 0, of shape (batch, time), or vectors padded with NaN, of
        shape (batch, time, n_features), to outputs of shape (batch, n_outputs) with the activation
        ``output_activation``. It need not heed the rest of the specification. To be pickled, the function has
        to be importable; predictions are then Keras' own, and depend on the sample alone if the layers heed
        masks. Initial weights are those of the layers. :mod:`skrnn.layers` has some to build on.
    optimizer : str or class, default="adam"
        Name of a Keras optimizer ("adam", "adamw", "sgd", "rmsprop", …), or a subclass of
        ``keras.optimizers.Optimizer``. On TensorFlow, "adam" and "adamw" update only the token vectors that
        occur in a batch, which is much faster with large vocabularies; ``keras.optimizers.Adam`` moves all.
    learning_rate : float or schedule, default=0.003
        Step size of the optimizer; Keras' learning-rate schedules are taken too.
    learning_rate_decay : {"cosine", None}, default="cosine"
        "cosine" lowers the learning rate over the epochs of a fit, along half a cosine from
        `learning_rate` to zero [Loshchilov2017]_; with `warm_start`, each fit begins at the top again. None
        keeps the rate, which two fits need that are to be as good as one with the sum of their epochs.
        ``partial_fit`` never lowers the rate, as it cannot know what is to come, and Keras' schedules are left
        alone.
    weight_decay : float, default=0.0
        Decoupled weight decay, for each step.
    clipnorm : float or None, default=1.0
        Gradients of each weight array are scaled down to this norm, which keeps them from exploding
        [Pascanu2013]_.
    epochs : int or "auto", default="auto"
        Passes over the training samples; at most, when stopping early. "auto" takes as many as show 1,200,000
        characters of text, without white space (unknown tokens, and with ``vectorizer="passthrough"`` all, count
        as 4), or 750,000 time steps of other sequences, and 1,200 samples of each class, on average, and make 250
        steps of the optimizer; at least 5, at most 60. Short texts so get more epochs than long ones.
    batch_size : int, default=64
        Samples in a step of the optimizer. Of sequences so long that a batch of them would have more than 262,144
        time steps, fewer: 64 of at most 4,096 steps go together.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss, as everywhere in scikit-learn. Not for multilabel targets.
    label_smoothing : float, default=0.1
        Share of the probability that the loss spreads over all classes instead of asking for the true one alone
        [Szegedy2016]_. It keeps probabilities from going to 0 and 1, where they are wrong too often.
    early_stopping : "auto" or bool, default=False
        Hold back a share of the samples (stratified by class), stop when the score on them no longer improves,
        and keep the weights of the best epoch. "auto" does so when that share comes to at least 20 samples, or
        when validation data is passed to :meth:`fit`.
    validation_fraction : float, default=0.1
        Share of the samples to hold back, at most 0.5.
    n_iter_no_change : int, default=3
        Epochs without improvement after which training stops.
    tol : float, default=0.0001
        Least improvement of the monitored score that counts.
    scoring : str, callable or None, default="loss"
        What early stopping monitors on the validation data: "loss", or a scorer of scikit-learn such as
        "f1_macro"; None for the estimator's own ``score``. Scores take the weights of the validation samples
        if they know what weights are. Class weights act on the loss only.
    warm_start : bool, default=False
        Let the next :meth:`fit` go on from the fitted weights, vocabulary, classes (with their weights) and
        optimizer state, for ``epochs`` more epochs. Early stopping judges those alone.
    callbacks : list or None, default=None
        Keras callbacks: instances, of which each fit works on copies, or classes and functions that are called
        for one. The model that they see has :class:`skrnn.layers.PaddedRNN` in place of masked recurrent layers:
        files of weights that they write do not fit the model of ``to_keras``, which has the usual ones. To load
        models that they write, import ``skrnn.layers`` and say ``compile=False``.
    random_state : int, RandomState instance or None, default=None
        Determines initial weights, dropout, shuffling and the validation split. With an int, a fit on the
        same machine with the same number of threads gives identical weights each time.
    verbose : bool or int, default=False
        Print a line for each epoch: losses, scores, seconds, and the time left at most. Terminals and
        notebooks get a progress bar too.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted. For multilabel targets, the numbers of their columns.
    class_weight_ : ndarray of shape (n_classes,)
        The weight of each class in the loss.
    vectorizer_ : SequenceVectorizer or "passthrough"
        The fitted vectorizer.
    vocabulary_ : dict of str to int
        The id of each token.
    embedding_coverage_ : float
        Share of the vocabulary's tokens, each counted once, that have a vector in `embeddings`; padding and
        the unknown token are not counted. Only where `embeddings` was given.
    feature_names_in_ : ndarray of str
        The names of the columns, where X was a DataFrame.
    model_ : keras.Model
        The trained network in Keras, built anew each time it is asked for.
    history_ : dict of str to list of float
        The loss of each epoch, and with "val_" before its name that on the validation data; for classifiers
        the accuracy too, and "val_score" with another ``scoring``.
    n_iter_ : int
        Number of epochs that were run.
    best_epoch_ : int
        The epoch, counted from 1, whose weights are kept.
    validation_scores_ : list of float or None
        What early stopping monitors, after each epoch: higher is better, and a loss is negative.
    n_parameters_ : int
        Number of numbers in the network's weights.

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
    .. [Wang2012] Wang & Manning (2012), Baselines and bigrams: simple, good sentiment and topic
       classification. ACL 2012.
    .. [Joulin2017] Joulin et al. (2017), Bag of tricks for efficient text classification. EACL 2017.
       arXiv:1607.01759.
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

    _parameter_constraints: ClassVar[Mapping[str, Sequence[Constraint]]] = {
        **TextRNN._parameter_constraints,
        **_CLASSIFICATION,
        "embedding_init": [Options(["naive_bayes", "uniform"])],
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
        embedding_init: str = "naive_bayes",
        embeddings: Any = None,
        trainable_embeddings: bool = True,
        max_ngrams: int = 50_000,
        char_ngram_range: tuple[int, int] | None = (3, 4),
        skip_connection: bool = True,
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
        class_weight: Mapping[Any, float] | str | None = None,
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
        self.embedding_init = embedding_init
        self.embeddings = embeddings
        self.trainable_embeddings = trainable_embeddings
        self.max_ngrams = max_ngrams
        self.char_ngram_range = char_ngram_range
        self.skip_connection = skip_connection
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
    """Recurrent neural network classifier for sequences of numbers: of sensors, audio or video features.

    X is a list of arrays of shape (n_steps, n_features), each with its own n_steps; or an array of shape
    (n_samples, n_steps, n_features); or a 2-D array whose rows are univariate series, with a column for each time
    step. Targets are binary, multiclass or multilabel.

    The features should be of about the same size, around zero. Scale them before: :class:`RNNSequenceClassifier`
    does not, since what is right depends on what they are. For series in a 2-D array
    ``make_pipeline(StandardScaler(), RNNSequenceClassifier())`` does it; see the example for a list of arrays.

    Parameters
    ----------
    cell : {"lstm", "gru", "simple"}, default="lstm"
        Kind of recurrent cell. The gates of LSTM [Hochreiter1997]_ and GRU [Cho2014]_ let gradients reach far
        back; in a simple recurrent network they vanish over long sequences.
    units : int or tuple of int, default=64
        Hidden units, in each direction; a tuple has an entry for each of several stacked layers.
    bidirectional : bool, default=True
        Read each sequence from both ends.
    activation : {"tanh", "relu", "sigmoid"}, default="tanh"
        Activation of the cell.
    pooling : {"max", "mean", "max_mean", "attention", "last"}, default="max"
        How the hidden states become one vector: their maximum, mean, both, a mean with learned weights
        [Raffel2015]_, or only the last state. Padding takes no part.
    dropout : float, default=0.2
        Share of the units that is dropped between layers and before the output, in training.
    network : callable or None, default=None
        A function that takes a :class:`NetworkSpec` and returns a ``keras.Model`` to train in place of the
        built-in network: from token ids padded with 0, of shape (batch, time), or vectors padded with NaN, of
        shape (batch, time, n_features), to outputs of shape (batch, n_outputs) with the activation
        ``output_activation``. It need not heed the rest of the specification. To be pickled, the function has
        to be importable; predictions are then Keras' own, and depend on the sample alone if the layers heed
        masks. Initial weights are those of the layers. :mod:`skrnn.layers` has some to build on.
    optimizer : str or class, default="adam"
        Name of a Keras optimizer ("adam", "adamw", "sgd", "rmsprop", …), or a subclass of
        ``keras.optimizers.Optimizer``. On TensorFlow, "adam" and "adamw" update only the token vectors that
        occur in a batch, which is much faster with large vocabularies; ``keras.optimizers.Adam`` moves all.
    learning_rate : float or schedule, default=0.003
        Step size of the optimizer; Keras' learning-rate schedules are taken too.
    learning_rate_decay : {"cosine", None}, default="cosine"
        "cosine" lowers the learning rate over the epochs of a fit, along half a cosine from
        `learning_rate` to zero [Loshchilov2017]_; with `warm_start`, each fit begins at the top again. None
        keeps the rate, which two fits need that are to be as good as one with the sum of their epochs.
        ``partial_fit`` never lowers the rate, as it cannot know what is to come, and Keras' schedules are left
        alone.
    weight_decay : float, default=0.0
        Decoupled weight decay, for each step.
    clipnorm : float or None, default=1.0
        Gradients of each weight array are scaled down to this norm, which keeps them from exploding
        [Pascanu2013]_.
    epochs : int or "auto", default="auto"
        Passes over the training samples; at most, when stopping early. "auto" takes as many as show 1,200,000
        characters of text, without white space (unknown tokens, and with ``vectorizer="passthrough"`` all, count
        as 4), or 750,000 time steps of other sequences, and 1,200 samples of each class, on average, and make 250
        steps of the optimizer; at least 5, at most 60. Short texts so get more epochs than long ones.
    batch_size : int, default=64
        Samples in a step of the optimizer. Of sequences so long that a batch of them would have more than 262,144
        time steps, fewer: 64 of at most 4,096 steps go together.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss, as everywhere in scikit-learn. Not for multilabel targets.
    label_smoothing : float, default=0.1
        Share of the probability that the loss spreads over all classes instead of asking for the true one alone
        [Szegedy2016]_. It keeps probabilities from going to 0 and 1, where they are wrong too often.
    early_stopping : "auto" or bool, default=False
        Hold back a share of the samples (stratified by class), stop when the score on them no longer improves,
        and keep the weights of the best epoch. "auto" does so when that share comes to at least 20 samples, or
        when validation data is passed to :meth:`fit`.
    validation_fraction : float, default=0.1
        Share of the samples to hold back, at most 0.5.
    n_iter_no_change : int, default=3
        Epochs without improvement after which training stops.
    tol : float, default=0.0001
        Least improvement of the monitored score that counts.
    scoring : str, callable or None, default="loss"
        What early stopping monitors on the validation data: "loss", or a scorer of scikit-learn such as
        "f1_macro"; None for the estimator's own ``score``. Scores take the weights of the validation samples
        if they know what weights are. Class weights act on the loss only.
    warm_start : bool, default=False
        Let the next :meth:`fit` go on from the fitted weights, vocabulary, classes (with their weights) and
        optimizer state, for ``epochs`` more epochs. Early stopping judges those alone.
    callbacks : list or None, default=None
        Keras callbacks: instances, of which each fit works on copies, or classes and functions that are called
        for one. The model that they see has :class:`skrnn.layers.PaddedRNN` in place of masked recurrent layers:
        files of weights that they write do not fit the model of ``to_keras``, which has the usual ones. To load
        models that they write, import ``skrnn.layers`` and say ``compile=False``.
    random_state : int, RandomState instance or None, default=None
        Determines initial weights, dropout, shuffling and the validation split. With an int, a fit on the
        same machine with the same number of threads gives identical weights each time.
    verbose : bool or int, default=False
        Print a line for each epoch: losses, scores, seconds, and the time left at most. Terminals and
        notebooks get a progress bar too.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted. For multilabel targets, the numbers of their columns.
    class_weight_ : ndarray of shape (n_classes,)
        The weight of each class in the loss.
    n_features_in_ : int
        Number of features at each time step; of columns, where X was a 2-D array.
    feature_names_in_ : ndarray of str
        The names of the columns, where X was a DataFrame.
    model_ : keras.Model
        The trained network in Keras, built anew each time it is asked for.
    history_ : dict of str to list of float
        The loss of each epoch, and with "val_" before its name that on the validation data; for classifiers
        the accuracy too, and "val_score" with another ``scoring``.
    n_iter_ : int
        Number of epochs that were run.
    best_epoch_ : int
        The epoch, counted from 1, whose weights are kept.
    validation_scores_ : list of float or None
        What early stopping monitors, after each epoch: higher is better, and a loss is negative.
    n_parameters_ : int
        Number of numbers in the network's weights.

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

    _parameter_constraints: ClassVar[Mapping[str, Sequence[Constraint]]] = {
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
        class_weight: Mapping[Any, float] | str | None = None,
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
