"""Say "none of these" about documents that belong to no class.

    python examples/none_of_these.py

A classifier predicts one of its classes for any text. Three scores show whether the text is unlike anything in
training: the highest probability, the energy of the logits (Liu et al. 2020, arXiv:2010.03759), and the similarity
of a document's vector to the nearest vector of a training document. The example leaves out each topic of the BBC's
articles once. ROC AUC measures how well a score separates articles of this topic from new articles of the known
topics. An assistant can refuse requests that are none of its intents in the same way. Compare the scores on your
own data, because none of them is always the best. It takes about two minutes on two cores.
"""

import numpy as np
from scipy.special import logsumexp
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors

from skrnn import RNNEncoder, RNNTextClassifier, SequenceVectorizer
from skrnn.datasets import load_bbc_news


def energy(classifier, documents):
    """Return a score that is high for documents like those in training."""
    return logsumexp(classifier.decision_function(documents), axis=1)


def similarity(classifier, X, documents):
    """Return the cosine similarity of documents to the nearest training document in X."""
    encoder = RNNEncoder(FrozenEstimator(classifier))
    neighbours = NearestNeighbors(n_neighbors=1, metric="cosine").fit(encoder.fit_transform(X))
    distances, _ = neighbours.kneighbors(encoder.transform(documents))
    return 1 - distances[:, 0]


def leave_out(topic, X, X_test, y, y_test):
    """Return the ROC AUC of three scores, and the predictions for the test documents."""
    X_train, X_held_back, y_train, _ = train_test_split(
        X[y != topic], y[y != topic], test_size=0.2, stratify=y[y != topic], random_state=0
    )
    classifier = RNNTextClassifier(SequenceVectorizer(max_length=80), epochs=8, random_state=0)
    classifier.fit(X_train, y_train)
    scores = [
        classifier.predict_proba(X_test).max(axis=1),
        energy(classifier, X_test),
        similarity(classifier, X_train, X_test),
    ]
    # Refuse the 5 % of new articles of known topics with the lowest energy scores.
    threshold = np.quantile(energy(classifier, X_held_back), 0.05)
    predicted = np.where(energy(classifier, X_test) < threshold, "none of these", classifier.predict(X_test))
    return [roc_auc_score(y_test != topic, score) for score in scores], predicted


def main():
    news = load_bbc_news()
    X, X_test, y, y_test = train_test_split(
        np.array(news.data, dtype=object), news.target, test_size=0.25, stratify=news.target, random_state=0
    )
    print("ROC AUC of three scores, and the share of test articles that the energy refuses:\n")
    print("left out       probability  energy  similarity  refused: known  left out")
    row_format = "{:13}  {:11.3f}  {:6.3f}  {:10.3f}  {:14.0%}  {:8.0%}"
    rows, predictions = [], {}
    for topic in np.unique(y):
        auc, predictions[topic] = leave_out(topic, X, X_test, y, y_test)
        refused, known = predictions[topic] == "none of these", y_test != topic
        rows.append([*auc, refused[known].mean(), refused[~known].mean()])
        print(row_format.format(topic, *rows[-1]))
    print(row_format.format("mean", *np.mean(rows, axis=0)))

    print("\nPredictions without the topic tech, true topics, and headlines:\n")
    for label in ("politics", "tech"):
        for row in np.flatnonzero(y_test == label)[:6]:
            print(f"{predictions['tech'][row]:13}  {label:8}  {X_test[row].splitlines()[0]}")


if __name__ == "__main__":
    main()
