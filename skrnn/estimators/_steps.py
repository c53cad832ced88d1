"""Steps of a fit: start a network or resume the fitted one, decide how it is trained, gather the results."""

from __future__ import annotations

import warnings
from dataclasses import asdict, fields, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy import sparse

from skrnn.estimators._fitted import Encoding
from skrnn.estimators._linear_model import fit_linear_model
from skrnn.estimators._samples import Samples
from skrnn.network._char_ngrams import CharNgramVectors
from skrnn.network._spec import NetworkSpec
from skrnn.network._trained import TrainedNetwork
from skrnn.sequences._batches import share_of_longest
from skrnn.sequences._storage import UNKNOWN, Sequences
from skrnn.utils._threads import SINGLE_THREADED_BLAS

# epochs="auto": enough epochs to learn from few samples, to tell many classes apart, or to learn rare labels.
_AUTO_UPDATES, _AUTO_SAMPLES_PER_CLASS = 250, 1200
_MIN_AUTO_EPOCHS, _MAX_AUTO_EPOCHS = 5, 60
# A network that trains longer adds little to a linear model, and overfits. So there are fewer epochs beside one,
# and at most 10 for up to 8 classes, where few documents would ask for many. Rare labels count as more classes.
_SHARE_BESIDE_LINEAR_MODEL, _MAX_BESIDE_LINEAR_MODEL, _FEW_CLASSES = 0.6, 10, 8

# A fit warns if the longest samples take more than this share of its time, and this many time steps of an epoch.
_LONG_SHARE, _LONG_STEPS = 0.5, 5000


def start_network(
    training: Samples, encoding: Encoding, params: SimpleNamespace, seed: int
) -> tuple[TrainedNetwork, Encoding, Any, CharNgramVectors | None]:
    """Fit the input on the training samples, and start a network.

    Returns
    -------
    network : TrainedNetwork
        The network before training.
    encoding : Encoding
        With the spelling of words, if the network has a linear model.
    examples : Examples
    char_ngrams : CharNgramVectors or None
    """
    sequences, start = encoding.input.fit_transform(training.X, params)
    examples = make_examples(training, sequences)
    spec = NetworkSpec(**_spec_fields(encoding, params))
    weights: dict[str, np.ndarray] = {}  # a custom network starts with the weights of its layers
    if params.network is None:
        with SINGLE_THREADED_BLAS:  # on small matrices, threads wait for each other longer than they work
            weights = start.weights(spec, np.random.default_rng([seed, 0]))
        weights["output/bias"][:] = encoding.target.initial_bias(examples.targets, examples.weights)
        if spec.output_activation == "linear":
            # An output starts at the mean of its target. If the target is constant, this is all there is to learn.
            weights["output/kernel"][:, ~training.encoded.any(axis=0)] = 0
    network = TrainedNetwork(spec, weights, build_model=params.network)
    network, encoding = _with_linear_model(network, training, examples, encoding, params)
    return network, encoding, examples, start.char_ngrams(spec)


def resume_network(
    network: TrainedNetwork, training: Samples, encoding: Encoding, params: SimpleNamespace
) -> tuple[TrainedNetwork, Encoding, Any, None]:
    """Return what ``start_network`` does. The checkpoint has the character n-grams."""
    _check_resumable(network, _spec_fields(encoding, params), params)
    examples = make_examples(training, encoding.input.transform(training.X))
    return *_with_linear_model(network, training, examples, encoding, params), examples, None


def _with_linear_model(
    network: TrainedNetwork,
    training: Samples,
    examples: Any,
    encoding: Encoding,
    params: SimpleNamespace,
) -> tuple[TrainedNetwork, Encoding]:
    """Return the network with a new linear model, or with none, and the input that it reads.

    ``partial_fit`` sees a part of the samples only. It keeps the linear model of an earlier fit.
    """
    linear_model = getattr(params, "linear_model", False)
    if linear_model is None:
        return network, encoding
    network = network.without_linear_model()
    if not linear_model or network.build_model is not None:
        return network, replace(encoding, input=encoding.input.with_spelling(False))
    input_ = encoding.input.with_spelling(params.char_ngram_range is not None)
    sequences, spellings = examples.sequences, input_.spellings_of_tokens()
    if spellings is not None and np.any(sequences.data == UNKNOWN):
        read: Any = input_.transform_with_spellings(training.X)
        sequences, of_words = read
        spellings = sparse.vstack([spellings, of_words], format="csr")
    weights = fit_linear_model(
        network.spec,
        network.weights,
        sequences,
        spellings,
        examples.targets,
        examples.weights,
        encoding.target.label_weights(examples.targets, examples.weights),
        len(training) - training.n_unlabeled,
        encoding.input.n_tokens,
    )
    input_ = input_ if weights else input_.with_spelling(False)
    return network.with_linear_model(weights), replace(encoding, input=input_)


def _spec_fields(encoding: Encoding, params: SimpleNamespace) -> dict[str, Any]:
    """Return the fields of the specification that the parameters, X and y ask for."""
    return dict(
        encoding.input.spec_fields(params),
        cell=params.cell,
        units=(params.units,) if isinstance(params.units, int) else params.units,
        bidirectional=params.bidirectional,
        activation=params.activation,
        pooling=params.pooling,
        n_outputs=encoding.target.n_outputs,
        output_activation=encoding.target.output_activation,
        dropout=params.dropout,
    )


def make_examples(samples: Samples, sequences: Sequences) -> Any:
    """Return samples as the training takes them."""
    from skrnn.training._train import Examples

    return Examples(sequences, samples.encoded, samples.loss_weights())


def warn_about_long_samples(training: Samples, sequences: Sequences, batch_size: int) -> None:
    """Warn if few samples are so long that they take most of the training time."""
    lengths = np.diff(sequences.indptr)
    share, n_steps, limit = share_of_longest(lengths, batch_size)
    if share <= _LONG_SHARE or n_steps <= _LONG_STEPS:
        return
    rows = np.flatnonzero(lengths > limit)
    positions = ", ".join(map(str, training.positions[rows[:5]])) + (", ..." if len(rows) > 5 else "")
    warnings.warn(
        f"About {share:.0%} of the training time will go to {len(rows)} of {len(lengths)} samples, with up to "
        f"{lengths.max()} time steps. The others have at most {limit}. Positions in X: {positions}. For text, set "
        f"max_length of the vectorizer, for example to {limit}. Cut other sequences into windows.",
        stacklevel=5,
    )


def training_settings(
    params: SimpleNamespace,
    encoding: Encoding,
    examples: Any,
    seed: int,
    monitor: str,
    has_validation: bool,
) -> Any:
    """Return how the network is trained. A parameter with the name of a setting is copied unchanged."""
    from skrnn.training._train import TrainingSettings

    loss, label_smoothing = encoding.target.loss(params)
    n_epochs = params.epochs
    if n_epochs == "auto":
        n_epochs = _n_auto_epochs(encoding, examples, params)
    names = {field.name for field in fields(TrainingSettings)}
    settings = {name: value for name, value in vars(params).items() if name in names}
    settings |= {
        "loss": loss,
        "label_smoothing": label_smoothing,
        "base_rates": encoding.target.base_rates(examples.targets, examples.weights),
        "label_weights": encoding.target.label_weights(examples.targets, examples.weights),
        "epochs": n_epochs,
        "patience": params.n_iter_no_change if has_validation and params.early_stopping else None,
        "monitor": monitor,
        "callbacks": params.callbacks or [],
        "verbose": bool(params.verbose),
        "seed": seed,
        "resumable": params.warm_start,
    }
    return TrainingSettings(**settings)


def _n_auto_epochs(encoding: Encoding, examples: Any, params: SimpleNamespace) -> int:
    """Return the number of epochs that "auto" stands for."""
    n_classes = encoding.target.effective_n_classes(examples.targets, examples.weights)
    n_samples = max(_AUTO_UPDATES * params.batch_size, _AUTO_SAMPLES_PER_CLASS * n_classes)
    wanted = max(n_samples / examples.sequences.shape[0], encoding.input.n_auto_epochs(examples.sequences))
    n_epochs = np.clip(wanted, _MIN_AUTO_EPOCHS, _MAX_AUTO_EPOCHS)
    if getattr(params, "linear_model", False) and params.network is None:
        at_most = _MAX_BESIDE_LINEAR_MODEL * max(np.log(n_classes) / np.log(_FEW_CLASSES), 1)
        n_epochs = min(_SHARE_BESIDE_LINEAR_MODEL * n_epochs, at_most)
    return int(np.ceil(n_epochs))


def _check_resumable(network: TrainedNetwork, fields_now: dict[str, Any], params: SimpleNamespace) -> None:
    """Raise ValueError if parameters were changed that the fitted network depends on."""
    from skrnn.training._settings import optimizer_name, schedule_name

    before = {**asdict(network.spec), "network": network.build_model}
    now = {**fields_now, "network": params.network}
    if network.checkpoint is not None:
        before["optimizer"] = network.checkpoint.optimizer
        now["optimizer"] = optimizer_name(params.optimizer)
        before["learning_rate"] = network.checkpoint.learning_rate_schedule
        now["learning_rate"] = schedule_name(params.learning_rate)
        before["char_ngram_range"] = network.checkpoint.char_ngram_range
        now["char_ngram_range"] = getattr(params, "char_ngram_range", None)
    names = {"n_features": "embedding_dim"}  # the other fields have the names of parameters
    changed = [names.get(name, name) for name, value in now.items() if value != before[name]]
    if changed:
        raise ValueError(
            f"Training resumes with the fitted network, but {', '.join(changed)} would change it. Set the "
            "parameters back, or call fit with warm_start=False."
        )


def monitored_scores(history: dict[str, list[float]], monitor: str) -> list[float]:
    """Return the monitored scores: higher is better."""
    return [-loss for loss in history["val_loss"]] if monitor == "val_loss" else history[monitor]


def join_histories(earlier: dict[str, list[float]], later: dict[str, list[float]]) -> dict[str, list[float]]:
    """Join two histories, with NaN for the epochs in which a quantity was not measured."""
    n_earlier, n_later = (len(history.get("loss", [])) for history in (earlier, later))
    return {
        name: earlier.get(name, [np.nan] * n_earlier) + later.get(name, [np.nan] * n_later)
        for name in {**earlier, **later}
    }
