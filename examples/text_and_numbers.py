"""Predict the genre of films from their titles and numbers together.

    python examples/text_and_numbers.py

An RNNEncoder turns titles into vectors, beside the year, the runtime and the scores of critics. The network learns
from one half of the training films, and gradient boosting from the other half. It would trust the vectors too much
for titles from which the network has learned.
"""

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skrnn import RNNEncoder, RNNTextClassifier
from skrnn.datasets import load_films

NUMBERS = ["year", "runtime", "metacritic", "tomatometer", "reviews", "box_office"]


def scores(films, seed):
    """Return the test accuracy with the titles, with the numbers, and with both."""
    train, test, y_train, y_test = train_test_split(
        films.data, films.target, test_size=0.25, stratify=films.target, random_state=seed
    )
    network = RNNTextClassifier(units=16, embedding_dim=32, epochs=6, random_state=seed)
    boosting = HistGradientBoostingClassifier(max_iter=50, random_state=seed)
    text = network.fit(train["title"], y_train).score(test["title"], y_test)
    numbers = boosting.fit(train[NUMBERS], y_train).score(test[NUMBERS], y_test)

    first, second, y_first, y_second = train_test_split(
        train, y_train, test_size=0.5, stratify=y_train, random_state=seed
    )
    encoder = RNNEncoder(FrozenEstimator(network.fit(first["title"], y_first)))
    both = make_pipeline(make_column_transformer((encoder, "title"), ("passthrough", NUMBERS)), boosting)
    return text, numbers, both.fit(second, y_second).score(test, y_test)


def main():
    films = load_films()
    print("titles  numbers  both")
    rows = []
    for seed in range(3):
        rows.append(scores(films, seed))
        print("{:6.3f}  {:7.3f}  {:.3f}".format(*rows[-1]))
    text, numbers, both = np.mean(rows, axis=0)
    print(f"{text:6.3f}  {numbers:7.3f}  {both:.3f}  mean")
    assert both > max(text, numbers)


if __name__ == "__main__":
    main()
