"""
Quickstart: topics of news articles
===================================

Fit a recurrent network on news articles, predict the topics of new sentences, and see which words decide. Then
search for a better parameter, save the result and load it.

The data are 2,127 articles of the BBC in five topics. On two cores, the first prediction appears after about half
a minute, and the whole takes 1 to 1.5 minutes. The script writes ``news.joblib`` and ``quickstart.png`` into the
current folder::

    python -m pip install ".[examples]" && python examples/quickstart.py
"""

# %%
# An estimator of skrnn takes strings. Here it reads the first 100 words of an article, because they show the
# topic.

import textwrap

import joblib
import matplotlib.pyplot as plt
from matplotlib.colors import to_rgba
from sklearn.metrics import classification_report
from sklearn.model_selection import GridSearchCV, train_test_split

from skrnn import RNNTextClassifier, SequenceVectorizer
from skrnn.datasets import load_bbc_news
from skrnn.inspection import TokenAttributionDisplay

news = load_bbc_news()
X_train, X_test, y_train, y_test = train_test_split(
    news.data, news.target, test_size=0.25, stratify=news.target, random_state=0
)
classifier = RNNTextClassifier(SequenceVectorizer(max_length=100), epochs=4, random_state=0, verbose=True)
classifier.fit(X_train, y_train)

sentences = [
    "The football club sold its shares after a season without a win.",
    "Shares fell after the bank reported lower profits for the quarter.",
    "The minister told parliament that the bill would be put to a vote.",
    "The new handset downloads music over a wireless network.",
    "The actress won the award for best film at the festival.",
]
print()
for sentence, label in zip(sentences, classifier.predict(sentences), strict=True):
    print(f"{label:<14} {sentence}")

# %%
# The report counts the errors on articles that were not used for training.

print(f"\n{classification_report(y_test, classifier.predict(X_test), digits=3)}")

# %%
# The first sentence is about sports and about money. Each word gets a value, which is positive if the word
# speaks for the prediction.

display = TokenAttributionDisplay.from_estimator(classifier, sentences[0], random_state=0)
print(display)

# %%
# Parameters of the vectorizer have the prefix ``vectorizer__``. The search fits its candidates in two processes.

classifier.set_params(epochs=3, verbose=False)
search = GridSearchCV(classifier, {"vectorizer__max_length": [25, 50]}, cv=2, n_jobs=2).fit(X_train, y_train)
print("\nwords read   accuracy")
for params, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
    print(f"{params['vectorizer__max_length']:>10}   {score:.3f}")

# %%
# A fitted search is plain data. A process that loads it predicts with NumPy and does not need TensorFlow.

joblib.dump(search, "news.joblib")
restored = joblib.load("news.joblib")
assert (restored.predict(X_test) == search.predict(X_test)).all()
print(f"\nnews.joblib: accuracy {restored.score(X_test, y_test):.3f} on the test articles")

# %%
# A notebook shows the explained sentence in colours if ``display`` is the last expression of a cell. Matplotlib
# draws the same here: blue words speak for the prediction, and orange words against it.

explanation = display.attributions
values = explanation.values[:, explanation.predicted]
label = explanation.target_names[explanation.predicted]
lines = textwrap.fill(explanation.document, 24)
figure, ax = plt.subplots(figsize=(4.2, 3))
ax.set(xlim=(0, 1), ylim=(-3.3, 1.8))
ax.set_axis_off()
ax.text(0, 1.2, f"{label}: {explanation.predictions.max():.0%}", fontsize=20, weight="bold")
for text, x, colour in ((f"for {label}", 0, "tab:blue"), ("against", 0.39, "tab:orange")):
    ax.text(x, -3.2, text, fontsize=15, bbox={"facecolor": to_rgba(colour, 0.5), "linewidth": 0, "pad": 3})
end, word = 0, ax.text(0, 0, "")
for token, value in zip(explanation.tokens, values, strict=True):
    start = lines.index(token, end)
    between = lines[end:start]
    if between == "\n":
        word = ax.text(0, -lines.count("\n", 0, start), "")  # the beginning of a line
    colour = to_rgba("tab:blue" if value > 0 else "tab:orange", 0.75 * abs(value) / abs(values).max())
    box = {"facecolor": colour, "linewidth": 0, "pad": 3}
    offset = (7 if between == " " else 0, 0)  # from the end of the last word
    word = ax.annotate(token, (1, 0), offset, word, "offset points", va="bottom", fontsize=21, bbox=box)
    end = start + len(token)
figure.savefig("quickstart.png", dpi=150, bbox_inches="tight")
