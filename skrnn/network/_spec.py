"""What a network consists of. Keras, NumPy and ONNX interpret a specification.

The tables here list what a network can have. The interpreters have a function or a layer for each entry.
"""

from __future__ import annotations

from dataclasses import dataclass

from skrnn.utils._parameters import BOOLEAN, NONE, Constraint, IntegerTuple, Interval, Options, validated

# The number of gates of each cell, the candidate state included.
CELLS = {"simple": 1, "gru": 3, "lstm": 4}
ACTIVATIONS = ("tanh", "relu", "sigmoid")
# The number of vectors that each pooling concatenates.
POOLINGS = {"last": 1, "max": 1, "mean": 1, "max_mean": 2, "attention": 1}
OUTPUT_ACTIVATIONS = ("sigmoid", "softmax", "linear")

_SIZE, _RATE = Interval(int, 1), Interval(float, 0, 1)
_CONSTRAINTS: dict[str, list[Constraint]] = {
    "n_tokens": [_SIZE, NONE],
    "n_features": [_SIZE],
    "cell": [Options(list(CELLS))],
    "units": [IntegerTuple(1, "a tuple with an integer >= 1 for each layer")],
    "bidirectional": [BOOLEAN],
    "activation": [Options(ACTIVATIONS)],
    "pooling": [Options(list(POOLINGS))],
    "n_outputs": [_SIZE],
    "output_activation": [Options(OUTPUT_ACTIVATIONS)],
    "dropout": [_RATE],
    "embedding_dropout": [_RATE],
    "token_dropout": [_RATE],
    "trainable_embeddings": [BOOLEAN],
    "n_ngrams": [Interval(int, 0)],
    "skip_connection": [BOOLEAN],
    "n_linear_tokens": [Interval(int, 0)],
    "n_linear_char_ngrams": [Interval(int, 0)],
}


@dataclass(frozen=True)
class NetworkSpec:
    """A network: embedding, recurrent layers, pooling over time, and a dense output layer.

    A custom ``network`` gets it as its argument.

    Parameters
    ----------
    n_tokens : int or None
        Number of token ids with vectors, padding and the unknown token included. Larger ids have the vector of the
        unknown token. None if the network reads vectors instead of tokens.
    n_features : int
        Length of the vector at each time step: the embedding of a token, or the vector that the network reads.
    cell : {"simple", "gru", "lstm"}
        Kind of recurrent cell.
    units : tuple of int
        Hidden units of each recurrent layer, in each direction.
    bidirectional : bool
        Whether every recurrent layer reads in both directions.
    activation : {"tanh", "relu", "sigmoid"}
        Activation of the cell. Gates are always sigmoids.
    pooling : {"last", "max", "mean", "max_mean", "attention"}
        How the hidden states of a sequence become one vector.
    n_outputs : int
        Number of outputs.
    output_activation : {"sigmoid", "softmax", "linear"}
        Activation of the output layer.
    dropout, embedding_dropout, token_dropout : float
        Rates. They act in training only.
    trainable_embeddings : bool, default=True
        Whether training changes the vectors of the tokens.
    n_ngrams : int, default=0
        Number of vectors for n-grams of tokens. The first vector, of zeros, is for all n-grams without a vector.
        0 for a network without n-grams.
    skip_connection : bool, default=False
        Whether the output layer also reads the sum of the tokens' vectors, divided by the root of their number.
    n_linear_tokens : int, default=0
        Number of token ids with weights in a linear model, or 0 without one. The logits are then the mean of the
        output layer's logits and the linear model's. It adds up a weight of each token and n-gram for each output,
        and divides the sum by the root of the number of tokens. Keras does not train it.
    n_linear_char_ngrams : int, default=0
        Number of character n-grams with weights in the linear model, which unknown words consist of. A network
        that reads only token ids does not use them.

    Raises
    ------
    ValueError
        If the values do not describe a network.

    Examples
    --------
    >>> from skrnn import NetworkSpec
    >>> spec = NetworkSpec(
    ...     n_tokens=100,
    ...     n_features=16,
    ...     cell="gru",
    ...     units=(32,),
    ...     bidirectional=True,
    ...     activation="tanh",
    ...     pooling="max",
    ...     n_outputs=3,
    ...     output_activation="softmax",
    ...     dropout=0.2,
    ...     embedding_dropout=0.0,
    ...     token_dropout=0.0,
    ... )
    >>> spec.hidden_dims
    (64,)
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
    n_linear_tokens: int = 0
    n_linear_char_ngrams: int = 0

    def __post_init__(self) -> None:
        for name, allowed in _CONSTRAINTS.items():
            value = validated(f"{name} of the network", getattr(self, name), allowed)
            object.__setattr__(self, name, value)  # plain Python values, for JSON
        if self.n_tokens is None and (self.n_ngrams or self.skip_connection or self.n_linear_tokens):
            raise ValueError(
                f"Expected no n-grams, no skip connection and no linear model without tokens; got {self}."
            )
        if self.n_linear_char_ngrams and not self.n_linear_tokens:
            raise ValueError(f"Expected no character n-grams without a linear model; got {self}.")
        if self.n_ngrams and not self.trainable_embeddings:
            raise ValueError(f"Expected no n-grams with trainable_embeddings=False; got {self}.")

    @property
    def directions(self) -> tuple[str, ...]:
        """Names of the directions in which the recurrent layers read."""
        return ("forward", "backward") if self.bidirectional else ("forward",)

    @property
    def hidden_dims(self) -> tuple[int, ...]:
        """Length of the hidden state of each recurrent layer, both directions together."""
        return tuple(len(self.directions) * units for units in self.units)

    @property
    def vector_dim(self) -> int:
        """Length of the vector of a sequence, which the output layer reads."""
        pooled_dim = POOLINGS[self.pooling] * self.hidden_dims[-1]
        return pooled_dim + self.n_features if self.skip_connection else pooled_dim


NetworkSpec.__module__ = "skrnn"  # the public path, for pickles
