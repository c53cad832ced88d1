import numpy as np


def test_empty_sequences_keep_gradients_finite_in_half_precision():
    import tensorflow as tf

    from skrnn.layers import AttentionPooling1D

    pooling = AttentionPooling1D(dtype="mixed_float16")
    states, mask = tf.ones((2, 3, 4), tf.float16), tf.constant([[True, True, False], [False] * 3])
    with tf.GradientTape() as tape:
        tape.watch(states)
        pooled = pooling(states, mask=mask)
    gradients = tape.gradient(pooled, [states, *pooling.trainable_variables])
    np.testing.assert_array_equal(pooled, [[1] * 4, [0] * 4])
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients)
