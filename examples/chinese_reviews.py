"""
Chinese reviews
===============

Chinese has no spaces between words. A classifier needs no setting and no word segmentation for it.

The data are reviews of books, hotels and goods, positive or negative. The script takes about a minute and a half
on two cores::

    python -m pip install ".[examples,subword]" && python examples/chinese_reviews.py
"""

# %%
# By default, each Chinese character is a token, and frequent sequences of characters have vectors of their own.
# Subwords are frequent words and characters, which the vectorizer learns from the text.

import matplotlib.pyplot as plt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skrnn import RNNTextClassifier, SequenceVectorizer
from skrnn.datasets import load_chinese_reviews

N_TRAIN = [250, 500, 1000, 2000, 4000]

reviews = load_chinese_reviews()
X_train, X_test, y_train, y_test = train_test_split(
    reviews.data, reviews.target, train_size=max(N_TRAIN), test_size=2000, stratify=reviews.target, random_state=0
)
characters = SequenceVectorizer(max_length=100)
subwords = SequenceVectorizer(analyzer="subword", max_features=4000, max_length=100)
for name, vectorizer in (("characters", characters), ("subwords", subwords)):
    ids = vectorizer.fit(X_train[:1000]).transform(["书很好，孩子很喜欢！"])
    tokens = vectorizer.inverse_transform(ids)[0]
    print(f"{name:11}", " ".join(token.strip() for token in tokens))

# %%
# The linear baseline counts sequences of one to three characters.
models = {
    "skrnn, characters": RNNTextClassifier(characters, random_state=0),
    "skrnn, subwords": RNNTextClassifier(subwords, random_state=0),
    "TF-IDF, LinearSVC": make_pipeline(
        TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True), LinearSVC()
    ),
}
scores = {name: [] for name in models}
print("\nreviews  " + "  ".join(models))
for n in N_TRAIN:
    for name, model in models.items():
        scores[name].append(model.fit(X_train[:n], y_train[:n]).score(X_test, y_test))
    print(f"{n:7}  " + "  ".join(f"{scores[name][-1]:{len(name)}.3f}" for name in models))

# %%
# The three are about equally accurate on these reviews.
plt.rcParams.update({"font.size": 14})
figure, axes = plt.subplots(figsize=(7, 4.5))
for (name, curve), style in zip(scores.items(), ("o-", "s-", "^--"), strict=True):
    axes.plot(N_TRAIN, curve, style, linewidth=2.5, label=name)
axes.set(xscale="log", xlabel="training reviews", ylabel="test accuracy", xticks=N_TRAIN, xticklabels=N_TRAIN)
axes.minorticks_off()
axes.grid(alpha=0.3)
axes.legend()
figure.savefig("chinese_reviews.png", dpi=150, bbox_inches="tight")
