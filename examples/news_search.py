"""
Search for parameters
=====================

``GridSearchCV`` shows how the accuracy and the time of a fit grow with the number of words that are read.

The data are 2,127 articles of the BBC in five topics. The script takes about a minute on two cores::

    python -m pip install ".[examples]" && python examples/news_search.py
"""

# %%
# The parameters of the vectorizer are parameters of the classifier, with the prefix ``vectorizer__``. With
# ``n_jobs=2``, two processes fit at a time, with one core each.

import tempfile

import matplotlib.pyplot as plt
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline

from skrnn import RNNTextClassifier, SequenceVectorizer
from skrnn.datasets import load_bbc_news

MAX_LENGTHS = [10, 20, 40, 80]

news = load_bbc_news()
X_train, X_test, y_train, y_test = train_test_split(
    news.data, news.target, test_size=0.25, stratify=news.target, random_state=0
)
search = GridSearchCV(
    RNNTextClassifier(units=32, random_state=0), {"vectorizer__max_length": MAX_LENGTHS}, cv=2, n_jobs=2
)
search.fit(X_train, y_train)
results = search.cv_results_
print("words  accuracy  seconds of a fit")
for words, score, seconds in zip(MAX_LENGTHS, results["mean_test_score"], results["mean_fit_time"], strict=True):
    print(f"{words:5} {score:9.3f} {seconds:9.1f}")
print(f"\nBest: {search.best_params_}, test accuracy {search.score(X_test, y_test):.3f}\n")

# %%
# The beginning of an article shows its topic. Eight times as many words take about three times as long.
plt.rcParams.update({"font.size": 14})
figure, axes = plt.subplots(figsize=(7, 4.5))
axes.errorbar(
    MAX_LENGTHS, results["mean_test_score"], results["std_test_score"], fmt="o-", capsize=4, linewidth=2.5
)
axes.set(xscale="log", xlabel="words of an article that are read", xticks=MAX_LENGTHS, xticklabels=MAX_LENGTHS)
axes.set_ylabel("accuracy (cross-validation)", color="C0")
axes.minorticks_off()
times = axes.twinx()
times.plot(MAX_LENGTHS, results["mean_fit_time"], "s--", color="C1", linewidth=2.5)
times.set_ylabel("seconds of a fit", color="C1")
times.set_ylim(bottom=0)
figure.savefig("news_search.png", dpi=150, bbox_inches="tight")

# %%
# In a pipeline with a cache, a search computes the token ids of each fold once. The network then sees ids and not
# the letters of the words, which costs some accuracy in languages with many word forms.
with tempfile.TemporaryDirectory() as folder:
    network = RNNTextClassifier(vectorizer="passthrough", units=32, random_state=0)
    pipeline = Pipeline([("ids", SequenceVectorizer(max_length=40)), ("rnn", network)], memory=folder)
    cached = GridSearchCV(pipeline, {"rnn__token_dropout": [0.1, 0.3]}, cv=2).fit(X_train, y_train)
print(f"With token ids: {cached.best_params_}, test accuracy {cached.score(X_test, y_test):.3f}")
