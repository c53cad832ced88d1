"""
Why this prediction?
====================

See which words of a news article decide on its topic, which words speak for each topic in general, and how the
fit went.

The data are 2,127 articles of the BBC in five topics. Explanations need no TensorFlow. The script takes about a
minute on two cores::

    python -m pip install ".[examples]" && python examples/explanations.py
"""

# %%
# Validation data are only scored here, for the curves at the end.

from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from skrnn import RNNTextClassifier, SequenceVectorizer
from skrnn.datasets import load_bbc_news
from skrnn.inspection import (
    TokenAttributionDisplay,
    TrainingCurveDisplay,
    summarize_attributions,
    token_attributions,
)

plt.rcParams.update({"font.size": 14, "axes.titlesize": 14})

news = load_bbc_news()
X_train, X_test, y_train, y_test = train_test_split(
    news.data, news.target, test_size=0.25, stratify=news.target, random_state=0
)
classifier = RNNTextClassifier(SequenceVectorizer(max_length=80), epochs=8, random_state=0)
classifier.fit(X_train, y_train, X_val=X_test, y_val=y_test)
print(f"accuracy on {len(X_test)} test articles: {classifier.score(X_test, y_test):.3f}\n")

# %%
# The value of a word is its Shapley value, computed from predictions without some of the other words. The values
# add up to the difference between the logit of the document and the logit of an empty one.

article = "\n\n".join(X_test[0].split("\n\n")[:2])
display = TokenAttributionDisplay.from_estimator(classifier, article, random_state=0)
print(article, display, sep="\n\n")

display.plot(max_tokens=12).figure_.savefig("explanations.png", dpi=150, bbox_inches="tight")

# %%
# A notebook shows the document with coloured words if the display is the last expression of a cell. For a web
# page, ``to_html`` returns the same.

page = f'<!DOCTYPE html><meta charset="utf-8"><meta name="color-scheme" content="light dark">{display.to_html()}'
Path("explanations.html").write_text(page, encoding="utf-8")

# %%
# The mean values over many articles show what the classifier has learned about each topic.
# ``method="occlusion"`` leaves out one word at a time. It is ten times as fast as Shapley values, and good
# enough for means.

attributions = token_attributions(classifier, X_test[:200], method="occlusion")
print("\nWords with the largest mean values:")
for label, tokens in summarize_attributions(attributions, max_ngrams=8).items():
    print(f"{label:<14} {', '.join(token.ngram for token in tokens if token.value > 0)}")

# %%
# If the validation loss rises while the training loss falls, the fit has too many epochs.

TrainingCurveDisplay.from_estimator(classifier).figure_.savefig("explanations_2.png", dpi=150, bbox_inches="tight")
