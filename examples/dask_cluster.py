"""Search and predict on a Dask cluster of two local processes.

    pip install ".[dask,examples]" && python examples/dask_cluster.py

It takes about a minute on two cores. The data are news articles of the BBC. The workers read the articles to
predict from files of JSON lines and return only the classes.
"""

import json
import logging
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter

import joblib
from dask import bag
from distributed import Client
from sklearn.model_selection import GridSearchCV, train_test_split

from skrnn import RNNTextClassifier, SequenceVectorizer
from skrnn.datasets import load_bbc_news

N_FILES = 8


def write_corpus(articles, folder):
    """Write the articles to several files, with one article in each line."""
    for i in range(N_FILES):
        lines = [json.dumps({"text": article}) for article in articles[i::N_FILES]]
        (folder / f"{i}.jsonl").write_text("\n".join(lines), encoding="utf-8")


def read_articles(path):
    """Return the articles of a file."""
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").split("\n")]


def predict(articles, classifier):
    """Return the classes of the articles in a partition."""
    return classifier.predict(articles)


def main():
    news = load_bbc_news()
    X_train, X_test, y_train, _ = train_test_split(
        news.data, news.target, test_size=0.25, stratify=news.target, random_state=0
    )
    classifier = RNNTextClassifier(
        SequenceVectorizer(), cell="gru", units=32, pooling="mean", learning_rate=0.005, epochs=4, random_state=0
    )
    search = GridSearchCV(classifier, {"vectorizer__max_length": [25, 50]}, cv=2)

    # For an existing cluster, use its address: Client("tcp://scheduler:8786").
    with (
        Client(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=logging.ERROR) as client,
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
        paths = sorted(Path(folder).iterdir())
        corpus = bag.from_sequence(paths, npartitions=N_FILES).map(read_articles).flatten()
        print(f"2. Predict {len(X_test)} articles in {corpus.npartitions} partitions")
        start = perf_counter()
        best = client.scatter(search.best_estimator_, broadcast=True)  # sent to each worker once
        predicted = corpus.map_partitions(predict, classifier=best).compute()
        for label, count in Counter(predicted).most_common():
            print(f"   {count:4d}  {label}")
        print(f"   {perf_counter() - start:.0f} s")

    in_file_order = [article for i in range(N_FILES) for article in X_test[i::N_FILES]]
    assert predicted == search.predict(in_file_order).tolist()
    print("3. The predictions are the same as without Dask")


if __name__ == "__main__":
    main()
