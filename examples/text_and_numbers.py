"""
Text beside numbers
===================

Predict the genre of films from a text and from numbers. Both together are more accurate than either of them.

The text has the title, the director and the cast of a film. The numbers are the year, the runtime and the scores
of critics. The script takes about a minute and a half on two cores::

    python -m pip install ".[examples]" && python examples/text_and_numbers.py
"""

# %%
# The data frame has a column of text and six columns of numbers.

from operator import itemgetter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, StackingClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skrnn import RNNTextClassifier, SequenceVectorizer
from skrnn.datasets import load_films

N_SEEDS = 3
NUMBERS = ["year", "runtime", "metacritic", "tomatometer", "reviews", "box_office"]

films = load_films()
genres, y = np.unique(films.target, return_inverse=True)
print(films.data.iloc[0].to_string(), f"\ngenre          {films.target[0]}\n")

# %%
# Each of two models reads its columns. A logistic regression learns how to combine their probabilities. It needs
# probabilities for films that the models have not seen, because a model is too sure of the films that it has
# learned. So ``StackingClassifier`` fits the models on parts of the training films first (cross-fitting).

rows = []
print(" text  numbers   both")
for seed in range(N_SEEDS):
    train, test, y_train, y_test = train_test_split(films.data, y, test_size=0.25, stratify=y, random_state=seed)
    network = RNNTextClassifier(SequenceVectorizer(max_length=40), units=8, epochs=4, random_state=seed)
    boosting = HistGradientBoostingClassifier(max_iter=60, learning_rate=0.07, max_leaf_nodes=8, random_state=seed)
    models = [
        ("text", make_pipeline(FunctionTransformer(itemgetter("text")), network)),
        ("numbers", make_pipeline(FunctionTransformer(itemgetter(NUMBERS)), boosting)),
    ]
    both = StackingClassifier(models, cv=2).fit(train, y_train)
    rows.append([model.score(test, y_test) for model in [*both.named_estimators_.values(), both]])
    print("{:5.3f}  {:7.3f}  {:5.3f}".format(*rows[-1]))
means = np.mean(rows, axis=0)
print("{:5.3f}  {:7.3f}  {:5.3f}  mean".format(*means))

# %%
# Bars are means, and dots are different splits into training and test films. ``RNNEncoder`` is another way to
# combine text and numbers: it turns a text into a vector for a model that reads tables.

figure, ax = plt.subplots(figsize=(5, 3.6), layout="constrained")
bars = ax.bar(["text", "numbers", "both"], means, color=["tab:gray", "tab:gray", "tab:blue"])
ax.plot(np.transpose(rows), "o", color="black", markersize=5)
ax.bar_label(bars, fmt="%.2f", label_type="center", color="white", fontsize=18)
ax.set_ylabel("test accuracy", fontsize=16)
ax.tick_params(labelsize=16)
ax.spines[["top", "right"]].set_visible(False)
figure.savefig("text_and_numbers.png", dpi=150, bbox_inches="tight")
