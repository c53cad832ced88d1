"""Predict the genre of films from a text and from numbers.

    python examples/text_and_numbers.py

An RNNEncoder turns the title, the director and the cast into a vector, which gradient boosting reads beside the
year, the runtime and the scores of critics. It takes one to two minutes on two cores.
"""

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skrnn import RNNEncoder, RNNTextClassifier, SequenceVectorizer
from skrnn.datasets import load_films

NUMBERS = ["year", "runtime", "metacritic", "tomatometer", "reviews", "box_office"]


def scores(films, seed):
    """Return the test accuracy with the text, with the numbers, and with both."""
    train, test, y_train, y_test = train_test_split(
        films.data, films.target, test_size=0.25, stratify=films.target, random_state=seed
    )
    network = RNNTextClassifier(
        SequenceVectorizer(max_length=40), units=8, embedding_dim=16, epochs=5, random_state=seed
    )
    boosting = HistGradientBoostingClassifier(max_iter=25, learning_rate=0.2, random_state=seed)
    columns = make_column_transformer((RNNEncoder(network), "text"), ("passthrough", NUMBERS))
    both = make_pipeline(columns, boosting).fit(train, y_train).score(test, y_test)
    text = network.fit(train["text"], y_train).score(test["text"], y_test)
    numbers = boosting.fit(train[NUMBERS], y_train).score(test[NUMBERS], y_test)
    return text, numbers, both


def main():
    films = load_films()
    print(" text  numbers   both")
    rows = []
    for seed in range(3):
        rows.append(scores(films, seed))
        print("{:5.3f}  {:7.3f}  {:5.3f}".format(*rows[-1]))
    text, numbers, both = np.mean(rows, axis=0)
    print(f"{text:5.3f}  {numbers:7.3f}  {both:5.3f}  mean")
    assert both > max(text, numbers) + 0.02


if __name__ == "__main__":
    main()
