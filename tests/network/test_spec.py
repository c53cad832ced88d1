import json
import pickle
from dataclasses import FrozenInstanceError, asdict, replace

import numpy as np
import pytest
from conftest import small_spec

from skrnn import NetworkSpec
from skrnn.network._weights import weight_shapes

BASE = small_spec()
SPECS = {
    "lstm": BASE,
    "gru": replace(BASE, cell="gru", units=(4, 6), pooling="attention"),
    "simple": replace(BASE, cell="simple", units=(8, 4, 6), pooling="max_mean"),
    "one way": replace(BASE, bidirectional=False, units=(12,), pooling="attention"),
    "equal layers": replace(BASE, cell="gru", units=(6, 6), pooling="last"),
    "vectors": replace(BASE, n_tokens=None, cell="gru", output_activation="linear"),
    "pairs": replace(BASE, n_ngrams=40, skip_connection=True, pooling="max_mean"),
    "linear model": replace(BASE, n_ngrams=40, n_linear_tokens=BASE.n_tokens + 3),
    "article": NetworkSpec(5002, 16, "simple", (128,), False, "tanh", "last", 1, "sigmoid", 0.0, 0.0, 0.0),
}
every_spec = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)


@pytest.mark.parametrize(
    ("change", "directions", "hidden_dims"),
    [
        ({"bidirectional": True, "units": (3, 5)}, ("forward", "backward"), (6, 10)),
        ({"bidirectional": False, "units": (3, 5)}, ("forward",), (3, 5)),
    ],
)
def test_hidden_dims_count_both_directions(change, directions, hidden_dims):
    spec = replace(BASE, **change)
    assert spec.directions == directions
    assert spec.hidden_dims == hidden_dims


def test_specs_are_immutable_and_hashable():
    with pytest.raises(FrozenInstanceError):
        BASE.cell = "gru"
    assert hash(BASE) == hash(replace(BASE))


@every_spec
def test_specs_can_be_rebuilt_from_fields(spec):
    assert NetworkSpec(**asdict(spec)) == spec


@every_spec
def test_specs_can_be_rebuilt_from_json(spec):
    rebuilt = NetworkSpec(**json.loads(json.dumps(asdict(spec))))
    assert rebuilt == spec
    assert hash(rebuilt) == hash(spec)
    assert json.dumps(asdict(rebuilt)) == json.dumps(asdict(spec))
    assert weight_shapes(rebuilt) == weight_shapes(spec)
    assert rebuilt.hidden_dims == spec.hidden_dims


def test_pickles_use_the_public_name_of_specs():
    pickled = pickle.dumps(BASE, protocol=0)
    assert b"cskrnn\nNetworkSpec" in pickled
    assert pickle.loads(pickled) == BASE


def test_numpy_values_become_python_values():
    spec = small_spec(
        n_tokens=np.int64(11),
        units=[np.int8(4), np.uint64(3)],
        dropout=np.float64(0.2),
        n_ngrams=np.int32(20),
        bidirectional=np.True_,
        cell=np.str_("lstm"),
    )
    plain = small_spec(units=(4, 3), n_ngrams=20)
    assert spec == plain
    assert json.dumps(asdict(spec)) == json.dumps(asdict(plain))
    assert {name: type(value) for name, value in asdict(spec).items()} == {
        name: type(value) for name, value in asdict(plain).items()
    }


INTEGER = "to be an integer >= 1"
LAYERS = "units of the network to be a tuple with an integer >= 1 for each layer"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_tokens": 0}, f"n_tokens of the network {INTEGER} or None; got 0"),
        ({"n_features": -1}, f"n_features of the network {INTEGER}; got -1"),
        ({"n_outputs": 3.0}, f"n_outputs of the network {INTEGER}; got 3.0"),
        ({"n_outputs": True}, f"n_outputs of the network {INTEGER}; got True"),
        ({"n_ngrams": -1}, "n_ngrams of the network to be an integer >= 0; got -1"),
        ({"n_ngrams": False}, "n_ngrams of the network to be an integer >= 0; got False"),
        ({"n_ngrams": "20"}, "n_ngrams of the network to be an integer >= 0; got '20'"),
        ({"units": ()}, rf"{LAYERS}; got \(\)"),
        ({"units": 64}, f"{LAYERS}; got 64"),
        ({"units": "64"}, f"{LAYERS}; got '64'"),
        ({"units": (4, 0)}, rf"{LAYERS}; got \(4, 0\)"),
        ({"cell": "conv"}, "cell of the network to be 'simple', 'gru' or 'lstm'; got 'conv'"),
        ({"cell": ["lstm"]}, r"cell of the network to be .*; got \['lstm'\]"),
        ({"activation": "gelu"}, "activation of the network to be .*; got 'gelu'"),
        ({"pooling": "min"}, "pooling of the network to be .*; got 'min'"),
        ({"output_activation": "tanh"}, "output_activation of the network to be .*; got 'tanh'"),
        ({"bidirectional": "yes"}, "bidirectional of the network to be True or False; got 'yes'"),
        *[
            ({name: rate}, rf"{name} of the network to be a number >= 0 and < 1; got {rate}")
            for name in ("dropout", "embedding_dropout", "token_dropout")
            for rate in (1.0, -0.1, np.nan, np.inf, True, None)
        ],
        ({"n_tokens": None, "n_ngrams": 20}, "no linear model without tokens"),
        ({"n_tokens": None, "skip_connection": True}, "no linear model without tokens"),
        ({"n_ngrams": 20, "trainable_embeddings": False}, "no n-grams with trainable_embeddings=False"),
    ],
)
def test_invalid_values_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        small_spec(**change)
