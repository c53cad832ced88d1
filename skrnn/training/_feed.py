"""Batches of examples as Keras reads them: sequences of similar length, padded to the longest of the batch."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from skrnn.sequences._batches import dense_batch, shuffled_batches, sorted_batches
from skrnn.training._settings import Examples


class Feed:
    """Batches of examples, which depend on the epoch alone and not on how often they are read.

    Parameters
    ----------
    examples : Examples
    plan : callable
        From the epoch, counted from 0, to the row indices of each batch. All epochs have the same number of
        batches.
    epoch : int, default=0
        The epoch that is read next.
    """

    def __init__(self, examples: Examples, plan: Callable[[int], list[np.ndarray]], epoch: int = 0) -> None:
        self.epoch = epoch
        self._examples: Examples | None = examples
        self._plan = plan

    def dataset(self) -> Any:
        """Return the batches as a ``tf.data.Dataset``, which reads the current epoch each time it is iterated.

        Keras would make a dataset too, with two drawbacks. TensorFlow would tune it in a thread, for which the end
        of each epoch waits up to a quarter of a second. If the first two batches have the same width, Keras would
        fix that width for all batches.
        """
        batches = self._plan(self.epoch)
        sequences, *others = self._batch(batches[0])
        free_axes = [(sequences, 2), *((array, 1) for array in others)]
        signature = tuple(tf.TensorSpec([None] * n + list(array.shape[n:]), array.dtype) for array, n in free_axes)
        dataset = tf.data.Dataset.from_generator(self._read, output_signature=signature)
        options = tf.data.Options()
        options.autotune.enabled = False
        n_batches = tf.data.experimental.assert_cardinality(len(batches))
        return dataset.apply(n_batches).prefetch(1).with_options(options)

    def _read(self) -> Iterator[tuple[np.ndarray, ...]]:
        for rows in self._plan(self.epoch):
            yield self._batch(rows)

    def _batch(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        examples = self._examples
        if examples is None:
            raise RuntimeError("This feed is closed.")
        sequences = dense_batch(examples.sequences, rows)  # (batch, time) or (batch, time, features)
        if examples.weights is None:
            return sequences, examples.targets[rows]
        return sequences, examples.targets[rows], examples.weights[rows]

    def close(self) -> None:
        """Drop the examples. TensorFlow never frees the function that it has read batches from."""
        self._examples = None
        self._plan = lambda _: []


def training_feed(examples: Examples, batch_size: int, seed: int, epoch: int) -> Feed:
    """Return a feed with another order in each epoch, which depends on the seed and the epoch alone."""
    lengths = np.diff(examples.sequences.indptr)
    return Feed(examples, partial(_shuffled, lengths, batch_size, seed), epoch)


def _shuffled(lengths: np.ndarray, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    return shuffled_batches(lengths, batch_size, np.random.default_rng([seed, epoch + 1]))


def validation_feed(examples: Examples, batch_size: int) -> Feed:
    """Return a feed in the order of the lengths."""
    batches = sorted_batches(np.diff(examples.sequences.indptr), batch_size)
    return Feed(examples, lambda _: batches)


class EpochOfFeed(keras.callbacks.Callback):
    """Set the epoch of a feed when an epoch of the training begins."""

    def __init__(self, feed: Feed) -> None:
        super().__init__()
        self._feed = feed

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._feed.epoch = epoch
