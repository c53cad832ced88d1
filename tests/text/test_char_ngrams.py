import numpy as np
import pytest

from skrnn.text._char_ngrams import MOST_PER_TOKEN, char_ngrams, shared_ngrams, spellings


def ngrams_by_token(tokens, ngram_range):
    """Return the indices of the n-grams of each token."""
    rows, _ = char_ngrams(tokens, ngram_range)
    return {token: set(row[row > 0].tolist()) for token, row in zip(["", "[UNK]", *tokens], rows, strict=True)}


def test_only_shared_ngrams_have_an_index():
    rows = ngrams_by_token(["care", "careful", "awful", "x"], (3, 4))
    assert len(rows["care"]) == 5  # <ca, car, are, <car, care; no other token has re> and are>
    assert rows["care"] < rows["careful"]
    assert len(rows["careful"] & rows["awful"]) == 3  # ful, ul>, ful>
    assert rows["x"] == rows[""] == rows["[UNK]"] == set()


@pytest.mark.parametrize("ngram_range", [(1, 4), (3, 4)])
def test_single_characters_have_no_ngrams(ngram_range):
    _, n_char_ngrams = char_ngrams(list("一二三abc"), ngram_range)
    assert n_char_ngrams == 1


def test_long_tokens_have_the_most_shared_ngrams():
    tokens = ["abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwxyz!", "uvwxyz", "vwxyz", "wxyz"]
    rows = ngrams_by_token(tokens, (3, 4))
    assert len(rows[tokens[0]]) == MOST_PER_TOKEN
    assert rows["uvwxyz"] & rows["vwxyz"] < rows[tokens[0]]


@pytest.mark.parametrize("ngram_range", [(3, 10**30), (10**30, 10**31)])
def test_huge_ranges_end_at_the_length_of_a_token(ngram_range):
    tokens = ["care", "careful", "awful"]
    _, n_char_ngrams = char_ngrams(tokens, ngram_range)
    longest = max(map(len, tokens)) + 2
    assert n_char_ngrams == (char_ngrams(tokens, (3, longest))[1] if ngram_range[0] == 3 else 1)


def test_every_index_is_used():
    rng = np.random.default_rng(0)
    tokens = sorted({"".join(rng.choice(list("abcd"), size=rng.integers(1, 39))) for _ in range(300)})
    rows, n_char_ngrams = char_ngrams([*tokens, "ab" * 21, "abc" * 1000], (2, 6))
    assert np.unique(rows).tolist() == list(range(n_char_ngrams))
    assert not rows[-2:].any()  # addresses and noise


def test_number_of_ngrams_is_limited(monkeypatch):
    monkeypatch.setattr("skrnn.text._char_ngrams._MAX_CHAR_NGRAMS", 2)
    _, n_char_ngrams = char_ngrams(["care", "careful", "carefully"], (3, 4))
    assert n_char_ngrams == 3


def test_spellings_count_the_given_ngrams():
    indices = {"an": 0, "na": 1, "<b": 2, "zz": 3}
    found = spellings(["banana", "", "xyz", "an" * 30], indices, (2, 2)).toarray()
    np.testing.assert_allclose(found[0], np.array([2, 2, 1, 0]) / np.sqrt(5))
    assert not found[1:].any()  # a word of 60 characters is an address or noise


def test_shared_ngrams_are_in_several_tokens():
    assert set(shared_ngrams(["care", "car", "bar"], (2, 3), 10)) == {"<c", "ca", "<ca", "ar", "r>", "ar>", "car"}
    assert shared_ngrams(["care", "car", "bar"], (2, 3), 1) == ["ar"]
