import logging
import warnings

import numpy as np
import pytest
from conftest import SMALL
from sklearn import config_context

from skrnn import RNNTextClassifier


def small(**params):
    return RNNTextClassifier(**{**SMALL, **params})


def test_advice_on_tracing_is_hidden_only_in_fits(reviews, caplog):
    from keras.callbacks import LambdaCallback

    logger, advice = logging.getLogger("tensorflow"), "5 out of the last 5 calls triggered tf.function retracing."

    def begin(**_):
        logger.warning(advice)
        logger.warning("another %d", "warning")

    with caplog.at_level(logging.WARNING, "tensorflow"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(logger, "propagate", True)
        patch.setattr(logging, "raiseExceptions", False)
        small(epochs=1, callbacks=[LambdaCallback(on_train_begin=lambda _: begin())]).fit(*reviews)
        during = [record.msg for record in caplog.records]
        logger.warning(advice)
    assert (advice in during, "another %d" in during) == (False, True)
    assert caplog.records[-1].msg == advice


@pytest.mark.parametrize(
    "configuration",
    [
        {"transform_output": "pandas"},
        {"enable_metadata_routing": True},
        {"assume_finite": True},
        {"skip_parameter_validation": True},
    ],
    ids="".join,
)
def test_configuration_of_scikit_learn_does_not_reach_the_training(reviews, configuration):
    with config_context(**configuration), warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier = small(epochs=1).fit(*reviews)
    expected = small(epochs=1).fit(*reviews).predict_proba(reviews[0])
    np.testing.assert_array_equal(classifier.predict_proba(reviews[0]), expected)


def test_failed_fits_leave_no_filter(reviews):
    from keras.callbacks import LambdaCallback

    def fail(_):
        raise OSError("no space left")

    filters = list(logging.getLogger("tensorflow").filters)
    with pytest.raises(OSError, match="no space left"):
        small(epochs=1, callbacks=[LambdaCallback(on_train_begin=fail)]).fit(*reviews)
    assert logging.getLogger("tensorflow").filters == filters
