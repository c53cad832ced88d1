"""Compare the quality and the time of explanations of RNNTextClassifier, SHAP and LIME.

    pip install shap lime
    python tests/benchmarks/explanations.py --data DIR [--sets trec6 mr chnsenticorp] [--documents 200]
    python tests/benchmarks/explanations.py --data DIR --predictions 2000

DIR has a folder for each data set, with the files ``train.tsv.gz`` and ``test.tsv.gz``. They are UTF-8, with the
header ``text<TAB>label``. Each set gets a classifier with default parameters (``--epochs`` changes them).

The first table compares methods on test documents of 3 to 200 tokens. All of them explain the same classifier, see
the same tokens, and make the same number of predictions. Only occlusion makes one for each token. "unknown" are
Shapley values for which a token becomes an unknown token, and is not left out.

The tokens are then removed one after another, first the token that speaks most for the predicted class. The
table shows the mean probability of this class over the removals, the area under the deletion curve (Petsiuk
et al. 2018). Lower is better. The column "difference" is the mean of the paired differences to "shapley",
with standard error.

The second table shows documents of 50 to 70 tokens, explained with default parameters.
"""

import argparse
import os
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from common import load
from scipy.special import logit
from sklearn.utils import shuffle

from skrnn import RNNTextClassifier
from skrnn.inspection import token_attributions
from skrnn.inspection._shapley import sampled_shapley_values


def main():
    arguments = _parse_arguments()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in arguments.sets:
        X_train, y_train, X_test, _ = load(name, arguments.data)
        classifier = RNNTextClassifier(epochs=arguments.epochs, random_state=0).fit(X_train, y_train)
        texts = shuffle(X_test, random_state=0)
        n_tokens = np.array([len(list(tokens)) for tokens in map(classifier.vectorizer_.build_analyzer(), texts)])
        chosen = np.flatnonzero((n_tokens >= 3) & (n_tokens <= 200))[: arguments.documents]
        _compare(name, classifier, [texts[i] for i in chosen], arguments.predictions)
        middle = np.flatnonzero((n_tokens >= 50) & (n_tokens <= 70))[: arguments.documents]
        if len(middle):
            _time_defaults(name, classifier, [texts[i] for i in middle])


def _parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with a folder for each data set")
    parser.add_argument(
        "--sets", nargs="+", default=["trec6", "mr", "chnsenticorp"], help="names of the data sets"
    )
    parser.add_argument("--documents", type=int, default=200, help="test documents of each set")
    parser.add_argument("--predictions", type=int, default=1000, help="predictions for each document")
    parser.add_argument("--epochs", default="auto", type=lambda text: text if text == "auto" else int(text))
    return parser.parse_args()


def _compare(name: str, classifier: RNNTextClassifier, texts: list[str], n_predictions: int) -> None:
    seconds, areas = defaultdict(list), defaultdict(list)
    for text in texts:
        [attributions] = token_attributions(classifier, [text], method="occlusion")
        target = attributions.predicted
        for method, explain in METHODS.items():
            started = time.perf_counter()
            values = explain(classifier, attributions, target, n_predictions)
            seconds[method].append(time.perf_counter() - started)
            areas[method].append(_area(classifier, attributions, target, values))
    print(f"\n{name}: {len(texts)} documents, {n_predictions} predictions for each")
    print(f"{'':<12}{'area':>8}{'difference':>20}{'ms, median':>12}{'ratio':>8}")
    for method in METHODS:
        differences = np.subtract(areas[method], areas["shapley"])
        error = differences.std(ddof=1) / np.sqrt(len(texts))
        median = np.median(seconds[method])
        ratio = median / np.median(seconds["shapley"])
        difference = f"{differences.mean():+.4f} ± {error:.4f}"
        print(
            f"{method:<12}{np.mean(areas[method]):>8.4f}{difference:>20}{1000 * median:>12.1f}{ratio:>8.1f}",
            flush=True,
        )


def _area(classifier, attributions, target, values) -> float:
    """Return the mean probability of the target while tokens are removed, the largest value first."""
    order = np.argsort(-values, kind="stable")
    n_tokens = len(order)
    ranks = order.argsort()
    parts = [_replaced(attributions, ranks < n_removed, " ") for n_removed in range(n_tokens + 1)]
    probabilities = classifier.predict_proba(parts)[:, target]
    return float(np.trapezoid(probabilities, dx=1 / n_tokens))


def _replaced(attributions, removed, replacement) -> str:
    """Return the document with other text in place of some tokens. The text between them stays."""
    document, parts, end = attributions.document, [], 0
    for (start, stop), is_removed in zip(attributions.spans.tolist(), removed, strict=True):
        parts.append(document[end:start])
        parts.append(replacement if is_removed else document[start:stop])
        end = stop
    return "".join([*parts, document[end:]])


def _shapley(classifier, attributions, target, n_predictions):
    [found] = token_attributions(
        classifier, [attributions.document], max_predictions=n_predictions, tol=0, random_state=0
    )
    return found.values[:, target]


def _shapley_of_unknown(classifier, attributions, target, n_predictions):
    """Shapley values if a token becomes an unknown one in place of being left out."""
    unknown = next(c for c in "㐀㐁㐂㐃㐄" if c not in classifier.vocabulary_)
    n_tokens = len(attributions.tokens)

    def outputs(stays):
        texts = [_replaced(attributions, ~row, f" {unknown} ") for row in stays]
        return logit(classifier.predict_proba(texts)[:, [target]].clip(1e-7, 1 - 1e-7))

    ends = outputs(np.array([[False] * n_tokens, [True] * n_tokens]))
    n_pairs = max(n_predictions // (2 * (n_tokens - 1)), 1)
    return sampled_shapley_values(outputs, n_tokens, ends, n_pairs, np.random.default_rng(0)).values[:, 0]


def _occlusion(classifier, attributions, target, _):
    [found] = token_attributions(classifier, [attributions.document], method="occlusion")
    return found.values[:, target]


def _shap(classifier, attributions, target, n_predictions):
    import shap

    def tokenize(text, return_offsets_mapping=True):  # noqa: ARG001
        if text != attributions.document:  # SHAP also cuts "" and the text of masked tokens
            return {"input_ids": list(text), "offset_mapping": [(i, i + 1) for i in range(len(text))]}
        return {"input_ids": attributions.tokens, "offset_mapping": attributions.spans.tolist()}

    def outputs(texts):
        return logit(classifier.predict_proba(texts)[:, target].clip(1e-7, 1 - 1e-7))

    masker = shap.maskers.Text(tokenize, mask_token=" ", collapse_mask_token=False)
    n_rounds = max(n_predictions // (2 * len(attributions.tokens) + 1), 1)
    explainer = shap.PermutationExplainer(outputs, masker, seed=0)
    n_evaluations = n_rounds * (2 * len(attributions.tokens) + 1)
    explanation = explainer([attributions.document], max_evals=n_evaluations, silent=True)
    return explanation.values[0]


def _lime(classifier, attributions, target, n_predictions):
    from lime.lime_text import LimeTextExplainer

    tokens = attributions.tokens
    explainer = LimeTextExplainer(split_expression=lambda _: tokens, bow=False, mask_string=" ", random_state=0)
    explanation = explainer.explain_instance(
        attributions.document,
        classifier.predict_proba,
        labels=[target],
        num_features=len(tokens),
        num_samples=n_predictions,
    )
    values = np.zeros(len(tokens))
    for position, weight in explanation.as_map()[target]:
        values[position] = weight
    return values


METHODS = {
    "shapley": _shapley,
    "unknown": _shapley_of_unknown,
    "occlusion": _occlusion,
    "shap": _shap,
    "lime": _lime,
}


def _time_defaults(name: str, classifier: RNNTextClassifier, texts: list[str]) -> None:
    print(f"\n{name}: {len(texts)} documents of 50 to 70 tokens")
    print(f"{'':<12}{'ms, median':>12}{'largest standard error / range, median':>42}{'below 5 %':>12}")
    for method in ("shapley", "occlusion"):
        seconds, errors = [], []
        for text in texts:
            started = time.perf_counter()
            [found] = token_attributions(classifier, [text], method=method, random_state=0)
            seconds.append(time.perf_counter() - started)
            column = found.predicted
            errors.append(found.standard_errors[:, column].max() / np.ptp(found.values[:, column]))
        error, share = np.median(errors), np.mean(np.array(errors) < 0.05)
        print(f"{method:<12}{1000 * np.median(seconds):>12.1f}{error:>42.4f}{100 * share:>10.0f} %", flush=True)


if __name__ == "__main__":
    main()
