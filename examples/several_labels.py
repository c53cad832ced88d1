"""
Several labels for a document
=============================

A news digest has several topics, and one of them is rare. ``MultilabelThresholdClassifier`` chooses the
probability above which each topic is predicted.

The data are digests of one to three paragraphs from articles of the BBC. The script takes about a minute on two
cores::

    python -m pip install ".[examples]" && python examples/several_labels.py
"""

# %%
# A digest joins the first paragraphs of random articles. Its labels are their topics. Few articles are on tech.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import f1_score
from sklearn.preprocessing import MultiLabelBinarizer

from skrnn import MultilabelThresholdClassifier, RNNTextClassifier
from skrnn.datasets import load_bbc_news

N_DIGESTS = 2000
N_TRAIN = 1400
SHARES = {"business": 0.3, "entertainment": 0.25, "politics": 0.12, "sports": 0.3, "tech": 0.03}

news = load_bbc_news()
generator = np.random.default_rng(0)
articles = generator.permutation(len(news.data))
is_for_training = np.arange(len(articles)) < 0.7 * len(articles)


def make_digest(from_articles):
    """Return the text of a digest and its topics."""
    chosen = generator.choice(list(SHARES), size=generator.integers(1, 4), p=list(SHARES.values()))
    rows = [generator.choice(from_articles[news.target[from_articles] == topic]) for topic in chosen]
    paragraphs = [next(part for part in news.data[row].split("\n")[1:] if part.strip()) for row in rows]
    return "\n".join(paragraphs), set(chosen.tolist())


digests = [make_digest(articles[is_for_training]) for _ in range(N_TRAIN)]
digests += [make_digest(articles[~is_for_training]) for _ in range(N_DIGESTS - N_TRAIN)]
texts, topics = zip(*digests, strict=True)
binarizer = MultiLabelBinarizer()
y = binarizer.fit_transform(topics)
X_train, X_test, y_train, y_test = texts[:N_TRAIN], texts[N_TRAIN:], y[:N_TRAIN], y[N_TRAIN:]

# %%
# A single classifier predicts the labels with a probability above 0.5. The meta-estimator chooses a threshold for
# each label on digests that the network has not seen, here for the F1 of the label.
network = RNNTextClassifier(random_state=0).fit(X_train, y_train)
tuned = MultilabelThresholdClassifier(network, cv=2).fit(X_train, y_train)
at_half = f1_score(y_test, network.predict(X_test), average=None, zero_division=0)
at_chosen = f1_score(y_test, tuned.predict(X_test), average=None, zero_division=0)
print("topic          share  threshold  F1 at 0.5  F1 at the threshold")
for row in zip(binarizer.classes_, y_train.mean(axis=0), tuned.thresholds_, at_half, at_chosen, strict=True):
    print("{:13} {:6.2f} {:10.2f} {:10.3f} {:10.3f}".format(*row))
print(f"{'mean':13} {at_half.mean():28.3f} {at_chosen.mean():10.3f}")

# %%
# The rare topic gains most. At 0.5, the network hardly ever predicts it.
plt.rcParams.update({"font.size": 14})
figure, axes = plt.subplots(figsize=(7, 4))
rows = np.arange(len(at_half))
axes.hlines(rows, at_half, at_chosen, color="0.6", linewidth=3)
axes.plot(at_half, rows, "o", markersize=11, color="C1", label="threshold 0.5")
axes.plot(at_chosen, rows, "D", markersize=11, color="C0", label="chosen threshold")
shares = y_train.mean(axis=0)
axes.set(
    yticks=rows,
    yticklabels=[f"{topic} ({share:.0%})" for topic, share in zip(binarizer.classes_, shares, strict=True)],
)
axes.set_xlabel("F1 on test digests")
figure.legend(loc="upper center", ncols=2, bbox_to_anchor=(0.5, 1.02), fontsize=12)
figure.savefig("several_labels.png", dpi=150, bbox_inches="tight")
