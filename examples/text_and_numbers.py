"""
Text beside numbers
===================

Predict the genre of films from a text and from numbers. Both together are more accurate than either of them.

An ``RNNEncoder`` turns the title, the director and the cast of a film into a vector. Gradient boosting reads it
beside the year, the runtime and the scores of critics. The script takes one to two minutes on two cores::

    python examples/text_and_numbers.py
"""

# %%
# The data frame has a column of text and six columns of numbers.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skrnn import RNNEncoder, RNNTextClassifier, SequenceVectorizer
from skrnn.datasets import load_films

N_SEEDS = 3
NUMBERS = ["year", "runtime", "metacritic", "tomatometer", "reviews", "box_office"]

films = load_films()
print(films.data.iloc[0], f"genre: {films.target[0]}", sep="\n", end="\n\n")

# %%
# In the fit of a pipeline, the vectors of training films come from networks that have not seen them
# (cross-fitting, as in ``TargetEncoder``). A network is too sure of films that it has learned, and would mislead
# the boosting.

rows = []
print(" text  numbers   both")
for seed in range(N_SEEDS):
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
    rows.append([text, numbers, both])
    print(f"{text:5.3f}  {numbers:7.3f}  {both:5.3f}")
text, numbers, both = np.mean(rows, axis=0)
print(f"{text:5.3f}  {numbers:7.3f}  {both:5.3f}  mean")

# %%
# Bars are means, and dots are different splits into training and test films.

figure, ax = plt.subplots(figsize=(5, 3.6), layout="constrained")
bars = ax.bar(["text", "numbers", "both"], [text, numbers, both], color=["tab:gray", "tab:gray", "tab:blue"])
ax.plot(np.transpose(rows), "o", color="black", markersize=5)
ax.bar_label(bars, fmt="%.2f", label_type="center", color="white", fontsize=18)
ax.set_ylabel("test accuracy", fontsize=16)
ax.tick_params(labelsize=16)
ax.spines[["top", "right"]].set_visible(False)
figure.savefig("text_and_numbers.png", dpi=150, bbox_inches="tight")
