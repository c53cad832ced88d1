"""Clusters of Dask, and of Ray if it is installed."""

import logging
import os
import sys
from unittest import mock

import joblib
import numpy as np
import pandas as pd
import pytest
from conftest import QUICK
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skrnn import RNNTextClassifier, SequenceVectorizer, TokenCounts
from skrnn.utils._threads import worker_share

SHARE_BEFORE = worker_share()

# Concurrent tasks trace their own graphs. This small network is traced quickly.
TINY = {**QUICK, "pooling": "last"}


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    setting = {"n_workers": 2, "threads_per_worker": 2, "dashboard_address": None, "silence_logs": logging.ERROR}
    with (
        mock.patch.dict(os.environ),  # Dask changes the environment and does not restore it
        distributed.LocalCluster(**setting) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def ray():
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    register_ray()
    importable = {"env_vars": {"PYTHONPATH": os.pathsep.join(sys.path)}}  # workers import this module
    ray.init(num_cpus=2, include_dashboard=False, runtime_env=importable)
    yield ray
    ray.shutdown()


def assert_search_is_as_in_one_process(X, y, **backend):
    search = GridSearchCV(
        RNNTextClassifier(**TINY), {"epochs": [1, 3]}, cv=2, scoring="neg_log_loss", error_score="raise"
    )
    serial = search.fit(X, y)
    scores, probabilities = serial.cv_results_["mean_test_score"], serial.predict_proba(X)
    with joblib.parallel_config(**backend):
        search.fit(X, y)
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], scores)
    np.testing.assert_array_equal(search.predict_proba(X), probabilities)


@pytest.mark.usefixtures("client")
def test_dask_search_equals_serial_search(reviews):
    assert_search_is_as_in_one_process(*reviews, backend="dask")


@pytest.mark.usefixtures("ray")
def test_ray_search_equals_serial_search(reviews):
    assert_search_is_as_in_one_process(*reviews, backend="ray", n_jobs=2)


def _threads_of_tensorflow(reviews):
    RNNTextClassifier(**{**TINY, "epochs": 1}).fit(*reviews)
    from tensorflow.config import threading

    return threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads()


def test_dask_worker_has_a_thread_for_each_task(client, reviews):
    counts = [
        client.submit(_threads_of_tensorflow, reviews, workers=worker, pure=False)
        for worker in client.scheduler_info()["workers"]
    ]
    assert client.gather(counts) == [(1, 2)] * 2


def test_ray_worker_uses_its_share_of_the_cores(ray, reviews):
    assert ray.get(ray.remote(_threads_of_tensorflow).remote(reviews)) == (1, 1)


@pytest.mark.usefixtures("client")
def test_starting_workers_keeps_the_cores_of_the_process():
    assert worker_share() == SHARE_BEFORE


@pytest.mark.usefixtures("client")
def test_bag_partitions_can_be_predicted(fitted, reviews):
    bag = pytest.importorskip("dask.bag")
    documents, _ = reviews
    corpus = bag.from_sequence(documents, npartitions=4)
    assert corpus.map_partitions(fitted.predict).compute() == fitted.predict(documents).tolist()
    probabilities = corpus.map_partitions(fitted.predict_proba).compute()
    np.testing.assert_allclose(probabilities, fitted.predict_proba(documents), atol=1e-6)


@pytest.mark.usefixtures("client")
def test_data_frame_partitions_can_be_predicted(fitted, reviews):
    dataframe = pytest.importorskip("dask.dataframe")
    documents, _ = reviews
    corpus = dataframe.from_pandas(pd.DataFrame({"text": documents}), npartitions=3)
    labels = corpus["text"].map_partitions(
        lambda texts: pd.Series(fitted.predict(texts), texts.index), meta=("label", "object")
    )
    assert labels.compute().tolist() == fitted.predict(documents).tolist()


@pytest.mark.usefixtures("client")
def test_counts_of_bag_partitions_equal_one_fit(reviews):
    bag = pytest.importorskip("dask.bag")
    documents, _ = reviews
    vectorizer = SequenceVectorizer(max_features=8, min_df=2, max_df=0.5)
    whole = vectorizer.fit(documents).vocabulary_
    empty = bag.from_sequence(documents[:1]).filter(lambda _: False)
    corpus = bag.concat([empty, bag.from_sequence(documents, npartitions=5)])
    counts = corpus.reduction(vectorizer.count_tokens, TokenCounts.merge, split_every=2)
    assert vectorizer.fit_counts(counts.compute()).vocabulary_ == whole


@pytest.fixture
def labelled_frame(reviews):
    dataframe = pytest.importorskip("dask.dataframe")
    documents, y = reviews
    return dataframe.from_pandas(pd.DataFrame({"text": documents, "label": y}), npartitions=3)


@pytest.mark.usefixtures("client")
def test_counts_of_data_frame_partitions_equal_one_fit(labelled_frame, reviews):
    vectorizer = SequenceVectorizer(max_features=8)
    counts = labelled_frame["text"].to_bag().reduction(vectorizer.count_tokens, TokenCounts.merge).compute()
    assert vectorizer.fit_counts(counts).vocabulary_ == vectorizer.fit(reviews[0]).vocabulary_


@pytest.mark.usefixtures("client")
def test_incremental_of_dask_ml_equals_a_loop_over_partitions(labelled_frame, reviews):
    wrappers = pytest.importorskip("dask_ml.wrappers")
    documents, _ = reviews
    classes = ["neg", "pos"]
    loop = RNNTextClassifier(SequenceVectorizer(vocabulary=["splendid", "terrible"]), **TINY)
    incremental = wrappers.Incremental(
        clone(loop), shuffle_blocks=False, predict_meta=np.array([""], dtype=object)
    ).fit(labelled_frame[["text"]], labelled_frame["label"], classes=classes)
    for partition in labelled_frame.to_delayed():
        part = partition.compute()
        loop.partial_fit(part["text"], part["label"], classes=classes)
    np.testing.assert_array_equal(incremental.estimator_.predict_proba(documents), loop.predict_proba(documents))
    assert incremental.predict(labelled_frame[["text"]]).compute().tolist() == loop.predict(documents).tolist()
