"""
Rare classes
============

Two of five topics are rare. ``class_weight="balanced"`` finds more of their articles.

The data are articles of the BBC. Only one in twelve articles on politics and entertainment stays in the training
data. The script takes about a minute on two cores::

    python -m pip install ".[examples]" && python examples/rare_classes.py
"""

# %%
# The test data keep all of their articles, so that the recall of the rare topics can be measured.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import accuracy_score, f1_score, recall_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skrnn import RNNTextClassifier, SequenceVectorizer
from skrnn.datasets import load_bbc_news

RARE = ["entertainment", "politics"]
ONE_IN = 12

news = load_bbc_news()
X, X_test, y, y_test = train_test_split(
    news.data, news.target, test_size=0.4, stratify=news.target, random_state=0
)
is_kept = ~np.isin(y, RARE)
for topic in RARE:
    is_kept[np.flatnonzero(y == topic)[::ONE_IN]] = True
X_train, y_train = [text for text, kept in zip(X, is_kept, strict=True) if kept], y[is_kept]
topics, counts = np.unique(y_train, return_counts=True)
print("training articles:", dict(zip(topics.tolist(), counts.tolist(), strict=True)), "\n")

# %%
# ``class_weight="balanced"`` gives larger weights to samples of rare classes, as in scikit-learn. The linear
# baseline gets the same weights.
vectorizer = SequenceVectorizer(max_length=100)
models = {
    "linear, balanced": make_pipeline(
        TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2)), LinearSVC(class_weight="balanced")
    ),
    "skrnn, default": RNNTextClassifier(vectorizer, random_state=0),
    "skrnn, balanced": RNNTextClassifier(vectorizer, class_weight="balanced", random_state=0),
}
recalls = {}
print("                   accuracy  macro-F1  recall of the rare topics")
for name, model in models.items():
    predicted = model.fit(X_train, y_train).predict(X_test)
    recalls[name] = recall_score(y_test, predicted, average=None, labels=topics)
    macro_f1 = f1_score(y_test, predicted, average="macro")
    of_rare = recalls[name][np.isin(topics, RARE)].mean()
    print(f"{name:18} {accuracy_score(y_test, predicted):9.3f} {macro_f1:9.3f} {of_rare:10.3f}")

# %%
# The recall of each topic: the share of its articles that are found.
plt.rcParams.update({"font.size": 14})
figure, axes = plt.subplots(figsize=(8, 4.5))
for i, (name, recall) in enumerate(recalls.items()):
    axes.bar(np.arange(len(topics)) + 0.27 * (i - 1), recall, width=0.25, label=name, color=f"C{(7, 0, 1)[i]}")
labels = [f"{topic}\n({count})" for topic, count in zip(topics, counts, strict=True)]
axes.set(xticks=range(len(topics)), xticklabels=labels, ylabel="recall", ylim=(0, 1))
axes.tick_params(axis="x", labelsize=12)
figure.legend(loc="upper center", ncols=3, bbox_to_anchor=(0.5, 1.02), fontsize=12)
figure.savefig("rare_classes.png", dpi=150, bbox_inches="tight")
