"""Fit, evaluate, search, save and load a classifier of news articles.

    python examples/quickstart.py

It takes about a minute on two cores. The data are 2,127 articles of the BBC in five classes.
"""

import tempfile
from pathlib import Path

import joblib
from sklearn.metrics import classification_report
from sklearn.model_selection import GridSearchCV, train_test_split

from skrnn import RNNTextClassifier, SequenceVectorizer
from skrnn.datasets import load_bbc_news


def main():
    news = load_bbc_news()
    X_train, X_test, y_train, y_test = train_test_split(
        news.data, news.target, test_size=0.25, stratify=news.target, random_state=0
    )

    print(f"1. Fit on {len(X_train)} articles, test on {len(X_test)} others")
    classifier = RNNTextClassifier(
        SequenceVectorizer(max_length=200),  # the beginning of an article shows its class
        cell="gru",
        units=32,
        pooling="mean",
        learning_rate=0.005,
        epochs=6,
        random_state=0,
        verbose=True,
    )
    classifier.fit(X_train, y_train)
    print(classification_report(y_test, classifier.predict(X_test), digits=3))

    print("2. Search for the number of tokens to read")
    search = GridSearchCV(
        classifier.set_params(epochs=4, verbose=False),
        {"vectorizer__max_length": [25, 100]},
        cv=2,
    )
    search.fit(X_train, y_train)
    for params, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
        print(f"   {score:.3f}  {params}")

    print("3. Save the fitted search, load it, predict")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "news.joblib"
        joblib.dump(search, path)
        restored = joblib.load(path)
        print(f"   {path.stat().st_size / 1e6:.1f} MB")
    assert (restored.predict_proba(X_test) == search.predict_proba(X_test)).all()
    sentences = [
        "The striker scored twice in the second half and sent his team to the final.",
        "Shares fell after the bank reported lower profits for the quarter.",
        "The minister told parliament that the bill would be put to a vote.",
        "The new handset downloads music over a wireless network.",
        "The actress won the award for best film at the festival.",
    ]
    for sentence, label in zip(sentences, restored.predict(sentences), strict=True):
        print(f"   {label:<14} {sentence}")


if __name__ == "__main__":
    main()
