"""
Few labels, more text
=====================

``X_unlabeled`` takes documents without labels. With few labels, they make a classifier more accurate.

The data are the first 80 words of articles of the BBC in five topics. The script takes about a minute and a
half on two cores::

    python -m pip install ".[examples]" && python examples/unlabeled_text.py
"""

# %%
# A linear model on all text predicts the missing labels. The network learns from all articles, and a predicted
# label weighs as much as the linear model is confident in it. The test articles are not among them.

import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from skrnn import RNNTextClassifier, SequenceVectorizer
from skrnn.datasets import load_bbc_news

N_LABELED = [20, 50, 100, 200]

news = load_bbc_news()
X_train, X_test, y_train, y_test = train_test_split(
    news.data, news.target, test_size=0.4, stratify=news.target, random_state=0
)
scores = {"labelled articles only": [], "and the others without labels": []}
print("labels  alone  with the others")
for n in N_LABELED:
    X, others, y, _ = train_test_split(X_train, y_train, train_size=n, stratify=y_train, random_state=0)
    classifier = RNNTextClassifier(SequenceVectorizer(max_length=80), random_state=0)
    alone = classifier.fit(X, y).score(X_test, y_test)
    together = classifier.fit(X, y, X_unlabeled=others).score(X_test, y_test)
    print(f"{n:6}  {alone:.3f}  {together:.3f}")
    for score, curve in zip((alone, together), scores.values(), strict=True):
        curve.append(score)

# %%
# With 200 labels, the gain is small. Leave ``X_unlabeled`` out where most documents have labels.
plt.rcParams.update({"font.size": 14})
figure, axes = plt.subplots(figsize=(7, 4.5))
for (name, curve), style in zip(scores.items(), ("o--", "o-"), strict=True):
    axes.plot(N_LABELED, curve, style, linewidth=2.5, label=name)
axes.set(
    xscale="log", xlabel="articles with labels", ylabel="test accuracy", xticks=N_LABELED, xticklabels=N_LABELED
)
axes.minorticks_off()
axes.grid(alpha=0.3)
axes.legend()
figure.savefig("unlabeled_text.png", dpi=150, bbox_inches="tight")
