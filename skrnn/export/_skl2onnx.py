"""Converters for skl2onnx, which exports pipelines, searches, calibrated models and ensembles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from skl2onnx import supported_converters, update_registered_converter
from skl2onnx._supported_operators import sklearn_classifier_list
from skl2onnx.common._registration import (
    get_converter,
    get_shape_calculator,
    register_converter,
    register_shape_calculator,
)
from skl2onnx.common.data_types import (
    Int32TensorType,
    Int64TensorType,
    StringTensorType,
    guess_proto_type,
    guess_tensor_type,
)
from sklearn.frozen import FrozenEstimator

from skrnn.estimators._classifiers import RNNSequenceClassifier, RNNTextClassifier
from skrnn.estimators._encoder import RNNEncoder
from skrnn.estimators._regressors import RNNSequenceRegressor, RNNTextRegressor
from skrnn.export import _network, _text
from skrnn.export._checks import check_estimator, check_vectorizer
from skrnn.export._graph import Graph, Value
from skrnn.sequences._storage import PADDING
from skrnn.text._vectorizer import SequenceVectorizer

# The options of skl2onnx's own classifiers.
_OPTIONS: dict[str, list[Any]] = {
    "zipmap": [True, False, "columns"],
    "nocl": [True, False],
    "output_class_labels": [False, True],
    "raw_scores": [True, False],
}


@cache  # a second call would wrap the converters of skl2onnx again
def register() -> None:
    """Register a converter for each estimator, and adapt converters of skl2onnx for estimators around them."""
    supported_converters()  # imports them
    sklearn_classifier_list.append(FrozenEstimator)  # else it has one output in a pipeline, and not two
    for classifier in (RNNTextClassifier, RNNSequenceClassifier, FrozenEstimator):
        _register(classifier, _declare_classifier, _add_classifier, options=_OPTIONS)
    for regressor in (RNNTextRegressor, RNNSequenceRegressor):
        _register(regressor, _declare_regressor, _add_regressor)
    _register(RNNEncoder, _declare_encoder, _add_encoder)
    _register(SequenceVectorizer, _declare_vectorizer, _add_vectorizer)
    for name in ("CalibratedClassifierCV", "StackingClassifier", "StackingRegressor"):
        _accept_documents(f"Sklearn{name}")
    _pass_on_raw_scores("SklearnPipeline")


def _register(
    estimator: type,
    declare: Callable[[Any], None],
    add: Callable[[Graph, Any, Any], list[Value]],
    options: dict[str, list[Any]] | None = None,
) -> None:
    """Register an estimator.

    Parameters
    ----------
    estimator : type
        Its class.
    declare : callable
        Declares the types of the operator's outputs, before the conversion.
    add : callable
        Adds the nodes to a graph for an operator and its options. It returns a value for each output.
    options : dict of str to list, default=None
        Possible values of each option.
    """

    def convert(scope: Any, operator: Any, container: Any) -> None:
        is_text = isinstance(operator.inputs[0].type, StringTensorType)
        opsets = _text.OPSETS if is_text else _network.OPSETS
        opset = container.target_opset_onnx
        if opset < opsets[""]:
            raise ValueError(f"Expected target_opset to be at least {opsets['']} for this input; got {opset}.")
        opsets = {**opsets, "": opset}
        graph = Graph(opsets, prefix=scope.get_unique_variable_name("skrnn") + "_")
        values = add(graph, operator, container)
        for value, output in zip(values, operator.outputs, strict=True):
            graph.add("Cast", value, to=guess_proto_type(output.type), output=output.full_name)
        nodes = graph.to_proto("skrnn")
        container.nodes.extend(nodes.node)
        container.initializers.extend(nodes.initializer)
        container.value_info.extend(nodes.value_info)
        container.node_domain_version_pair_sets.update(opsets.items())

    update_registered_converter(estimator, f"Skrnn{estimator.__name__}", declare, convert, options=options)


# Classifiers


def _declare_classifier(operator: Any) -> None:
    classifier = operator.raw_operator
    check_estimator(_unfrozen(classifier) if isinstance(classifier, FrozenEstimator) else classifier)
    n_samples, n_classes = operator.inputs[0].get_first_dimension(), len(classifier.classes_)
    is_text = _labels(operator).dtype == object
    is_multilabel = _network.is_multilabel(classifier._fitted.network.spec)
    shape = [n_samples, n_classes] if is_multilabel else [n_samples]
    operator.outputs[0].set_type((StringTensorType if is_text else Int64TensorType)(shape))
    _declare_floats(operator, operator.outputs[1], n_classes)


def _unfrozen(frozen: FrozenEstimator) -> Any:
    classifier = frozen.estimator
    if not isinstance(classifier, (RNNTextClassifier, RNNSequenceClassifier)):
        raise TypeError(
            "Expected FrozenEstimator to contain an RNNTextClassifier or an RNNSequenceClassifier; got "
            f"{type(classifier).__name__}. Freeze only the classifier of skrnn, as in "
            "make_pipeline(vectorizer, FrozenEstimator(classifier)), or do without FrozenEstimator."
        )
    return classifier


def _add_classifier(graph: Graph, operator: Any, container: Any) -> list[Value]:
    classifier = operator.raw_operator
    spec = classifier._fitted.network.spec
    logits = _add_logits(graph, operator)
    probabilities = _network.add_probabilities(graph, spec, logits)
    labels = _network.add_labels(graph, spec, _labels(operator), probabilities)
    if not container.get_options(classifier, {"raw_scores": False})["raw_scores"]:
        return [labels, probabilities]
    is_binary = spec.n_outputs == 1
    return [labels, graph.add("Concat", graph.add("Neg", logits), logits, axis=1) if is_binary else logits]


def _labels(operator: Any) -> np.ndarray:
    classes = operator.raw_operator.classes_
    has_no_labels = operator.scope_inst.get_options(operator.raw_operator, {"nocl": False})["nocl"]
    return np.arange(len(classes)) if has_no_labels else _network.to_labels(classes)


# Regressors and transformers


def _declare_regressor(operator: Any) -> None:
    check_estimator(operator.raw_operator)
    _declare_floats(operator, operator.outputs[0], operator.raw_operator._fitted.network.spec.n_outputs)


def _add_regressor(graph: Graph, operator: Any, _container: Any) -> list[Value]:
    regressor = operator.raw_operator
    return [
        _network.add_values(graph, _add_logits(graph, operator), regressor.target_scale_, regressor.target_mean_)
    ]


def _declare_encoder(operator: Any) -> None:
    _declare_floats(operator, operator.outputs[0], operator.raw_operator._n_features_out)


def _add_encoder(graph: Graph, operator: Any, _container: Any) -> list[Value]:
    estimator = operator.raw_operator.estimator_
    network = estimator._fitted.network
    sequences = _read(graph, operator, estimator)
    return [_network.add_network(graph, network.spec, network.weights, sequences)]


def _declare_vectorizer(operator: Any) -> None:
    check_vectorizer(operator.raw_operator)
    n_documents = operator.inputs[0].get_first_dimension()
    operator.outputs[0].set_type(Int32TensorType([n_documents, operator.raw_operator.max_length_]))


def _add_vectorizer(graph: Graph, operator: Any, _container: Any) -> list[Value]:
    vectorizer = operator.raw_operator
    width = vectorizer.max_length_
    ids, _ = _text.to_token_ids(graph, vectorizer, _documents(graph, operator))
    ids = graph.cast(ids, np.int64)
    ids = _text.truncate(graph, ids, width, vectorizer.truncate)
    ids = graph.add("Pad", ids, [0, 0, 0, width])
    # Put the tokens first: TopK keeps the order of equal elements.
    is_token = graph.cast(graph.add("Greater", ids, PADDING), np.int64)
    _, order = graph.add_multiple("TopK", is_token, [width], n_outputs=2, axis=1)
    return [graph.add("GatherElements", ids, order, axis=1)]


# Shared by the estimators


def _declare_floats(operator: Any, output: Any, width: int) -> None:
    """Declare an output of floats. As in skl2onnx, it is of type double only if the input is."""
    kind = type(guess_tensor_type(operator.inputs[0].type))
    output.set_type(kind([operator.inputs[0].get_first_dimension(), width]))


def _add_logits(graph: Graph, operator: Any) -> Value:
    estimator = operator.raw_operator
    network = estimator._fitted.network
    return _network.add_logits(graph, network.spec, network.weights, _read(graph, operator, estimator))


def _read(graph: Graph, operator: Any, estimator: Any) -> _network.Sequences:
    """Return the sequences of the input: documents, token ids, or numeric sequences of the same length."""
    network, X = estimator._fitted.network, operator.inputs[0]
    if isinstance(X.type, StringTensorType):
        check_vectorizer(estimator.vectorizer_)
        return _text.read_documents(graph, estimator._fitted, _documents(graph, operator))
    if network.spec.n_tokens is not None:
        return _network.read_tokens(graph, network.spec, network.weights, graph.cast(X.full_name, np.int32))
    sequences = graph.cast(X.full_name, np.float32)
    if len(X.type.shape) == 2:  # a univariate series in each row
        sequences = graph.add("Unsqueeze", sequences, [2])
    n_samples, n_steps = (graph.add("Shape", sequences, start=axis, end=axis + 1) for axis in (0, 1))
    return _network.read_vectors(graph, sequences, graph.add("Expand", n_steps, n_samples))


def _documents(graph: Graph, operator: Any) -> Value:
    return graph.add("Reshape", operator.inputs[0].full_name, [-1])  # from a column too


# Converters of skl2onnx


def _accept_documents(alias: str) -> None:
    """Make a converter accept text and token ids, which its estimators read.

    It would refuse text, and give the outputs of the estimators the type of the input.
    """
    convert_numbers, declare_numbers = get_converter(alias), get_shape_calculator(alias)

    def convert(scope: Any, operator: Any, container: Any) -> None:
        with _as_floats(operator.inputs[0]):
            convert_numbers(scope, operator, container)

    def declare(operator: Any) -> None:
        with _as_floats(operator.inputs[0]):
            declare_numbers(operator)

    register_converter(alias, convert, overwrite=True, options=convert_numbers.get_allowed_options())
    register_shape_calculator(alias, declare, overwrite=True)


@contextmanager
def _as_floats(variable: Any) -> Iterator[None]:
    """Let a variable look like an array of floats."""
    original = variable.type
    variable.set_type(type(guess_tensor_type(original))(original.shape))
    try:
        yield
    finally:
        variable.set_type(original)


def _pass_on_raw_scores(alias: str) -> None:
    """Make pipelines pass on the request for logits, which calibration reads. They would give probabilities."""
    convert_steps = get_converter(alias)

    def convert(scope: Any, operator: Any, container: Any) -> None:
        pipeline = operator.raw_operator
        last = pipeline.steps[-1][1]
        if container.get_options(pipeline, {"raw_scores": False})["raw_scores"]:
            for options in (scope, container):
                options.add_options(id(last), {"raw_scores": True})
        convert_steps(scope, operator, container)

    register_converter(alias, convert, overwrite=True, options=convert_steps.get_allowed_options())
