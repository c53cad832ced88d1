"""
Last names and countries
========================

A classifier reads the letters of a last name and predicts the country. This is the classic task for recurrent
networks that read characters.

The package ``faker`` has lists of real last names for many countries. Names of several countries are left out, and
no name is in both the training and the test data. The script takes about half a minute on two cores::

    python -m pip install ".[examples]" && python examples/names_of_countries.py
"""

# %%
# ``Faker`` draws names. The countries have at least 400 different ones, in Latin letters.

from collections import Counter

import matplotlib.pyplot as plt
from faker import Faker
from matplotlib.colors import PowerNorm
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skrnn import RNNTextClassifier, SequenceVectorizer

N_NAMES = 400  # of each country
COUNTRIES = {  # similar languages side by side
    "Spain": "es_ES", "Italy": "it_IT", "France": "fr_FR", "United Kingdom": "en_GB", "Netherlands": "nl_NL",
    "Germany": "de_DE", "Sweden": "sv_SE", "Finland": "fi_FI", "Estonia": "et_EE", "Poland": "pl_PL",
    "Croatia": "hr_HR", "India": "en_IN", "South Africa": "zu_ZA",
}  # fmt: skip

names_of = {}
for country, locale in COUNTRIES.items():
    faker = Faker(locale)
    faker.seed_instance(0)
    names_of[country] = list(dict.fromkeys(faker.last_name() for _ in range(20 * N_NAMES)))[:N_NAMES]
n_countries = Counter(name for names in names_of.values() for name in names)
pairs = [(name, country) for country, names in names_of.items() for name in names if n_countries[name] == 1]
X, y = zip(*pairs, strict=True)
X_train, X_test, y_train, y_test = train_test_split(list(X), list(y), stratify=y, random_state=0)


# %%
# With ``analyzer="char"``, each letter is a token. Spaces show where a name begins and ends. The baseline is a
# linear model on n-grams of letters, whose ``analyzer="char_wb"`` does the same.
classifier = RNNTextClassifier(SequenceVectorizer(analyzer="char"), random_state=0)
classifier.fit(X_train, y_train)
linear = make_pipeline(TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True), LinearSVC())
linear.fit(X_train, y_train)
print(f"{len(X_train)} names of {len(COUNTRIES)} countries, {len(X_test)} others for the test")
print(f"RNNTextClassifier:        {classifier.score(X_test, y_test):.3f}")
print(f"linear model of n-grams:  {linear.score(X_test, y_test):.3f}\n")

# %%
# Famous people whose names are not in the data, with the two most probable countries:
for name in ["Mandela", "Vermeer", "Beethoven", "Velázquez", "Linnaeus", "Wordsworth", "Mannerheim"]:
    assert name not in n_countries
    probabilities = classifier.predict_proba([name])[0]
    best = probabilities.argsort()[:-3:-1]
    print(f"{name:11}", "  ".join(f"{classifier.classes_[i]} {probabilities[i]:.2f}" for i in best))

# %%
# Rows are the countries of the names, columns the predictions.
plt.rcParams.update({"font.size": 14})
figure, axes = plt.subplots(figsize=(8, 7))
ConfusionMatrixDisplay.from_estimator(
    classifier,
    X_test,
    y_test,
    labels=list(COUNTRIES),
    normalize="true",
    include_values=False,
    xticks_rotation="vertical",
    im_kw={"norm": PowerNorm(0.5, vmin=0, vmax=1)},  # shows small shares
    ax=axes,
)
axes.set(xlabel="predicted country", ylabel="country")
figure.savefig("names_of_countries.png", dpi=150, bbox_inches="tight")
