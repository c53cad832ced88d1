"""
None of these topics
====================

A classifier predicts one of its classes for any text. Refuse documents that belong to none of them: leave out
one topic of the news at a time, and compare three scores that show whether an article is unlike the articles in
training.

The scores are the highest probability, the energy of the logits (Liu et al. 2020, arXiv:2010.03759), and the
similarity of a document's vector to the nearest vector of a training document. An assistant can refuse requests
that are none of its intents in the same way. The script takes about a minute and a half on two cores::

    python -m pip install ".[examples]" && python examples/none_of_these.py
"""

# %%
# Each score is high for documents that are like the documents in training.

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import logsumexp
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors

from skrnn import RNNEncoder, RNNTextClassifier, SequenceVectorizer
from skrnn.datasets import load_bbc_news


def confidence(classifier, documents):
    return classifier.predict_proba(documents).max(axis=1)


def energy(classifier, documents):
    return logsumexp(classifier.decision_function(documents), axis=1)


def similarity(classifier, documents, X_train):
    encoder = RNNEncoder(FrozenEstimator(classifier))
    neighbours = NearestNeighbors(n_neighbors=1, metric="cosine").fit(encoder.fit_transform(X_train))
    distances, _ = neighbours.kneighbors(encoder.transform(documents))
    return 1 - distances[:, 0]


# %%
# ROC AUC measures how well a score separates articles of the topic that was left out from new articles of the
# other topics. The threshold refuses the 5 % of new articles of the known topics that have the lowest energy.

news = load_bbc_news()
X, X_test, y, y_test = train_test_split(
    np.array(news.data, dtype=object), news.target, test_size=0.25, stratify=news.target, random_state=0
)
print("               ROC AUC                          refused by the energy")
print("left out       probability  energy  similarity  known topics  left out")
row_format = "{:13}  {:11.3f}  {:6.3f}  {:10.3f}  {:12.0%}  {:8.0%}"
rows, energies, thresholds, predictions = [], {}, {}, {}
for topic in np.unique(y):
    X_train, X_held_back, y_train, _ = train_test_split(
        X[y != topic], y[y != topic], test_size=0.2, stratify=y[y != topic], random_state=0
    )
    classifier = RNNTextClassifier(SequenceVectorizer(max_length=80), epochs=8, random_state=0)
    classifier.fit(X_train, y_train)
    energies[topic] = energy(classifier, X_test)
    thresholds[topic] = np.quantile(energy(classifier, X_held_back), 0.05)
    known, refused = y_test != topic, energies[topic] < thresholds[topic]
    predictions[topic] = np.where(refused, "none of these", classifier.predict(X_test))
    scores = [confidence(classifier, X_test), energies[topic], similarity(classifier, X_test, X_train)]
    rows.append(
        [*(roc_auc_score(known, score) for score in scores), refused[known].mean(), refused[~known].mean()]
    )
    print(row_format.format(topic, *rows[-1]))
print(row_format.format("mean", *np.mean(rows, axis=0)))

# %%
# One of the classifiers has not seen the topic tech. The figure shows that most articles of this topic have a low
# energy. None of the scores is always the best, so compare them on your own data.

print("\nprediction     true topic  headline")
for label in ("politics", "tech"):
    for row in np.flatnonzero(y_test == label)[:6]:
        print(f"{predictions['tech'][row]:13}  {label:10}  {X_test[row].splitlines()[0]}")

figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
bins = np.linspace(energies["tech"].min(), energies["tech"].max(), 30)
ax.hist(energies["tech"][y_test != "tech"], bins, alpha=0.7, label="known topics")
ax.hist(energies["tech"][y_test == "tech"], bins, alpha=0.7, label="tech, left out")
ax.axvline(thresholds["tech"], color="black", linestyle="--", label="refused below")
ax.legend(fontsize=14, frameon=False)
ax.set_xlabel("energy of the logits", fontsize=14)
ax.set_ylabel("test articles", fontsize=14)
ax.tick_params(labelsize=14)
ax.spines[["top", "right"]].set_visible(False)
figure.savefig("none_of_these.png", dpi=150, bbox_inches="tight")
