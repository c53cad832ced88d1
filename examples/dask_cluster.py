"""
Search, learn and predict on a Dask cluster
===========================================

Run a grid search on the workers of a cluster, train on a corpus in partitions, and predict in parallel. The
results are the same as on one machine.

The cluster consists of two local processes. The data are news articles of the BBC. The search gets them in
memory. Then the workers read articles from files of JSON lines. The script takes about a minute and a half on
two cores::

    python -m pip install ".[examples,dask]" && python examples/dask_cluster.py
"""

# %%
# The workers read the corpus. A partition of a bag is a file here.

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

from skrnn import RNNTextClassifier, SequenceVectorizer, TokenCounts
from skrnn.datasets import load_bbc_news

N_FILES = 8
N_EPOCHS = 4


def write_corpus(articles, labels, folder):
    """Write the articles to several files, with one article in each line, and return the paths."""
    folder.mkdir()
    paths = [folder / f"{i}.jsonl" for i in range(N_FILES)]
    rows = [json.dumps({"text": text, "label": label}) for text, label in zip(articles, labels, strict=True)]
    for i, path in enumerate(paths):
        path.write_text("\n".join(rows[i::N_FILES]), encoding="utf-8")
    return paths


def read_articles(path):
    """Return the articles of a file, as dicts."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")]


def corpus_of(paths):
    """Return a bag with a partition for each file."""
    return bag.from_sequence(paths, npartitions=len(paths)).map(read_articles).flatten()


# %%
# The workers count the tokens for the vocabulary, and send the articles of one file at a time for training.
#
# A Dask data frame with the columns "text" and "label" works too. ``frame["text"].to_bag()`` is a bag of its
# texts, for the vocabulary. ``Incremental`` of dask-ml then trains on the workers. It calls ``partial_fit`` with
# one partition after the other, and needs ``shuffle_blocks=False`` to keep their order. Its ``fit`` takes
# ``frame[["text"]]``, ``frame["label"]`` and ``classes``.


def learn(corpus, classes):
    """Learn a vocabulary from all partitions, and train on one partition at a time."""
    vectorizer = SequenceVectorizer(max_features=5000, max_length=50)
    counts = corpus.pluck("text").reduction(vectorizer.count_tokens, TokenCounts.merge, split_every=4).compute()
    vectorizer.fit_counts(counts)
    print(f"   vocabulary: {len(vectorizer.vocabulary_)} of {len(counts.tokens)} tokens")
    vectorizer.set_params(vocabulary=vectorizer.vocabulary_)
    classifier = RNNTextClassifier(
        vectorizer, cell="gru", units=32, pooling="mean", learning_rate=0.005, random_state=0
    )
    for _ in range(N_EPOCHS):
        for partition in corpus.to_delayed():
            articles = partition.compute()
            texts, labels = zip(*((article["text"], article["label"]) for article in articles), strict=True)
            classifier.partial_fit(texts, labels, classes=classes)
    return classifier


def predict(articles, classifier):
    """Return the classes of the articles in a partition."""
    return classifier.predict(articles)


# %%
# Dask starts new processes, which import this script. So it needs a ``main`` function. For an existing cluster,
# use its address: ``Client("tcp://scheduler:8786")``.


def main():
    news = load_bbc_news()
    X_train, X_test, y_train, y_test = train_test_split(
        news.data, news.target, test_size=0.25, stratify=news.target, random_state=0
    )
    classifier = RNNTextClassifier(
        SequenceVectorizer(), cell="gru", units=32, pooling="mean", learning_rate=0.005, epochs=4, random_state=0
    )
    search = GridSearchCV(classifier, {"vectorizer__max_length": [25, 50]}, cv=2)

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

        paths = write_corpus(X_train, y_train, Path(folder) / "train")
        print(f"2. Learn from {len(X_train)} articles in {len(paths)} partitions")
        start = perf_counter()
        incremental = learn(corpus_of(paths), sorted(set(y_train)))
        print(f"   {incremental.score(X_test, y_test):.3f} of the test articles correct")
        print(f"   {perf_counter() - start:.0f} s")

        paths = write_corpus(X_test, y_test, Path(folder) / "test")
        corpus = corpus_of(paths).pluck("text")
        print(f"3. Predict {len(X_test)} articles in {corpus.npartitions} partitions")
        start = perf_counter()
        best = client.scatter(search.best_estimator_, broadcast=True)  # sent to each worker once
        predicted = corpus.map_partitions(predict, classifier=best).compute()
        for label, count in Counter(predicted).most_common():
            print(f"   {count:4d}  {label}")
        print(f"   {perf_counter() - start:.0f} s")

    in_file_order = [article for i in range(N_FILES) for article in X_test[i::N_FILES]]
    assert predicted == search.predict(in_file_order).tolist()
    print("4. The predictions are the same as without Dask")


if __name__ == "__main__":
    main()
