import numpy as np
from conftest import random_weights, small_spec

from skrnn.sequences._ngrams import NO_NGRAM


def test_unknown_ngrams_use_a_vector_without_gradient():
    import tensorflow as tf

    from skrnn.layers import NgramEmbedding

    weights = random_weights(small_spec(n_ngrams=20))
    names = ("embedding", "ngram_embedding", "ngram_keys", "ngram_slots")
    layer = NgramEmbedding(11, 3, 20)
    layer.build((None, None))
    layer.set_weights([weights[name] for name in names])
    ids = np.random.default_rng(0).integers(1, 11, size=(5, 7)).astype(np.int32)
    with tf.GradientTape() as tape:
        vectors = layer(ids)
        loss = tf.reduce_sum(vectors * np.arange(1.0, 4.0, dtype=np.float32))
    gradient = tf.convert_to_tensor(tape.gradient(loss, layer.ngram_embeddings.value)).numpy()
    np.testing.assert_array_equal(gradient[NO_NGRAM], 0)
    assert gradient.any()
    first = weights["ngram_embedding"][NO_NGRAM].copy()
    weights["ngram_embedding"][NO_NGRAM] = 0
    layer.set_weights([weights[name] for name in names])
    change = np.asarray(vectors) - np.asarray(layer(ids))
    is_changed = np.any(change != 0, axis=-1)
    assert is_changed.any(axis=1).all()
    np.testing.assert_allclose(change[is_changed], np.broadcast_to(first, change[is_changed].shape), atol=1e-6)


def test_token_dropout_replaces_tokens_only_in_training():
    from skrnn.layers import TokenDropout

    layer = TokenDropout(0.5, seed=0)
    ids = np.tile([7, 8, 9, 0], (200, 1)).astype(np.int32)
    np.testing.assert_array_equal(layer(ids), ids)
    dropped = np.asarray(layer(ids, training=True))
    assert set(np.unique(dropped)) == {0, 1, 7, 8, 9}
    np.testing.assert_array_equal(dropped[:, 3], 0)
    assert 0.4 < np.mean(dropped[:, :3] == 1) < 0.6
