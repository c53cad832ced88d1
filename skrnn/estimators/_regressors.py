"""The regressors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import sklearn.base

from skrnn.estimators._base import BaseRNN, Estimator
from skrnn.estimators._sequence import SequenceRNN
from skrnn.estimators._targets import NumericTarget, check_numbers
from skrnn.estimators._text import TextRNN
from skrnn.network._spec import NetworkSpec
from skrnn.text._vectorizer import SequenceVectorizer
from skrnn.utils._parameters import Constraint, Options

_REGRESSION: Mapping[str, Sequence[Constraint]] = {"loss": [Options(["squared_error", "absolute_error"])]}


class _RNNRegressor(sklearn.base.RegressorMixin, BaseRNN):
    """Base of the regressors, whose y is one number or several for each sample."""

    def partial_fit(self: Estimator, X: Any, y: Any, sample_weight: Any = None) -> Estimator:
        """Train for one epoch on a chunk of samples.

        The first call learns the scale of the targets and the vocabulary from its chunk. Later calls resume where
        the last call stopped. With an int as `random_state`, four calls with the same samples are equal to one
        :meth:`fit` with ``epochs=4``, ``early_stopping=False`` and ``learning_rate_decay=None``.

        Parameters
        ----------
        X : iterable of str, or sequences
            Samples of the chunk.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples in the loss, relative to the other samples of the chunk. They are normalized in
            each chunk, so that samples have the same average weight in all chunks.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> np.ndarray:
        """Predict the targets of each sample.

        Parameters
        ----------
        X : iterable of str, or sequences
            Samples, as in :meth:`fit`.

        Returns
        -------
        values : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predicted targets, two-dimensional if y was two-dimensional in :meth:`fit`.
        """
        outputs, target = self._outputs(X)
        return target.decode(outputs)

    def _check_y(self, y: Any) -> np.ndarray:
        return check_numbers(y)

    def _fit_target(
        self, y: np.ndarray, sample_weight: np.ndarray, params: SimpleNamespace, classes: np.ndarray | None
    ) -> NumericTarget:
        return NumericTarget.fit(y, sample_weight)

    @property
    def target_mean_(self) -> np.ndarray:
        target: Any = self._learned.target
        return target.mean

    @property
    def target_scale_(self) -> np.ndarray:
        target: Any = self._learned.target
        return target.scale

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class RNNTextRegressor(_RNNRegressor, TextRNN):
    """Recurrent neural network regressor for raw text.

    The network is the same as in :class:`RNNTextClassifier`, with a linear output layer. There can be one or
    several targets. They are standardized for training, and predictions are scaled back.

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
    loss : {"squared_error", "absolute_error"}, default="squared_error"
        Loss on the standardized targets. "absolute_error" is less sensitive to outliers.
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
    target_mean_ : ndarray of shape (n_outputs,)
        Mean of each target. Training subtracts it.
    target_scale_ : ndarray of shape (n_outputs,)
        Standard deviation of each target, or 1 if the target is constant. Training divides by it.
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
    RNNTextClassifier : Classifier for raw text. Its notes on batches and threads also apply here.
    RNNSequenceRegressor : Regressor for numeric sequences.

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
    .. [Loshchilov2017] Loshchilov & Hutter (2017), SGDR: stochastic gradient descent with warm restarts. ICLR
       2017. arXiv:1608.03983.
    .. [Iyyer2015] Iyyer et al. (2015), Deep unordered composition rivals syntactic methods for text
       classification. ACL 2015.
    .. [Pascanu2013] Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent neural networks.
       arXiv:1211.5063.

    Examples
    --------
    >>> from skrnn import RNNTextRegressor
    >>> documents = ["good", "very good", "very very good", "bad", "very bad", "very very bad"] * 5
    >>> stars = [4.0, 4.5, 5.0, 2.0, 1.5, 1.0] * 5
    >>> regressor = RNNTextRegressor(units=16, learning_rate=0.01, random_state=0).fit(documents, stars)
    >>> [round(value) for value in regressor.predict(["very very good", "bad"])]
    [5, 2]
    """

    __module__ = "skrnn"

    _parameter_constraints = {
        **TextRNN._parameter_constraints,
        **_REGRESSION,
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
        dropout: float = 0.2,
        embedding_dropout: float = 0.5,
        token_dropout: float = 0.2,
        network: Callable[[NetworkSpec], Any] | None = None,
        loss: str = "squared_error",
        optimizer: str | type = "adam",
        learning_rate: float | Callable[..., Any] = 0.003,
        learning_rate_decay: str | None = "cosine",
        weight_decay: float = 0.0,
        clipnorm: float | None = 1.0,
        epochs: int | str = "auto",
        batch_size: int = 64,
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
        self.dropout = dropout
        self.embedding_dropout = embedding_dropout
        self.token_dropout = token_dropout
        self.network = network
        self.loss = loss
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


class RNNSequenceRegressor(_RNNRegressor, SequenceRNN):
    """Recurrent neural network regressor for numeric sequences, for example of sensors, audio or video features.

    X can be one of these:

    - a list of arrays of shape (n_steps, n_features), where n_steps can differ;
    - an array of shape (n_samples, n_steps, n_features). The 3-D arrays of sktime and tslearn differ: sktime has
      the features before the steps (use ``X.swapaxes(1, 2)``), and tslearn pads with NaN (use a list of arrays);
    - an array or DataFrame of shape (n_samples, n_steps) with a univariate series in each row.

    Scale the features to similar sizes around zero first, because the regressor does not. There can be one or
    several targets. They are standardized for training, and predictions are scaled back.

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
    loss : {"squared_error", "absolute_error"}, default="squared_error"
        Loss on the standardized targets. "absolute_error" is less sensitive to outliers.
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
    target_mean_ : ndarray of shape (n_outputs,)
        Mean of each target. Training subtracts it.
    target_scale_ : ndarray of shape (n_outputs,)
        Standard deviation of each target, or 1 if the target is constant. Training divides by it.
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
    RNNSequenceClassifier : Classifier for numeric sequences. Its example scales a list of arrays.
    RNNTextRegressor : Regressor for raw text.

    References
    ----------
    .. [Hochreiter1997] Hochreiter & Schmidhuber (1997), Long short-term memory. Neural Computation 9(8).
    .. [Cho2014] Cho et al. (2014), Learning phrase representations using RNN encoder-decoder for statistical
       machine translation. arXiv:1406.1078.
    .. [Raffel2015] Raffel & Ellis (2015), Feed-forward networks with attention can solve some long-term memory
       problems. arXiv:1512.08756.
    .. [Loshchilov2017] Loshchilov & Hutter (2017), SGDR: stochastic gradient descent with warm restarts. ICLR
       2017. arXiv:1608.03983.
    .. [Pascanu2013] Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent neural networks.
       arXiv:1211.5063.

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

    __module__ = "skrnn"

    _parameter_constraints = {
        **SequenceRNN._parameter_constraints,
        **_REGRESSION,
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
        loss: str = "squared_error",
        optimizer: str | type = "adam",
        learning_rate: float | Callable[..., Any] = 0.003,
        learning_rate_decay: str | None = "cosine",
        weight_decay: float = 0.0,
        clipnorm: float | None = 1.0,
        epochs: int | str = "auto",
        batch_size: int = 64,
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
        self.loss = loss
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
