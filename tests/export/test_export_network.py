"""ONNX networks compute what the estimators predict."""

from itertools import cycle, product

import numpy as np
import pytest
from conftest import to_csr, tokens_of_ngrams, vector_sequences
from export_helpers import (
    N_FEATURES,
    N_TOKENS,
    TASKS,
    assert_agrees,
    expected_outputs,
    make_estimator,
    network_weights,
    random_sequences,
    run,
    to_feed,
)
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from onnx.numpy_helper import to_array

from skrnn import compress
from skrnn.export import to_onnx
from skrnn.network._spec import ACTIVATIONS, CELLS, POOLINGS

both_inputs = pytest.mark.parametrize("reads", ["tokens", "vectors"])
LENGTHS = [3, 0, 7, 1, 0, 7]


@both_inputs
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("units", [(4,), (4, 3, 2)])
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("cell", CELLS)
def test_every_architecture_agrees(cell, pooling, units, bidirectional, reads):
    shape = {"cell": cell, "pooling": pooling, "units": units, "bidirectional": bidirectional}
    estimator = make_estimator(reads, **shape)
    sequences = random_sequences(reads, LENGTHS)
    assert_agrees(estimator, sequences)
    assert np.ptp(expected_outputs(estimator, sequences), axis=0).min() > 1e-3  # the outputs differ


@both_inputs
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("cell", "activation"), list(product(CELLS, ACTIVATIONS)))
def test_every_activation_and_task_agrees(cell, activation, task, reads):
    estimator = make_estimator(reads, task, cell=cell, activation=activation, pooling="max_mean", units=(5, 3))
    # Values of relu networks may be large.
    assert_agrees(estimator, random_sequences(reads, LENGTHS), rtol=1e-5 if task == "regression" else 0)


@pytest.mark.parametrize("options", [{"skip_connection": True}, {"n_linear_tokens": N_TOKENS + 3}], ids=str)
def test_ngrams_of_every_length_agree(options):
    estimator = make_estimator(n_ngrams=60, **options)
    sequences = tokens_of_ngrams(network_weights(estimator)["ngram_keys"][1:])
    assert max(map(len, sequences)) > 3
    assert_agrees(estimator, [*sequences, ()])


@pytest.mark.parametrize("task", TASKS)
def test_linear_models_agree(task):
    estimator = make_estimator(task=task, n_linear_tokens=N_TOKENS + 3)
    assert_agrees(estimator, [[2, 3, N_TOKENS], [N_TOKENS + 2], [4], [], [4, 4, 4]])


@settings(deadline=None, max_examples=60, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    reads=st.sampled_from(["tokens", "vectors"]),
    task=st.sampled_from(sorted(TASKS)),
    seed=st.integers(0, 99),
    cell=st.sampled_from(sorted(CELLS)),
    units=st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple),
    bidirectional=st.booleans(),
    activation=st.sampled_from(ACTIVATIONS),
    pooling=st.sampled_from(list(POOLINGS)),
    min_width=st.integers(0, 8),
    dtype=st.sampled_from([None, "float16", "int8"]),
    data=st.data(),
)
def test_any_network_agrees_on_any_sequences(reads, task, seed, min_width, dtype, data, **spec):
    if reads == "tokens":
        spec |= data.draw(
            st.fixed_dictionaries({"n_ngrams": st.sampled_from([0, 20]), "skip_connection": st.booleans()})
        )
        spec["n_linear_tokens"] = (
            data.draw(st.sampled_from([0, N_TOKENS, N_TOKENS + 3])) if task != "regression" else 0
        )
        tokens = st.lists(st.integers(1, N_TOKENS - 1), max_size=6)
        sequences = data.draw(st.lists(tokens, min_size=1, max_size=6))
    else:
        sequences = data.draw(vector_sequences(N_FEATURES, np.float32))
    rtol = 1e-5 if task == "regression" else 0
    estimator = make_estimator(reads, task, seed, **spec)
    if dtype is not None:
        estimator = compress(estimator, dtype=dtype).estimator
    assert_agrees(estimator, sequences, rtol=rtol, min_width=min_width)


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_tables_stay_compact(dtype):
    estimator = make_estimator(n_ngrams=20, n_linear_tokens=N_TOKENS, skip_connection=True)
    compact = compress(estimator, dtype=dtype).estimator
    model = to_onnx(compact)
    stored = {(tuple(array.dims), to_array(array).dtype) for array in model.graph.initializer}
    assert {((N_TOKENS, N_FEATURES), np.dtype(dtype)), ((20, N_FEATURES), np.dtype(dtype))} <= stored
    assert {((N_TOKENS, 3), np.dtype(np.float16)), ((20, 3), np.dtype(np.float16))} <= stored
    assert_agrees(compact, random_sequences("tokens", LENGTHS))


@pytest.mark.parametrize("cell", CELLS)
def test_long_sequences_through_wide_layers_agree(cell):
    for reads, pooling in product(["tokens", "vectors"], ["last", "max_mean"]):
        estimator = make_estimator(reads, cell=cell, pooling=pooling, units=(48, 32))
        assert_agrees(estimator, random_sequences(reads, [400, 13, 0, 399, 1]))


@both_inputs
@pytest.mark.parametrize("pooling", POOLINGS)
def test_batches_of_empty_sequences_agree_with_and_without_time_steps(pooling, reads):
    estimator = make_estimator(reads, pooling=pooling, units=(4, 3))
    empty = random_sequences(reads, [0, 0])
    assert_agrees(estimator, empty, min_width=0)
    assert_agrees(estimator, empty, min_width=4)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("task", TASKS)
def test_an_empty_batch_gives_no_outputs(task, cell):
    outputs = run(to_onnx(make_estimator("tokens", task, cell=cell)), {"token_ids": np.empty((0, 4), np.int32)})
    feed = {"sequences": np.empty((0, 4, N_FEATURES), np.float32), "lengths": np.empty(0, np.int64)}
    assert outputs.shape == run(to_onnx(make_estimator("vectors", task, cell=cell)), feed).shape
    assert outputs.shape == (0, 2 if task in ("binary", "regression") else 3)


@both_inputs
@pytest.mark.parametrize(("cell", "pooling"), list(zip(cycle(CELLS), POOLINGS, strict=False)))
def test_outputs_do_not_depend_on_batch_mates(cell, pooling, reads):
    model = to_onnx(make_estimator(reads, cell=cell, pooling=pooling, units=(4, 3)))
    sequences = random_sequences(reads, [5, 0, 1, 9, 60, 2])
    together = run(model, to_feed(sequences, reads, min_width=70))
    alone = [run(model, to_feed([sequence], reads)) for sequence in sequences]
    np.testing.assert_allclose(np.concatenate(alone), together, rtol=0, atol=1e-6)
    reversed_order = run(model, to_feed(sequences[::-1], reads))[::-1]
    np.testing.assert_allclose(reversed_order, together, rtol=0, atol=1e-6)


def test_padding_may_be_anywhere():
    estimator = make_estimator(pooling="last")
    ids = np.array([[0, 0, 3, 4, 5], [3, 4, 5, 0, 0], [0, 3, 0, 4, 5], [0] * 5, [1, 2, 3, 4, 5]], dtype=np.int32)
    outputs = run(to_onnx(estimator), {"token_ids": ids})
    np.testing.assert_array_equal(outputs[:2], outputs[1:3])
    allowed = [0, 1, 3, 4]  # the estimator refuses padding between ids
    np.testing.assert_allclose(outputs[allowed], estimator.predict_proba(ids[allowed]), rtol=0, atol=1e-5)


def test_ids_out_of_range_are_unknown_or_padding():
    model = to_onnx(make_estimator(pooling="last"))
    ids = np.array([[3, N_TOKENS, 4, -1], [3, 10**6, 4, -99], [3, 1, 4, 0]], np.int32)
    outputs = run(model, {"token_ids": ids})
    np.testing.assert_array_equal(outputs, outputs[[2, 2, 2]])


def test_lengths_beyond_the_array_are_an_error():
    model = to_onnx(make_estimator("vectors"))
    feed = to_feed(random_sequences("vectors", [3, 2]), "vectors")
    with pytest.raises(Exception, match="sequence_lens"):
        run(model, {**feed, "lengths": np.array([3, 4])})


def test_small_probabilities_are_exact():
    estimator = make_estimator(task="binary")
    for logit in (-40, 40):
        network_weights(estimator)["output/bias"][:] = logit
        outputs = run(to_onnx(estimator), to_feed([[3, 4]], "tokens"))
        logits = estimator.decision_function(to_csr([[3, 4]]))
        np.testing.assert_allclose(np.log(outputs[0].min()), -np.abs(logits[0]), rtol=1e-5)


@both_inputs
def test_values_with_a_large_mean_keep_their_digits(reads):
    for scale, mean in [(1e-3, 1e6), (1e4, 0.0)]:
        estimator = make_estimator(reads, "regression", target_scale=scale, target_mean=mean)
        assert_agrees(estimator, random_sequences(reads, LENGTHS), atol=1e-5 * scale)
