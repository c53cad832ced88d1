"""
Spoken digits
=============

Recognize the digits 0 to 9 in recordings of different lengths, and watch the probabilities while the network
hears a digit.

Each of the 3,000 recordings is an array with 13 audio features for each of its 6 to 92 time steps. The script
takes half a minute on two cores, and needs Python 3.11::

    python -m pip install ".[examples]" && python examples/spoken_digits.py
"""

# %%
# The estimators take a list of arrays and do not scale them. A transformer in a pipeline learns the scale from
# the training recordings, also in cross-validation and in a search. To pickle the pipeline, define the
# transformer in a module that other processes can import.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNSequenceClassifier
from skrnn.datasets import load_spoken_digits

N_TRAIN = 1500


class SequenceScaler(TransformerMixin, BaseEstimator):
    """Scale each feature to mean 0 and variance 1 over the time steps of all sequences."""

    def fit(self, X, y=None):
        """Learn the scale."""
        self.scaler_ = StandardScaler().fit(np.concatenate(X))
        return self

    def transform(self, X):
        """Return the scaled sequences."""
        return [self.scaler_.transform(sequence) for sequence in X]


digits = load_spoken_digits()
X_train, X_test = digits.data[:N_TRAIN], digits.data[N_TRAIN:]  # each recording (n_steps, 13)
y_train, y_test = digits.target[:N_TRAIN], digits.target[N_TRAIN:]

classifier = make_pipeline(SequenceScaler(), RNNSequenceClassifier(random_state=0)).fit(X_train, y_train)
print(f"{classifier.score(X_test, y_test):.3f}  recurrent network")

# %%
# Most models need recordings of one length. Zeros after the end of a recording make them equally long.

sequences = classifier[0].transform(digits.data)
longest = max(map(len, sequences))
padded = np.array([np.pad(sequence, ((0, longest - len(sequence)), (0, 0))).ravel() for sequence in sequences])
for model in (KNeighborsClassifier(), LogisticRegression(max_iter=2000)):
    model.fit(padded[:N_TRAIN], y_train)
    print(f"{model.score(padded[N_TRAIN:], y_test):.3f}  {type(model).__name__}")

# %%
# If recordings arrive over time, ``partial_fit`` learns from one chunk after the other. Here it sees them six
# times.

stream = RNNSequenceClassifier(random_state=0)
for _ in range(6):
    for start in range(0, N_TRAIN, 300):
        chunk = slice(start, min(start + 300, N_TRAIN))
        stream.partial_fit(sequences[chunk], y_train[chunk], classes=np.arange(10))
print(
    f"{stream.score(sequences[N_TRAIN:], y_test):.3f}  recurrent network that learned from {stream.n_iter_} chunks"
)

# %%
# The beginning of a recording is a recording too. The figure shows what the network makes of a longer and longer
# beginning of a spoken "zero". Digits that never lead are gray.

zero = max((x for x, digit in zip(X_test[:100], y_test, strict=False) if digit == 0), key=len)
probabilities = classifier.predict_proba([zero[:n_steps] for n_steps in range(1, len(zero) + 1)])
leaders = set(probabilities.argmax(axis=1))

figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
steps = np.arange(1, len(zero) + 1)
for digit, curve in enumerate(probabilities.T):
    if digit not in leaders:
        ax.plot(steps, curve, color="lightgray", zorder=0)
        continue
    [line] = ax.plot(steps, curve, linewidth=4 if digit == 0 else 2.5)
    top = curve.argmax()
    ax.text(top + 1, curve[top] + 0.03, f"{digit}", color=line.get_color(), fontsize=20, ha="center")
ax.set_ylim(0, 1.12)
ax.set_xlabel("time steps heard", fontsize=16)
ax.set_ylabel("probability", fontsize=16)
ax.tick_params(labelsize=14)
ax.spines[["top", "right"]].set_visible(False)
figure.savefig("spoken_digits.png", dpi=150, bbox_inches="tight")
