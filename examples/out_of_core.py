"""
A corpus larger than the memory
===============================

Train with ``partial_fit`` on a file that does not fit into the memory of the process: one pass counts the words
for the vocabulary, and a second pass trains.

The script writes a file of 200 MB. Each document mixes the sentences of three articles of the BBC on the same
topic. It takes about a minute and a half on two cores, and needs Linux::

    python -m pip install ".[examples]" && python examples/out_of_core.py
"""

# %%
# The corpus has one document in each line, after its class and a tab.

import itertools
import resource
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split

from skrnn import RNNTextClassifier, SequenceVectorizer, TokenCounts
from skrnn.datasets import load_bbc_news

CORPUS = 200_000_000  # bytes
MEMORY = 200_000_000  # bytes
CHUNK = 500  # documents

news = load_bbc_news()
X_train, X_test, y_train, y_test = train_test_split(
    news.data, news.target, test_size=0.25, stratify=news.target, random_state=0
)
rng = np.random.default_rng(0)
sentences = [[s for s in article.replace("\n", " ").split(". ") if s] for article in X_train]
members = {topic: np.flatnonzero(y_train == topic) for topic in np.unique(y_train)}
folder = tempfile.TemporaryDirectory()  # deleted at the end
path = Path(folder.name) / "corpus.tsv"
with path.open("w", encoding="utf-8") as file:
    while file.tell() < CORPUS:
        topic = rng.choice(list(members))
        mixed = list(itertools.chain(*(sentences[i] for i in rng.choice(members[topic], 3))))
        rng.shuffle(mixed)
        file.write(f"{topic}\t{'. '.join(mixed)}.\n")


def chunks():
    """Yield the documents of each chunk, and their classes."""
    with path.open(encoding="utf-8") as file:
        while lines := list(itertools.islice(file, CHUNK)):
            labels, documents = zip(*(line.split("\t", 1) for line in lines), strict=True)
            yield documents, labels


# %%
# The vocabulary is the same as with ``fit(documents)``, which would need all documents at once.

vectorizer = SequenceVectorizer(max_features=10_000, max_length=40)
counts = TokenCounts.merge(vectorizer.count_tokens(documents) for documents, _ in chunks())
vocabulary = vectorizer.fit_counts(counts).vocabulary_
print(f"vocabulary: {len(vocabulary)} of {len(counts.tokens)} tokens\n")

# %%
# After the first chunk, Linux limits the additional memory of the process. Each chunk is scored before the
# classifier learns from it.


def memory(kind):
    """Return the memory of this process in bytes: resident ("VmRSS"), or as the limit counts it ("VmData")."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(kind))


classifier = RNNTextClassifier(vectorizer.set_params(vocabulary=vocabulary), cell="gru", units=16, random_state=0)
stream = chunks()
classifier.partial_fit(*next(stream), classes=np.unique(y_train))
classifier.score(X_test, y_test)  # starts the threads of predictions before the limit is set
before, limit = memory("VmRSS"), memory("VmData") + MEMORY
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

megabytes_read, megabytes_added = [0.0], [0.0]
for documents, labels in stream:
    score = classifier.score(documents, labels)
    classifier.partial_fit(documents, labels)
    megabytes_read.append(megabytes_read[-1] + sum(map(len, documents)) / 1e6)
    megabytes_added.append((memory("VmRSS") - before) / 1e6)
    if len(megabytes_read) % 5 == 0:
        print(f"{megabytes_read[-1]:5.0f} MB read, accuracy on the last chunk {score:.3f}")

# %%
# Reading the whole file fails. Sentences are in several documents, so the final score uses articles of which the
# file contains no sentence.

try:
    path.read_text(encoding="utf-8").splitlines()
except MemoryError:
    print("\nthe whole corpus at once: MemoryError")
print(f"accuracy on {len(X_test)} articles that are not in the corpus: {classifier.score(X_test, y_test):.3f}")

figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
ax.plot(megabytes_read, megabytes_read, linewidth=3, color="tab:gray")
ax.plot(megabytes_read, megabytes_added, linewidth=3, color="tab:blue")
ax.text(megabytes_read[-1] / 2, megabytes_read[-1] * 0.55, "text read ", fontsize=16, ha="right", color="dimgray")
ax.text(
    megabytes_read[-1], megabytes_added[-1] + 8, "additional memory", fontsize=16, ha="right", color="tab:blue"
)
ax.set_xlabel("MB read", fontsize=14)
ax.set_ylabel("MB", fontsize=14)
ax.tick_params(labelsize=14)
ax.spines[["top", "right"]].set_visible(False)
figure.savefig("out_of_core.png", dpi=150, bbox_inches="tight")
