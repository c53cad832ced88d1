"""The documentation of parameters and attributes that the estimators share, each in one place; and where it is."""

import inspect
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, metadata

PARAMETERS = {
    "vectorizer": """SequenceVectorizer, "passthrough" or None
        What cuts documents into tokens; None for ``SequenceVectorizer()``. It is cloned to ``vectorizer_``,
        and its parameters can be searched as ``vectorizer__max_features`` even while it is None. With
        "passthrough", X holds the token ids already.""",
    "cell": """{"lstm", "gru", "simple"}
        Kind of recurrent cell. The gates of LSTM [Hochreiter1997]_ and GRU [Cho2014]_ let gradients reach far
        back; in a simple recurrent network they vanish over long sequences.""",
    "units": """int or tuple of int
        Hidden units, in each direction; a tuple has an entry for each of several stacked layers.""",
    "bidirectional": """bool
        Read each sequence from both ends.""",
    "activation": """{"tanh", "relu", "sigmoid"}
        Activation of the cell.""",
    "pooling": """{"max", "mean", "max_mean", "attention", "last"}
        How the hidden states become one vector: their maximum, mean, both, a mean with learned weights
        [Raffel2015]_, or only the last state. Padding takes no part.""",
    "embedding_dim": """int
        Length of a token's vector. With `embeddings` theirs is taken, whatever is set here.""",
    "embedding_init": """{"naive_bayes", "uniform"}
        How the vectors of the tokens start. "naive_bayes" puts what naive Bayes makes of the training data, the
        log-count ratio of a token or pair of tokens for each class [Wang2012]_, into their first dimensions (at
        most half of them; of more classes, the principal components), and small random numbers into the others:
        training begins with what a good linear classifier knows. "uniform" has small random numbers throughout.
        Not in use with `embeddings` or `network`.""",
    "embeddings": """str, path-like, mapping, KeyedVectors, (tokens, array) or None
        Pretrained vectors that the tokens start with: the path of a file as GloVe [Pennington2014]_, word2vec
        [Mikolov2013]_ (text or binary) and fastText [Bojanowski2017]_ (``.vec``) write it, compressed by gzip
        or not; a mapping from token to vector; gensim's ``KeyedVectors``; or a pair of tokens and an array of
        shape (n_tokens, dim). A file is streamed, and only the vectors of the vocabulary are kept. A token
        that has no vector takes that of the first one that differs in case only; the rest start random, spread
        as the vectors are, and the unknown token with their mean. Only a first fit reads them:
        `warm_start` and ``partial_fit`` go on with the vectors of the fitted network. The estimator keeps what
        it is given, and pickles it too: of these, a path is the smallest. Not with
        ``vectorizer="passthrough"`` or `network`.""",
    "trainable_embeddings": """bool
        Let training change the vectors of the tokens. False keeps them as they start, pretrained or random:
        fewer parameters to learn from few documents, and words that training has not seen stay comparable
        to those that it has.""",
    "max_ngrams": """int
        N-grams of neighbouring tokens, at most so many, get a vector of their own, which is added to that of
        their last token [Joulin2017]_: the most frequent of the pairs that occur in two documents or more. Where
        tokens are letters (128 of them make up nine tenths of the text), as of Thai or with ``analyzer="char"``,
        runs of three to five that occur in five documents follow, if there is room left; of those that end in
        one token, the longest counts, and others add nothing. The vectors start with zeros, but for what naive
        Bayes makes of them. 0 for none; there are also none with ``trainable_embeddings=False``, or with a
        `network` of your own.""",
    "char_ngram_range": """tuple (min_n, max_n) or None
        In training, the vector of a token is the sum of one of its own and those of the n-grams of its characters
        (over the root of their number), of which so many characters make up one, its beginning and end counted
        too [Bojanowski2017]_. So words with the same stem or ending learn from each other, and rare ones from
        frequent ones, most of all in languages of many word forms. A fit takes somewhat longer; what it keeps are
        the sums, so that the fitted network is neither larger nor slower. Only with `warm_start` and in
        ``partial_fit`` the parts stay too, and training goes on with them. N-grams that a single token of the
        vocabulary has do not count, nor do those of tokens of more than 40 characters; of each token those 32 do
        that most others share, and in all 100,000. None for none; there are also none with
        ``trainable_embeddings=False``, with ``vectorizer="passthrough"`` (ids do not tell how tokens are written)
        or with a `network` of your own.""",
    "skip_connection": """bool
        Let the output layer also read the sum of the vectors of a document's tokens, over the root of their
        number, beside the hidden states: a bag of words and n-grams as in fastText [Joulin2017]_, which learns
        many classes and rare ones sooner.""",
    "dropout": """float
        Share of the units that is dropped between layers and before the output, in training.""",
    "embedding_dropout": """float
        Share of the dimensions of the token vectors that is dropped, for a whole document at a time.""",
    "token_dropout": """float
        Share of the tokens that is replaced by the unknown token in training [Iyyer2015]_, which also teaches
        the network what to make of words that it does not know.""",
    "network": """callable or None
        A function that takes a :class:`NetworkSpec` and returns a ``keras.Model`` to train in place of the
        built-in network: from token ids padded with 0, of shape (batch, time), or vectors padded with NaN, of
        shape (batch, time, n_features), to outputs of shape (batch, n_outputs) with the activation
        ``output_activation``. It need not heed the rest of the specification. To be pickled, the function has
        to be importable; predictions are then Keras' own, and depend on the sample alone if the layers heed
        masks. Initial weights are those of the layers. :mod:`skrnn.layers` has some to build on.""",
    "loss": """{"squared_error", "absolute_error"}
        Loss of the network on the scaled targets.""",
    "optimizer": """str or class
        Name of a Keras optimizer ("adam", "adamw", "sgd", "rmsprop", …), or a subclass of
        ``keras.optimizers.Optimizer``. On TensorFlow, "adam" and "adamw" update only the token vectors that
        occur in a batch, which is much faster with large vocabularies; ``keras.optimizers.Adam`` moves all.""",
    "learning_rate": """float or schedule
        Step size of the optimizer; Keras' learning-rate schedules are taken too.""",
    "learning_rate_decay": """{"cosine", None}
        "cosine" lowers the learning rate over the epochs of a fit, along half a cosine from
        `learning_rate` to zero [Loshchilov2017]_; with `warm_start`, each fit begins at the top again. None
        keeps the rate, which two fits need that are to be as good as one with the sum of their epochs.
        ``partial_fit`` never lowers the rate, as it cannot know what is to come, and Keras' schedules are left
        alone.""",
    "weight_decay": """float
        Decoupled weight decay, for each step.""",
    "clipnorm": """float or None
        Gradients of each weight array are scaled down to this norm, which keeps them from exploding
        [Pascanu2013]_.""",
    "epochs": """int or "auto"
        Passes over the training samples; at most, when stopping early. "auto" takes as many as show 1,200,000
        characters of text, without white space (unknown tokens, and with ``vectorizer="passthrough"`` all, count
        as 4), or 750,000 time steps of other sequences, and 1,200 samples of each class, on average, and make 250
        steps of the optimizer; at least 5, at most 60. Short texts so get more epochs than long ones.""",
    "batch_size": """int
        Samples in a step of the optimizer. Of sequences so long that a batch of them would have more than 262,144
        time steps, fewer: 64 of at most 4,096 steps go together.""",
    "class_weight": """dict, "balanced" or None
        Weights of the classes in the loss, as everywhere in scikit-learn. Not for multilabel targets.""",
    "label_smoothing": """float
        Share of the probability that the loss spreads over all classes instead of asking for the true one alone
        [Szegedy2016]_. It keeps probabilities from going to 0 and 1, where they are wrong too often.""",
    "early_stopping": """"auto" or bool
        Hold back a share of the samples (stratified by class), stop when the score on them no longer improves,
        and keep the weights of the best epoch. "auto" does so when that share comes to at least 20 samples, or
        when validation data is passed to :meth:`fit`.""",
    "validation_fraction": """float
        Share of the samples to hold back, at most 0.5.""",
    "n_iter_no_change": """int
        Epochs without improvement after which training stops.""",
    "tol": """float
        Least improvement of the monitored score that counts.""",
    "scoring": """str, callable or None
        What early stopping monitors on the validation data: "loss", or a scorer of scikit-learn such as
        "f1_macro"; None for the estimator's own ``score``. Scores take the weights of the validation samples
        if they know what weights are. Class weights act on the loss only.""",
    "warm_start": """bool
        Let the next :meth:`fit` go on from the fitted weights, vocabulary, classes (with their weights) and
        optimizer state, for ``epochs`` more epochs. Early stopping judges those alone.""",
    "callbacks": """list or None
        Keras callbacks: instances, of which each fit works on copies, or classes and functions that are called
        for one. The model that they see has :class:`skrnn.layers.PaddedRNN` in place of masked recurrent layers:
        files of weights that they write do not fit the model of ``to_keras``, which has the usual ones. To load
        models that they write, import ``skrnn.layers`` and say ``compile=False``.""",
    "random_state": """int, RandomState instance or None
        Determines initial weights, dropout, shuffling and the validation split. With an int, a fit on the
        same machine with the same number of threads gives identical weights each time.""",
    "verbose": """bool or int
        Print a line for each epoch: losses, scores, seconds, and the time left at most. Terminals and
        notebooks get a progress bar too.""",
}

ATTRIBUTES = {
    "classes_": """ndarray of shape (n_classes,)
        The labels, sorted. For multilabel targets, the numbers of their columns.""",
    "class_weight_": """ndarray of shape (n_classes,)
        The weight of each class in the loss.""",
    "target_mean_": """ndarray of shape (n_outputs,)
        What is subtracted from the targets for training.""",
    "target_scale_": """ndarray of shape (n_outputs,)
        What the targets are divided by for training: their standard deviation.""",
    "vectorizer_": """SequenceVectorizer or "passthrough"
        The fitted vectorizer.""",
    "vocabulary_": """dict of str to int
        The id of each token.""",
    "embedding_coverage_": """float
        Share of the vocabulary's tokens, each counted once, that have a vector in `embeddings`; padding and
        the unknown token are not counted. Only where `embeddings` was given.""",
    "n_features_in_": """int
        Number of features at each time step; of columns, where X was a 2-D array.""",
    "feature_names_in_": """ndarray of str
        The names of the columns, where X was a DataFrame.""",
    "model_": """keras.Model
        The trained network in Keras, built anew each time it is asked for.""",
    "history_": """dict of str to list of float
        The loss of each epoch, and with "val_" before its name that on the validation data; for classifiers
        the accuracy too, and "val_score" with another ``scoring``.""",
    "n_iter_": """int
        Number of epochs that were run.""",
    "best_epoch_": """int
        The epoch, counted from 1, whose weights are kept.""",
    "validation_scores_": """list of float or None
        What early stopping monitors, after each epoch: higher is better, and a loss is negative.""",
    "n_parameters_": """int
        Number of numbers in the network's weights.""",
}

REFERENCES = {
    "Hochreiter1997": "Hochreiter & Schmidhuber (1997), Long short-term memory. Neural Computation 9(8).",
    "Cho2014": """Cho et al. (2014), Learning phrase representations using RNN encoder-decoder for statistical
       machine translation. arXiv:1406.1078.""",
    "Raffel2015": """Raffel & Ellis (2015), Feed-forward networks with attention can solve some long-term memory
       problems. arXiv:1512.08756.""",
    "Pennington2014": """Pennington, Socher & Manning (2014), GloVe: global vectors for word representation.
       EMNLP 2014.""",
    "Mikolov2013": """Mikolov et al. (2013), Efficient estimation of word representations in vector space.
       arXiv:1301.3781.""",
    "Bojanowski2017": """Bojanowski et al. (2017), Enriching word vectors with subword information. TACL 5.
       arXiv:1607.04606.""",
    "Wang2012": """Wang & Manning (2012), Baselines and bigrams: simple, good sentiment and topic classification.
       ACL 2012.""",
    "Joulin2017": """Joulin et al. (2017), Bag of tricks for efficient text classification. EACL 2017.
       arXiv:1607.01759.""",
    "Loshchilov2017": """Loshchilov & Hutter (2017), SGDR: stochastic gradient descent with warm restarts.
       ICLR 2017. arXiv:1608.03983.""",
    "Szegedy2016": """Szegedy et al. (2016), Rethinking the Inception architecture for computer vision. CVPR 2016.
       arXiv:1512.00567.""",
    "Iyyer2015": """Iyyer et al. (2015), Deep unordered composition rivals syntactic methods for text
       classification. ACL 2015.""",
    "Pascanu2013": """Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent neural networks.
       arXiv:1211.5063.""",
}


class DocumentedMixin:
    """Tooltips in the HTML representation, and a link to the documentation if the package names its address."""

    def _get_doc_link(self):
        # scikit-learn shows what a parameter means only beside a link. Without an address it leads nowhere.
        return _documentation_address() or "#"


@lru_cache(maxsize=1)
def _documentation_address() -> str:
    """That of "Documentation" among the package's URLs, or nothing."""
    try:
        urls = metadata("skrnn").get_all("Project-URL") or []
    except PackageNotFoundError:  # run from its sources
        return ""
    addresses = dict(url.split(", ", 1) for url in urls)
    return addresses.get("Documentation", "")


def document(*attributes: str):
    """Decorate a class: fill ``%(parameters)s``, ``%(attributes)s`` and ``%(references)s`` in its docstring.

    The parameters and their defaults are those of its signature, the references those that the text cites.
    """

    def fill(cls):
        if cls.__doc__ is None:  # python -OO
            return cls
        parameters = [
            f"{name} : {_with_default(PARAMETERS[name], parameter.default)}"
            for name, parameter in inspect.signature(cls).parameters.items()
        ]
        cited = [label for label in REFERENCES if any(f"[{label}]_" in parameter for parameter in parameters)]
        references = [f".. [{label}] {REFERENCES[label]}" for label in cited]
        cls.__doc__ = inspect.cleandoc(cls.__doc__) % {
            "parameters": _joined(parameters),
            "attributes": _joined(f"{name} : {ATTRIBUTES[name]}" for name in attributes),
            "references": _joined(references),
        }
        return cls

    return fill


def _joined(entries) -> str:
    """Entries as they stand in this module, where a class is indented by four, under one another."""
    return inspect.cleandoc("\n    ".join(entries))


def _with_default(entry: str, default) -> str:
    """The entry with the default after the type, on its first line."""
    kind, description = entry.split("\n", 1)
    shown = f'"{default}"' if isinstance(default, str) else repr(default)
    return f"{kind}, default={shown}\n{description}"
