"""Classify spoken digits from audio features, in sequences of 6 to 92 time steps.

    python examples/spoken_digits.py

The training recordings determine the scale of the features. The recurrent network is compared with models that
need recordings of one length, and with training on a stream of chunks.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from skrnn import RNNSequenceClassifier
from skrnn.datasets import load_spoken_digits

N_TRAIN = 1500


def main():
    digits = load_spoken_digits()
    scaler = StandardScaler().fit(np.concatenate(digits.data[:N_TRAIN]))
    sequences = [scaler.transform(sequence) for sequence in digits.data]  # each (n_steps, 13)
    X_train, X_test = sequences[:N_TRAIN], sequences[N_TRAIN:]
    y_train, y_test = digits.target[:N_TRAIN], digits.target[N_TRAIN:]

    classifier = RNNSequenceClassifier(random_state=0, verbose=True).fit(X_train, y_train)
    print(f"recurrent network: {classifier.score(X_test, y_test):.3f}")

    longest = max(map(len, sequences))
    padded = np.array([np.pad(sequence, ((0, longest - len(sequence)), (0, 0))).ravel() for sequence in sequences])
    for model in (KNeighborsClassifier(), LogisticRegression(max_iter=2000)):
        model.fit(padded[:N_TRAIN], y_train)
        print(f"{type(model).__name__}: {model.score(padded[N_TRAIN:], y_test):.3f}")

    stream = RNNSequenceClassifier(random_state=0)
    for _ in range(6):
        for start in range(0, N_TRAIN, 300):
            stop = start + 300
            stream.partial_fit(X_train[start:stop], y_train[start:stop], classes=np.arange(10))
    print(f"after {stream.n_iter_} chunks of 300: {stream.score(X_test, y_test):.3f}")


if __name__ == "__main__":
    main()
