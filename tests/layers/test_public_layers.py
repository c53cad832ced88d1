"""Files of Keras models contain the names of layers, which must not change."""

import pytest

import skrnn.layers


@pytest.mark.parametrize("name", skrnn.layers.__all__)
def test_layers_have_their_public_names(name):
    import keras

    layer = getattr(skrnn.layers, name)
    assert (layer.__module__, layer.__qualname__) == ("skrnn.layers", name)
    assert keras.saving.get_registered_name(layer) == f"skrnn>{name}"
    assert layer.__doc__


def test_layers_can_be_rebuilt_from_their_configuration():
    from conftest import small_spec

    from skrnn.network._keras import build_training_network

    specs = [small_spec(n_ngrams=5), small_spec(n_tokens=None, pooling="attention")]
    models = [build_training_network(specs[0], n_char_ngrams=7), build_training_network(specs[1])]
    for model in models:
        again = type(model).from_config(model.get_config())
        assert again.get_config() == model.get_config()
        assert [weight.shape for weight in again.weights] == [weight.shape for weight in model.weights]
