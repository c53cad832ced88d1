"""What a network is: its specification, the arrays that belong to it, and how they start.

Two interpreters read a specification: ``_keras_network`` trains it, ``_inference.forward``
serves it. This module knows neither Keras nor scikit-learn.
"""

from dataclasses import dataclass

import numpy as np

from skrnn.sequences._ngrams import n_slots_for

N_GATES = {"simple": 1, "gru": 3, "lstm": 4}
ACTIVATIONS = ("tanh", "relu", "sigmoid")
POOLINGS = ("last", "max", "mean", "max_mean", "attention")
OUTPUT_ACTIVATIONS = ("sigmoid", "softmax", "linear")


@dataclass(frozen=True)
class NetworkSpec:
    """Embedding -> recurrent layers -> pooling over time -> dense output, in plain JSON types.

    Parameters
    ----------
    n_tokens : int or None
        Number of token ids, padding and unknown included. None if the network reads vectors, without embedding.
    n_features : int
        Length of the vector at each time step: of a token's embedding, or of what the network reads.
    cell : {"simple", "gru", "lstm"}
    units : tuple of int
        Hidden units of each recurrent layer, in each direction.
    bidirectional : bool
        Whether every recurrent layer reads both ways.
    activation : {"tanh", "relu", "sigmoid"}
        Activation of the cell; gates are always sigmoids.
    pooling : {"last", "max", "mean", "max_mean", "attention"}
        How the hidden states of a sequence become one vector.
    n_outputs : int
    output_activation : {"sigmoid", "softmax", "linear"}
    dropout, embedding_dropout, token_dropout : float
        Rates; they act in training only.
    trainable_embeddings : bool
        Whether training changes the vectors of the tokens.
    n_ngrams : int
        Number of vectors for n-grams of tokens, the first of which, of zeros, is for all that have none of their
        own; 0 for a network that knows none.
    skip_connection : bool
        Whether the output layer also reads the sum of the tokens' vectors, divided by the root of their number.
    """

    n_tokens: int | None
    n_features: int
    cell: str
    units: tuple[int, ...]
    bidirectional: bool
    activation: str
    pooling: str
    n_outputs: int
    output_activation: str
    dropout: float
    embedding_dropout: float
    token_dropout: float
    trainable_embeddings: bool = True
    n_ngrams: int = 0
    skip_connection: bool = False

    def __post_init__(self):
        object.__setattr__(self, "units", tuple(self.units))  # JSON has lists only

    @property
    def directions(self) -> tuple[str, ...]:
        return ("forward", "backward") if self.bidirectional else ("forward",)

    @property
    def hidden_dims(self) -> tuple[int, ...]:
        """Length of each recurrent layer's output at one time step."""
        return tuple(len(self.directions) * units for units in self.units)


def weight_shapes(spec: NetworkSpec) -> dict[str, tuple[int, ...]]:
    """The shape of every weight by name, in the order in which Keras lists them."""
    n_gates = N_GATES[spec.cell]
    shapes: dict[str, tuple[int, ...]] = {}
    if spec.n_tokens is not None:
        shapes["embedding"] = (spec.n_tokens, spec.n_features)
    if spec.n_ngrams:
        shapes["ngram_embedding"] = (spec.n_ngrams, spec.n_features)
        shapes["ngram_keys"] = (spec.n_ngrams, 2)
        shapes["ngram_slots"] = (n_slots_for(spec.n_ngrams),)
    n_inputs = spec.n_features
    for i, (units, hidden_dim) in enumerate(zip(spec.units, spec.hidden_dims, strict=True)):
        for direction in spec.directions:
            prefix = f"rnn_{i}/{direction}"
            shapes[f"{prefix}/kernel"] = (n_inputs, n_gates * units)
            shapes[f"{prefix}/recurrent_kernel"] = (units, n_gates * units)
            # Keras' GRU applies the reset gate after the recurrent product, and so has two biases.
            shapes[f"{prefix}/bias"] = (2, 3 * units) if spec.cell == "gru" else (n_gates * units,)
        n_inputs = hidden_dim
    if spec.pooling == "attention":
        shapes["attention/kernel"] = (n_inputs, 1)
        shapes["attention/bias"] = (1,)
    n_pooled = 2 * n_inputs if spec.pooling == "max_mean" else n_inputs
    if spec.skip_connection:
        n_pooled += spec.n_features
    shapes["output/kernel"] = (n_pooled, spec.n_outputs)
    shapes["output/bias"] = (spec.n_outputs,)
    return shapes


def weight_dtype(name: str) -> np.dtype:
    """The table that finds n-grams is learned, but not by gradients."""
    return np.dtype(np.int32 if name in ("ngram_keys", "ngram_slots") else np.float32)


def check_network(spec: NetworkSpec, weights: dict[str, np.ndarray] | None) -> None:
    """Raise ValueError unless the specification can be read and the weights are those that it names.

    Nothing is computed or allocated to find out. None for the weights leaves them unchecked.
    """
    sizes = [spec.n_features, spec.n_outputs, *spec.units, *([] if spec.n_tokens is None else [spec.n_tokens])]
    if spec.n_ngrams != 0:
        sizes.append(spec.n_ngrams)
    if not spec.units or not all(type(size) is int and size > 0 for size in sizes):
        raise ValueError(f"Expected the sizes of the network to be integers > 0; got {spec}.")
    if spec.n_tokens is None and (spec.n_ngrams or spec.skip_connection):
        raise ValueError(f"Expected no n-grams and no skip connection without tokens; got {spec}.")
    if spec.n_ngrams and not spec.trainable_embeddings:
        raise ValueError(f"Expected no n-grams beside vectors that stay as they are; got {spec}.")
    choices = {
        "cell": tuple(N_GATES),
        "activation": ACTIVATIONS,
        "pooling": POOLINGS,
        "output_activation": OUTPUT_ACTIVATIONS,
        "bidirectional": (True, False),
        "trainable_embeddings": (True, False),
        "skip_connection": (True, False),
    }
    for name, allowed in choices.items():
        if getattr(spec, name) not in allowed:
            raise ValueError(
                f"Expected {name} of the network to be one of {allowed}; got {getattr(spec, name)!r}."
            )
    if weights is not None:
        _check_weights(spec, weights)


def _check_weights(spec: NetworkSpec, weights: dict[str, np.ndarray]) -> None:
    shapes = weight_shapes(spec)
    if list(weights) != list(shapes):
        raise ValueError(f"Expected the weights {', '.join(shapes)}; got {', '.join(map(str, weights))}.")
    for name, shape in shapes.items():
        weight, dtype = weights[name], weight_dtype(name)
        if not isinstance(weight, np.ndarray) or weight.dtype != dtype or weight.shape != shape:
            kind = f"{weight.dtype} {weight.shape}" if isinstance(weight, np.ndarray) else type(weight).__name__
            raise ValueError(f"Expected the weight {name} to be {dtype} {shape}; got {kind}.")
        if not np.all(np.isfinite(weight)):
            raise ValueError(f"The weight {name} holds infinite numbers or NaN.")
    slots = weights.get("ngram_slots", np.zeros(1))
    if slots.min() < 0 or slots.max() >= max(spec.n_ngrams, 1):
        raise ValueError(f"The weight ngram_slots points beyond the {spec.n_ngrams} rows that there are.")


def initial_weights(spec: NetworkSpec, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random weights from the distributions that Keras uses by default.

    Drawn here and not by Keras' initializers, so that the same seed gives the same network on every backend,
    in any thread, and a network that was built once can be started afresh.
    """
    return {name: _initial_weight(spec, name, shape, rng) for name, shape in weight_shapes(spec).items()}


def _initial_weight(spec: NetworkSpec, name: str, shape: tuple[int, ...], rng: np.random.Generator):
    kind = name.rsplit("/", 1)[-1]
    if kind == "embedding":
        values = rng.uniform(-0.05, 0.05, size=shape)
    elif kind == "kernel":  # Glorot & Bengio 2010
        limit = np.sqrt(6 / sum(shape))
        values = rng.uniform(-limit, limit, size=shape)
    elif kind == "recurrent_kernel":  # Saxe et al. 2014: orthonormal rows
        q, r = np.linalg.qr(rng.standard_normal(shape[::-1]))
        values = (q * np.sign(np.diag(r))).T
    else:
        values = np.zeros(shape)
        if spec.cell == "lstm" and name.startswith("rnn_"):
            # The forget gate, the second of four, starts open (Jozefowicz et al. 2015).
            units = shape[0] // 4
            values[units : 2 * units] = 1.0
    return values.astype(weight_dtype(name))
