"""Products of token vectors with the first layer's kernels, computed once for each token.

The products of few tokens, for example of a single document, are cached for the next documents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock

import numpy as np

from skrnn.network._numpy_recurrence import BLOCK_TOKENS
from skrnn.network._weights import Table

# Cached products of tokens, and of n-grams: 8 MB each, or one block.
_CACHE_SIZE = 2**21

Tables = dict[str, np.ndarray]  # by direction: (rows, gates * units); "vectors": (rows, features)


class ProductTables:
    """The products of the vectors of token ids, or of n-grams, with the kernel of each direction.

    Parameters
    ----------
    vectors : ndarray or CompactTable, of shape (n_ids, features)
    kernels : dict of str to ndarray
        The kernel of each direction.
    biases : dict of str to ndarray
        The bias of each direction, or no entry to add none.
    with_vectors : bool
        Whether the tables also contain the vectors.
    """

    def __init__(
        self,
        vectors: Table,
        kernels: Mapping[str, np.ndarray],
        biases: Mapping[str, np.ndarray],
        with_vectors: bool,
    ) -> None:
        self._vectors, self._kernels, self._biases, self._with_vectors = vectors, kernels, biases, with_vectors
        self._lock = Lock()
        self._cache = self._empty_cache()

    def of(self, ids: np.ndarray) -> tuple[Tables, np.ndarray]:
        """Return tables with a row for each of these ids, and an array with the row of each id."""
        are_few = len(ids) <= BLOCK_TOKENS
        # If the lock is taken, skip the cache. After a fork, it may never be released.
        if are_few and self._lock.acquire(blocking=False):
            try:
                return self._from_cache(ids)
            finally:
                self._lock.release()
        used, positions = _distinct(ids, len(self._vectors))
        # Products of many tokens are worth the threads of BLAS.
        return self._compute(used, _product_by_fours if are_few else np.matmul), positions

    def _from_cache(self, ids: np.ndarray) -> tuple[Tables, np.ndarray]:
        tables, positions, n_cached = self._cache
        new = ids[positions[ids] < 0]
        if not len(new):
            return tables, positions
        new = np.unique(new)
        if n_cached + len(new) > len(next(iter(tables.values()))):
            # Other threads may still read the old arrays, which stay as they are.
            tables, positions, n_cached = self._empty_cache()
            new = np.unique(ids)
        end = n_cached + len(new)
        for name, products in self._compute(new, _product_by_fours).items():
            tables[name][n_cached:end] = products
        # In this order, an error or an interrupt before the last line leaves no wrong row in the cache.
        self._cache = tables, positions, end
        positions[new] = np.arange(n_cached, end)
        return tables, positions

    def _empty_cache(self) -> tuple[Tables, np.ndarray, int]:
        """Return empty tables, the position of each id in them, and the number of rows in use."""
        widths = {direction: kernel.shape[1] for direction, kernel in self._kernels.items()}
        if self._with_vectors:
            widths["vectors"] = self._vectors.shape[1]
        n_rows = min(max(_CACHE_SIZE // sum(widths.values()), BLOCK_TOKENS), len(self._vectors))
        tables = {name: np.empty((n_rows, width), dtype=np.float32) for name, width in widths.items()}
        return tables, np.full(len(self._vectors), -1, dtype=np.intp), 0

    def _compute(self, ids: np.ndarray, multiply: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Tables:
        vectors = self._vectors[ids]
        tables = {direction: multiply(vectors, kernel) for direction, kernel in self._kernels.items()}
        for direction, bias in self._biases.items():
            tables[direction] += bias
        return {**tables, "vectors": vectors} if self._with_vectors else tables


def _product_by_fours(vectors: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Return ``vectors @ kernel``, with last bits that do not depend on which other rows there are.

    Four rows take as long as a single row, and are too few for BLAS to use threads.
    """
    n = len(vectors)
    padded = np.zeros((n + -n % 4, vectors.shape[1]), dtype=vectors.dtype)
    padded[:n] = vectors
    products = np.empty((len(padded), kernel.shape[1]), dtype=kernel.dtype)
    for start in range(0, n, 4):
        np.matmul(padded[start : start + 4], kernel, out=products[start : start + 4])
    return products[:n]


def _distinct(ids: np.ndarray, n_ids: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids that occur, and an array with the position of each of them. Other entries are arbitrary."""
    occurs = np.zeros(n_ids, dtype=bool)
    occurs[ids] = True
    used = np.flatnonzero(occurs)
    positions = np.empty(n_ids, dtype=np.intp)
    positions[used] = np.arange(len(used))
    return used, positions
