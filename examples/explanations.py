"""Show which words make a prediction, which words speak for each class, and how a fit went.

    python -m pip install ".[examples]" && python examples/explanations.py FOLDER

It takes about two minutes on two cores. The data are 2,127 articles of the BBC in five classes. The script writes
these files to the folder, by default the current one:

- explanation.html: the beginning of a test article, and a Chinese review, with coloured words
- attributions.png: the strongest words of the article
- training_curve.png: losses and scores by epoch
"""

import sys
from pathlib import Path

from sklearn.model_selection import train_test_split

from skrnn import RNNTextClassifier, SequenceVectorizer
from skrnn.datasets import load_bbc_news, load_chinese_reviews
from skrnn.inspection import (
    TokenAttributionDisplay,
    TrainingCurveDisplay,
    summarize_attributions,
    token_attributions,
)

PAGE = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>Explanations</title></head>
<body style="font-family:sans-serif;max-width:48em;margin:1em">{}</body></html>
"""


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    folder.mkdir(parents=True, exist_ok=True)
    news = load_bbc_news()
    X_train, X_test, y_train, y_test = train_test_split(
        news.data, news.target, test_size=0.25, stratify=news.target, random_state=0
    )
    classifier = RNNTextClassifier(SequenceVectorizer(max_length=80), epochs=8, random_state=0)
    classifier.fit(X_train, y_train, X_val=X_test, y_val=y_test)  # validation data are only scored, for the curves
    print(f"accuracy on {len(X_test)} test articles: {classifier.score(X_test, y_test):.3f}\n")

    beginning = "\n\n".join(X_test[0].split("\n\n")[:3])
    display = TokenAttributionDisplay.from_estimator(classifier, beginning, random_state=0)
    print(display)

    print("\nTokens with the largest mean values, over 200 test articles:")
    attributions = token_attributions(classifier, X_test[:200], method="occlusion")
    for label, tokens in summarize_attributions(attributions, max_ngrams=8).items():
        print(f"{label:<14} {' '.join(token.ngram for token in tokens if token.value > 0)}")

    reviews = load_chinese_reviews()
    texts, others, labels, _ = train_test_split(
        reviews.data, reviews.target, train_size=0.12, test_size=0.01, random_state=0
    )
    chinese = RNNTextClassifier(epochs=5, random_state=0).fit(texts, labels)
    review = TokenAttributionDisplay.from_estimator(chinese, others[0], random_state=0)

    shown = "<hr>".join([display.to_html(), review.to_html()])  # a notebook shows a display by itself
    (folder / "explanation.html").write_text(PAGE.format(shown), encoding="utf-8")
    display.plot().figure_.savefig(folder / "attributions.png", bbox_inches="tight")
    TrainingCurveDisplay.from_estimator(classifier).figure_.savefig(
        folder / "training_curve.png", bbox_inches="tight"
    )


if __name__ == "__main__":
    main()
