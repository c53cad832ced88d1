"""scikit-learn's checks of the estimators that accept two-dimensional input."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from skrnn import RNNSequenceClassifier, RNNSequenceRegressor

# The checks have small problems and need nearly a hundred fits.
SMALL = {
    "units": 8,
    "cell": "simple",
    "pooling": "last",
    "dropout": 0,
    "learning_rate": 0.02,
    "learning_rate_decay": None,
    "epochs": 5,
    "batch_size": 6,
    "early_stopping": False,
    "random_state": 0,
}


def expected_failed_checks(_estimator):
    return {
        # scikit-learn expects the same failure of its SGDClassifier and SGDRegressor.
        "check_sample_weight_equivalence_on_dense_data": (
            "A repeated sample is in several batches, a weighted one in a single batch."
        )
    }


@parametrize_with_checks(
    [RNNSequenceClassifier(**SMALL), RNNSequenceRegressor(**SMALL)], expected_failed_checks=expected_failed_checks
)
def test_estimators_pass_scikit_learns_checks(estimator, check):
    check(estimator)
