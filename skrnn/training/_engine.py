"""scikeras as the engine of one training run: it compiles the model and runs Keras' training loop.

This is the only module that imports scikeras.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras

from skrnn.training._losses import LOSSES
from skrnn.training._optimizers import new_optimizer
from skrnn.training._settings import TrainingSettings


def compile_model(model: Any, settings: TrainingSettings) -> None:
    """Compile a model with the loss, the metric and the optimizer of the settings."""
    accuracy = LOSSES[settings.loss].accuracy
    engine = _Engine(
        model=partial(_return, model),
        loss=LOSSES[settings.loss].make(settings),
        # An instance creates its variables before the step is traced.
        metrics=[accuracy(name="accuracy")] if accuracy else None,
        optimizer=new_optimizer(settings),
        compile__jit_compile=False,  # XLA would compile again for each width of a batch
    )
    engine.initialize(None)
    engine._ensure_compiled_model()
    # If TensorFlow creates variables while it traces the training step, it traces twice.
    model.optimizer.build(model.trainable_variables)


def fit_model(
    model: Any, batches: Any, validation_batches: Any, callbacks: list[Any], first_epoch: int, n_epochs: int
) -> None:
    """Train a compiled model, from the state that it is in."""
    engine = _Engine(
        model=partial(_return, model),
        callbacks=callbacks,
        epochs=n_epochs,
        verbose=0,  # the display is a callback
        shuffle=False,  # the batches are shuffled already
        warm_start=True,  # keep the state of the model
    )
    engine.initialize(None)
    with _without_advice_on_tracing():
        engine.fit(batches, None, initial_epoch=first_epoch, validation_data=validation_batches)


def _return(model: Any) -> Any:
    return model


def _import_base_wrapper() -> Any:
    """Import scikeras' wrapper without the changes that this import makes to Keras.

    scikeras replaces the pickling of models, losses, metrics and optimizers in the whole process. Restore it,
    unless the user imported scikeras before and relies on the change. If the user imports it later, Keras keeps
    its own pickling, with which fitted wrappers of scikeras pickle too.
    """
    if "scikeras" in sys.modules:
        from scikeras.wrappers import BaseWrapper

        return BaseWrapper
    classes = (keras.Model, keras.losses.Loss, keras.metrics.Metric, keras.optimizers.Optimizer)
    names = ("__reduce__", "__deepcopy__")
    before = [(cls, name, vars(cls).get(name)) for cls in classes for name in names]
    from scikeras.wrappers import BaseWrapper

    for cls, name, method in before:
        if method is not None:
            setattr(cls, name, method)
        elif name in vars(cls):
            delattr(cls, name)
    return BaseWrapper


_BaseWrapper: Any = _import_base_wrapper()


class _Engine(_BaseWrapper):
    """scikeras' wrapper for batches that are validated and encoded already."""

    def _validate_data(self, X: Any = None, y: Any = None, reset: bool = False, y_numeric: bool = False) -> Any:
        return X, y

    def _check_model_compatibility(self, y: Any) -> None:
        pass

    # The transformers of scikeras would follow scikit-learn's global configuration, such as transform_output.
    @property
    def feature_encoder(self) -> Any:
        return _Identity()

    target_encoder = feature_encoder


class _Identity:
    """Stands in for a transformer, and returns its input."""

    def fit(self, X: Any) -> "_Identity":
        return self

    def transform(self, X: Any) -> Any:
        return X


@contextmanager
def _without_advice_on_tracing() -> Iterator[None]:
    """Hide TensorFlow's warning that functions are traced again, which is normal in a search over networks."""

    def is_other(record: logging.LogRecord) -> bool:
        return "triggered tf.function retracing" not in str(record.msg)

    logger = logging.getLogger("tensorflow")
    logger.addFilter(is_other)
    try:
        yield
    finally:
        logger.removeFilter(is_other)
