"""Search and prediction on a Dask cluster: here two processes of this machine, elsewhere the address of yours.

    pip install ".[dask,examples]" && python examples/dask_cluster.py

Takes about a minute on two cores. The text is real: articles of the BBC, of which those to be classified lie
in files of JSON lines. The workers read them; what comes back are the classes alone.
"""

import json
import logging
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter

import joblib
from dask import bag, delayed
from distributed import Client, LocalCluster
from sklearn.model_selection import GridSearchCV, train_test_split

from skrnn import RNNTextClassifier, SequenceVectorizer
from skrnn.datasets import load_bbc_news

N_FILES = 8


def write_corpus(articles, folder):
    """Write the articles as a corpus comes: in several files, an article a line."""
    for i in range(N_FILES):
        lines = [json.dumps({"text": article}) for article in articles[i::N_FILES]]
        (folder / f"{i}.jsonl").write_text("\n".join(lines), encoding="utf-8")


def predict(articles, classifier):
    """Classes of the articles of a partition."""
    return classifier.predict([article["text"] for article in articles])


def main():
    news = load_bbc_news()
    X_train, X_test, y_train, _ = train_test_split(
        news.data, news.target, test_size=0.25, stratify=news.target, random_state=0
    )
    classifier = RNNTextClassifier(
        SequenceVectorizer(), cell="gru", units=32, pooling="mean", learning_rate=0.005, epochs=4, random_state=0
    )
    search = GridSearchCV(classifier, {"vectorizer__max_length": [25, 50]}, cv=2)

    # Client("tcp://scheduler:8786") finds the workers of a cluster that runs already.
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=logging.ERROR
        ) as cluster,
        Client(cluster) as client,
        tempfile.TemporaryDirectory() as folder,
    ):
        print(f"1. Search on {len(client.scheduler_info()['workers'])} workers")
        start = perf_counter()
        with joblib.parallel_config(backend="dask"):
            search.fit(X_train, y_train)
        for params, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
            print(f"   {score:.3f}  {params}")
        print(f"   {perf_counter() - start:.0f} s")

        write_corpus(X_test, Path(folder))
        corpus = bag.read_text(f"{folder}/*.jsonl").map(json.loads)
        print(f"2. Predict {len(X_test)} articles in {corpus.npartitions} partitions")
        start = perf_counter()
        best = delayed(search.best_estimator_)  # is sent to a worker once, not with each partition
        predicted = corpus.map_partitions(predict, classifier=best).compute()
        for label, count in Counter(predicted).most_common():
            print(f"   {count:4d}  {label}")
        print(f"   {perf_counter() - start:.0f} s")

    in_the_order_of_files = [article for i in range(N_FILES) for article in X_test[i::N_FILES]]
    assert predicted == search.predict(in_the_order_of_files).tolist()
    print("3. The same as in one process")


if __name__ == "__main__":
    main()
