import numpy as np
import pytest
from conftest import make_reviews

from skrnn.inspection import TokenAttributions, summarize_attributions, token_attributions
from skrnn.utils._parameters import InvalidParameterError


def explained(tokens, values, spans=None, target_names=("neg", "pos")):
    """Attributions of made-up values for the last target. The others have the opposite sign."""
    values = np.array(values, dtype=float)
    columns = np.stack([-values] * (len(target_names) - 1) + [values], axis=1)
    zeros = np.zeros(len(target_names))
    return TokenAttributions(
        document=" ".join(tokens),
        tokens=list(tokens),
        spans=spans,
        normalized_tokens=[token.lower() for token in tokens],
        n_unread=0,
        values=columns,
        groups=np.arange(len(tokens)),
        standard_errors=np.zeros_like(columns),
        base_values=zeros,
        outputs=columns.sum(axis=0),
        predictions=zeros,
        target_names=list(target_names),
        unit="logit",
        method="shapley",
    )


def test_words_that_decide_come_first(fitted):
    documents, _ = make_reviews()
    summary = summarize_attributions(token_attributions(fitted, documents, method="occlusion"))
    assert list(summary) == ["neg", "pos"]
    assert summary["neg"][0].ngram == "terrible"
    assert summary["pos"][0].ngram == "splendid"
    for word, entries in (("terrible", summary["neg"]), ("splendid", summary["pos"])):
        assert [entry.value for entry in entries] == sorted((entry.value for entry in entries), reverse=True)
        assert entries[0].n_documents == sum(word in document.split() for document in documents)


def test_values_are_means_over_the_occurrences_in_any_case():
    documents = [explained(["Good", "good", "film"], [1, 3, -1]), explained(["good"], [5])]
    summary = summarize_attributions(documents, min_documents=1)
    assert summary["pos"] == [("good", 3.0, 3, 2), ("film", -1.0, 1, 1)]
    assert summary["neg"] == [("film", 1.0, 1, 1), ("good", -3.0, 3, 2)]


def test_ngrams_have_the_sum_of_their_tokens():
    documents = [explained(["not", "good", "film"], [-2, 1, 0.5]), explained(["not", "good"], [-3, 1])]
    summary = summarize_attributions(documents, ngram_range=(2, 3), min_documents=1)
    assert [entry for entry in summary["neg"] if entry.value > 0] == [
        ("not good", 1.5, 2, 2),
        ("not good film", 0.5, 1, 1),
    ]
    assert summary["pos"][0] == ("good film", 1.5, 1, 1)


def test_ngrams_have_spaces_where_the_document_has_text():
    spans = np.array([[0, 1], [1, 2], [4, 7]])
    documents = [explained(["很", "好", "wow"], [1, 1, 1], spans)]
    summary = summarize_attributions(documents, ngram_range=(3, 3), min_documents=1)
    assert summary["pos"][0].ngram == "很好 wow"


def test_rare_ngrams_are_left_out_and_lists_are_cut():
    documents = [explained(["a", "b", "c"], [3, 2, 1]), explained(["b", "c"], [2, 1]), explained([], [])]
    assert [entry.ngram for entry in summarize_attributions(documents, min_documents=2)["pos"]] == ["b", "c"]
    assert len(summarize_attributions(documents, min_documents=1, max_ngrams=1)["pos"]) == 1
    assert summarize_attributions(documents, min_documents=3) == {"neg": [], "pos": []}


def test_wrong_arguments_are_refused():
    documents = [explained(["a"], [1])]
    with pytest.raises(ValueError, match="at least one"):
        summarize_attributions([])
    with pytest.raises(ValueError, match="one estimator"):
        summarize_attributions([*documents, explained(["a"], [1], target_names=["x", "y"])])
    for wrong in ({"ngram_range": (2, 1)}, {"ngram_range": 2}, {"min_documents": 0}, {"max_ngrams": 0}):
        with pytest.raises(InvalidParameterError, match=f"Expected {next(iter(wrong))}"):
            summarize_attributions(documents, **wrong)
