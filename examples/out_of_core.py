"""Train with ``partial_fit`` on a corpus that is larger than the memory of the process.

    python examples/out_of_core.py

It takes about three minutes on two cores. The script first writes a file of 320 MB. Each document mixes the
sentences of three articles of the BBC that have the same class. A first pass counts the tokens for the vocabulary,
and a second pass trains. After its first chunk, Linux limits the process to 256 MB of additional memory. Each
chunk is scored before the classifier learns from it. Sentences are in several documents, so the final score uses
articles that are not in the file.
"""

import itertools
import resource
import tempfile
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split

from skrnn import RNNTextClassifier, SequenceVectorizer, TokenCounts
from skrnn.datasets import load_bbc_news

CORPUS = 320e6  # bytes
MEMORY = 256e6  # bytes
CHUNK = 1000  # documents


def write_corpus(path, articles, labels):
    """Write one document in each line, after its class and a tab."""
    rng = np.random.default_rng(0)
    sentences = [[s for s in article.replace("\n", " ").split(". ") if s] for article in articles]
    members = {label: np.flatnonzero(labels == label) for label in np.unique(labels)}
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < CORPUS:
            label = rng.choice(list(members))
            mixed = list(itertools.chain(*(sentences[i] for i in rng.choice(members[label], 3))))
            rng.shuffle(mixed)
            file.write(f"{label}\t{'. '.join(mixed)}.\n")


def chunks(path):
    """Yield the documents of each chunk, and their classes."""
    with path.open(encoding="utf-8") as file:
        while lines := list(itertools.islice(file, CHUNK)):
            labels, documents = zip(*(line.split("\t", 1) for line in lines), strict=True)
            yield documents, labels


def data_size():
    """Return the memory of this process in bytes, as the limit counts it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmData"))


def peak():
    """Return the peak memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def main():
    news = load_bbc_news()
    X_train, X_test, y_train, y_test = train_test_split(
        news.data, news.target, test_size=0.25, stratify=news.target, random_state=0
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.tsv"
        write_corpus(path, X_train, y_train)
        print(f"corpus: {path.stat().st_size / 1e6:.0f} MB")

        # The result is the same as with fit(documents), which would need all documents at once.
        vectorizer = SequenceVectorizer(max_features=10_000, max_length=40)
        counts = TokenCounts.merge(vectorizer.count_tokens(documents) for documents, _ in chunks(path))
        vectorizer.fit_counts(counts)
        n_tokens = len(vectorizer.vocabulary_)
        print(f"vocabulary: {n_tokens} of {len(counts.tokens)} tokens, peak memory {peak():.0f} MB")

        stream = chunks(path)
        documents, labels = next(stream)
        vectorizer.set_params(vocabulary=vectorizer.vocabulary_)
        classifier = RNNTextClassifier(vectorizer, cell="gru", units=16, random_state=0)
        classifier.partial_fit(documents, labels, classes=np.unique(y_train))
        classifier.score(X_test, y_test)  # starts the threads of predictions before the limit is set
        before = peak()
        limit = data_size() + int(MEMORY)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

        for n, (documents, labels) in enumerate(stream, start=1):
            score = classifier.score(documents, labels)
            classifier.partial_fit(documents, labels)
            if n % 5 == 0:
                print(f"{(n + 1) * CHUNK:6d} documents, score of the last chunk before training on it {score:.3f}")
        print(f"peak memory: {before:.0f} MB after the first chunk, {peak():.0f} MB after the last")
        try:
            path.read_text(encoding="utf-8").splitlines()
        except MemoryError:
            print("the whole corpus at once: MemoryError")
    print(f"accuracy on {len(X_test)} articles that are not in the corpus: {classifier.score(X_test, y_test):.3f}")


if __name__ == "__main__":
    main()
