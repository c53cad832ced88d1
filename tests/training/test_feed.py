import numpy as np
import pytest
from conftest import SMALL

from skrnn import RNNTextClassifier
from skrnn.sequences._storage import ragged_to_csr


@pytest.fixture(params=[None, 2], ids=["one target", "two targets"])
def examples(request):
    """Twelve sequences of 1 to 12 tokens. The ids and the weight of a sequence equal its length."""
    from skrnn.training._settings import Examples

    lengths = np.arange(1, 13)
    sequences = ragged_to_csr(np.repeat(lengths, lengths).astype(np.int32), lengths)
    targets = np.arange(12.0) if request.param is None else np.arange(24.0).reshape(12, 2)
    return Examples(sequences, targets, weights=lengths.astype(np.float32))


def new_feed(examples, epoch=0):
    from skrnn.training._feed import training_feed

    return training_feed(examples, batch_size=2, seed=0, epoch=epoch)


def read(dataset, n=6):
    return [[array.numpy().tolist() for array in batch] for batch in dataset.take(n)]


def test_batches_contain_sequences_targets_and_weights(examples):
    batches = read(new_feed(examples).dataset())
    assert len(batches) == 6
    for sequences, targets, weights in batches:
        assert len(sequences) == len(targets) == len(weights) == 2
        assert [max(row) for row in sequences] == weights
        assert len(sequences[0]) == max(weights)
        np.testing.assert_array_equal(targets, examples.targets[np.array(weights, dtype=int) - 1])
    assert sorted(weight for *_, weights in batches for weight in weights) == list(range(1, 13))


def test_each_epoch_has_its_own_order(examples):
    feed = new_feed(examples)
    dataset = feed.dataset()
    first = read(dataset)
    feed.epoch = 2
    third = read(dataset)
    assert first != third
    assert read(new_feed(examples, epoch=2).dataset()) == third


def test_reading_changes_no_later_batch(examples):
    feed = new_feed(examples)
    dataset = feed.dataset()
    first = read(dataset)
    read(dataset, n=2)
    assert read(dataset) == first


def test_epoch_keeps_its_order_while_it_is_read(examples):
    feed = new_feed(examples)
    dataset = feed.dataset()
    first, batches = read(dataset), iter(dataset)
    read_so_far = [next(batches)]
    feed.epoch = 1
    rest = [*read_so_far, *batches]
    assert [[array.numpy().tolist() for array in batch] for batch in rest] == first


def test_validation_batches_are_sorted_by_length(examples):
    from skrnn.training._feed import validation_feed

    dataset = validation_feed(examples, batch_size=5).dataset()
    expected = [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12]]
    for _ in range(2):
        assert [weights for *_, weights in read(dataset)] == expected


def test_closed_feed_releases_its_examples(examples):
    feed = new_feed(examples)
    feed.close()
    assert examples not in vars(feed).values()


def test_reading_before_training_changes_nothing(reviews, monkeypatch):
    import keras

    expected = RNNTextClassifier(**SMALL).fit(*reviews).predict_proba(reviews[0])
    fit, read_before = keras.Model.fit, []

    def fit_after_reading(model, x, *arguments, **options):
        read_before.append(next(iter(x)))
        return fit(model, x, *arguments, **options)

    monkeypatch.setattr(keras.Model, "fit", fit_after_reading)
    probabilities = RNNTextClassifier(**SMALL).fit(*reviews).predict_proba(reviews[0])
    assert len(read_before) == 1
    np.testing.assert_array_equal(probabilities, expected)
