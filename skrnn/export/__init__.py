"""Export of fitted estimators to ONNX, for other languages and devices.

The graph is built from the specification and the weights, so that an export needs neither Keras nor TensorFlow.
``onnx`` is imported when an export begins.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from skrnn._version import __version__
from skrnn.estimators._base import BaseRNN
from skrnn.export._checks import check_estimator, check_vectorizer
from skrnn.network._spec import NetworkSpec
from skrnn.text._vectorizer import SequenceVectorizer
from skrnn.utils._installed import check_installed
from skrnn.utils._parameters import Options, validated

if TYPE_CHECKING:
    import onnx

__all__ = ["to_onnx", "register_skl2onnx"]


def to_onnx(
    estimator: BaseRNN,
    path: str | os.PathLike[str] | None = None,
    *,
    inputs: Literal["token_ids", "documents"] = "token_ids",
) -> onnx.ModelProto:
    """Export a fitted estimator as an ONNX model.

    The model computes ``predict_proba`` and ``predict`` of a classifier or ``predict`` of a regressor, in float32.
    It runs without Python: ONNX Runtime has bindings for C, C++, C#, Java, JavaScript and Swift, and runs in the
    browser. :func:`register_skl2onnx` exports pipelines and ensembles around an estimator.

    Parameters
    ----------
    estimator : RNNTextClassifier, RNNTextRegressor, RNNSequenceClassifier or RNNSequenceRegressor
        A fitted estimator with the built-in network (``network=None``).
    path : str or path-like, default=None
        The file to write. An existing file is replaced only when the new one is complete, so that a failed export
        leaves it unchanged. The new file has the mode of the old one. A pipe or a device gets the content. None
        writes no file.
    inputs : {"token_ids", "documents"}, default="token_ids"
        The input of a text estimator's model. "token_ids" works with every runtime of ONNX. "documents" needs
        ONNX Runtime, and the model then contains the vectorizer. Leave it out for numeric sequences.

    Returns
    -------
    model : onnx.ModelProto
        The notes describe its inputs, outputs and metadata.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is another object, such as a pipeline or a search.
    ValueError
        If it has a custom network, or if `inputs` is "documents" and ONNX cannot do exactly what the vectorizer
        does.
    ImportError
        If ``onnx`` is not installed: ``pip install onnx``.

    Notes
    -----
    The model of a text estimator has one of these inputs:

    - ``token_ids``, int32 of shape (batch, time): token ids, padded with 0 at the end or at the beginning. Ids
      beyond the vocabulary count as unknown tokens, negative ids as padding.
    - ``documents``, strings (UTF-8) of shape (batch,). In Python, an array of dtype object.

    The model of an estimator of numeric sequences has two inputs:

    - ``sequences``, float32 of shape (batch, time, n_features): padded at the end, with any values.
    - ``lengths``, int64 of shape (batch,): number of time steps of each sequence, at most ``time``.

    The outputs of a classifier:

    - ``probabilities``, float32 of shape (batch, n_classes): two columns for two classes, and one column for each
      label of a multilabel target.
    - ``labels``, of shape (batch,): the predicted classes, in the type of ``classes_``. Classes that are neither
      numbers nor bools are strings. For a multilabel target, it is the indicator matrix, int64 of shape
      (batch, n_classes).

    The output of a regressor:

    - ``values``, float64 of shape (batch, n_targets): in the units of y.

    As in the estimator, a result depends on its document or sequence alone, and empty ones are allowed.

    For ``token_ids``, compute the ids with ``estimator.vectorizer_.encode(documents)``. Do not use ``transform``,
    which cuts documents that are longer than all documents of the fit. Outside of Python, tokenize the documents
    in the same way and look up the tokens in the vocabulary, which is in the metadata. Such a model does not
    read the spelling of unknown words, which ``linear_model=True`` of RNNTextClassifier uses.

    With ``documents``, the model computes the same ids as the vectorizer for any text. It supports the three
    built-in analyzers, ``lowercase``, ``stop_words``, ``max_length`` and ``truncate``. It does not support
    ``strip_accents``, a ``token_pattern`` (regular expressions differ outside of Python), or a callable
    ``analyzer``, ``preprocessor`` or ``tokenizer``. The model needs the operator Tokenizer of the domain
    com.microsoft, which is part of ONNX Runtime unless it was built without contrib operators. Its Unicode tables
    are from the Python that exports. The time and memory for a batch grow with its longest document. Pass tens of
    documents at a time rather than thousands, and limit the length of documents from untrusted sources.

    The metadata are strings:

    - ``estimator``: name of the class.
    - ``task``: binary, multiclass, multilabel or regression.
    - ``classes`` (classifiers): JSON list of ``classes_``, in the order of the output's columns.
    - ``vocabulary`` (text estimators with a vectorizer): JSON list of the tokens in the order of their ids, as
      from ``vectorizer_.get_vocabulary()``. The first two stand for padding and unknown tokens.
    - ``skrnn_version``.

    A runtime without strings, such as TensorRT, can neither read ``documents`` nor return strings as ``labels``.
    To leave out the labels, write a file and call
    ``onnx.utils.extract_model(path, new_path, ["token_ids"], ["probabilities"])``.

    The size of an ONNX model is limited to 2 GB.

    Examples
    --------
    >>> import numpy as np
    >>> from onnxruntime import InferenceSession
    >>> from skrnn import RNNTextClassifier
    >>> from skrnn.export import to_onnx
    >>> documents, labels = ["a good film", "a bad film"] * 30, ["pos", "neg"] * 30
    >>> classifier = RNNTextClassifier(units=8, epochs=2, random_state=0).fit(documents, labels)
    >>> model = to_onnx(classifier)
    >>> session = InferenceSession(model.SerializeToString())
    >>> new_documents = ["good", "not a good film", ""]
    >>> token_ids = classifier.vectorizer_.encode(new_documents)
    >>> probabilities, labels = session.run(["probabilities", "labels"], {"token_ids": token_ids})
    >>> np.allclose(probabilities, classifier.predict_proba(new_documents), rtol=0, atol=1e-5)
    True
    >>> np.array_equal(labels, classifier.predict(new_documents))
    True

    A model that takes the documents:

    >>> model = to_onnx(classifier, inputs="documents")
    >>> session = InferenceSession(model.SerializeToString())
    >>> inputs = {"documents": np.array(new_documents, dtype=object)}
    >>> np.allclose(session.run(None, inputs)[0], probabilities, rtol=0, atol=1e-5)
    True
    """
    check_estimator(estimator)
    _check_inputs(estimator, inputs)
    check_installed("The export needs", "onnx")
    model = _to_model(estimator, inputs)
    if path is not None:
        _write(os.fsdecode(path), model.SerializeToString())
    return model


def register_skl2onnx() -> None:
    """Register converters with skl2onnx, which exports pipelines, searches, calibrated models and ensembles.

    Call it once, and then ``skl2onnx.to_onnx`` or ``skl2onnx.convert_sklearn``. They take models that contain
    RNNTextClassifier, RNNTextRegressor, RNNSequenceClassifier, RNNSequenceRegressor, RNNEncoder or
    SequenceVectorizer. The exported model computes probabilities and labels.

    Raises
    ------
    ImportError
        If ``skl2onnx`` is not installed: ``pip install skl2onnx``.

    Notes
    -----
    The type of the input says what an estimator reads:

    - ``StringTensorType([None])`` or ``StringTensorType([None, 1])``: documents. The model needs ONNX Runtime, and
      ``target_opset`` has to be at least 20. The limits of ``inputs="documents"`` in :func:`to_onnx` apply.
    - ``Int32TensorType([None, None])`` or ``Int64TensorType([None, None])``: token ids.
    - ``FloatTensorType([None, None, n_features])``: numeric sequences of the same length.
      ``FloatTensorType([None, None])``: a univariate series in each row.

    The options of a classifier are ``zipmap``, ``nocl``, ``raw_scores`` and ``output_class_labels``, as for
    scikit-learn's classifiers. The results agree with scikit-learn's to 1e-5 in float32.

    The function also adapts converters of skl2onnx, in this process. Calibration and stacking then accept text and
    token ids, and calibration around a pipeline reads its logits. To calibrate a fitted classifier, use
    ``CalibratedClassifierCV(FrozenEstimator(classifier))``. The function registers a converter for FrozenEstimator
    too, which takes only an RNNTextClassifier or an RNNSequenceClassifier in it.

    Limits of skl2onnx 1.20: VotingClassifier needs ``flatten_transform=False``. CalibratedClassifierCV needs
    ``method="sigmoid"``, because ``"isotonic"`` is only approximate there. Calibrate ``best_estimator_`` of a
    search, and not the search.

    Examples
    --------
    >>> import numpy as np
    >>> from onnxruntime import InferenceSession
    >>> from skl2onnx import to_onnx
    >>> from skl2onnx.common.data_types import StringTensorType
    >>> from sklearn.calibration import CalibratedClassifierCV
    >>> from skrnn import RNNTextClassifier
    >>> from skrnn.export import register_skl2onnx
    >>> register_skl2onnx()
    >>> documents, labels = ["a good film", "a bad film"] * 30, ["pos", "neg"] * 30
    >>> classifier = RNNTextClassifier(units=8, epochs=2, random_state=0)
    >>> calibrated = CalibratedClassifierCV(classifier, cv=2).fit(documents, labels)
    >>> model = to_onnx(
    ...     calibrated,
    ...     initial_types=[("documents", StringTensorType([None]))],
    ...     options={"zipmap": False},
    ... )
    >>> inputs = {"documents": np.array(["a good one", "a bad one"], dtype=object)}
    >>> labels, probabilities = InferenceSession(model.SerializeToString()).run(None, inputs)
    >>> np.allclose(probabilities, calibrated.predict_proba(inputs["documents"]), rtol=0, atol=1e-5)
    True
    """
    check_installed("The export needs", "skl2onnx")
    from skrnn.export import _skl2onnx

    _skl2onnx.register()


def _check_inputs(estimator: Any, inputs: object) -> None:
    if validated("inputs", inputs, [Options(("token_ids", "documents"))]) == "documents":
        if estimator._fitted.network.spec.n_tokens is None:
            raise ValueError(
                "Expected inputs='documents' only for an estimator of text; got it for "
                f"{type(estimator).__name__}. Leave it out."
            )
        check_vectorizer(estimator.vectorizer_)


def _to_model(estimator: Any, inputs: str) -> onnx.ModelProto:
    from skrnn.export import _network, _text
    from skrnn.export._graph import Graph

    network = estimator._fitted.network
    spec, weights = network.spec, network.weights
    graph = Graph(_text.OPSETS if inputs == "documents" else _network.OPSETS)
    if spec.n_tokens is None:
        sequences = graph.input("sequences", np.float32, ("batch", "time", spec.n_features))
        read = _network.read_vectors(graph, sequences, graph.input("lengths", np.int64, ("batch",)))
    elif inputs == "documents":
        read = _text.read_documents(graph, estimator._fitted, graph.input("documents", object, ("batch",)))
    else:
        token_ids = graph.input("token_ids", np.int32, ("batch", "time"))
        read = _network.read_tokens(graph, spec, weights, token_ids)
    logits = _network.add_logits(graph, spec, weights, read)
    if spec.output_activation == "linear":
        values = _network.add_values(graph, logits, estimator.target_scale_, estimator.target_mean_, "values")
        graph.output(values, np.float64, ("batch", spec.n_outputs))
    else:
        classes = _network.to_labels(estimator.classes_)
        probabilities = _network.add_probabilities(graph, spec, logits, "probabilities")
        labels = _network.add_labels(graph, spec, classes, probabilities, "labels")
        graph.output(probabilities, np.float32, ("batch", len(classes)))
        is_multilabel = _network.is_multilabel(spec)
        graph.output(labels, classes.dtype, ("batch", len(classes)) if is_multilabel else ("batch",))
    return graph.to_model(type(estimator).__name__, __version__, _metadata(estimator, spec))


def _metadata(estimator: Any, spec: NetworkSpec) -> dict[str, str]:
    sigmoid = "binary" if spec.n_outputs == 1 else "multilabel"
    metadata = {
        "skrnn_version": __version__,
        "estimator": type(estimator).__name__,
        "task": {"sigmoid": sigmoid, "softmax": "multiclass", "linear": "regression"}[spec.output_activation],
    }
    if hasattr(estimator, "classes_"):
        metadata["classes"] = json.dumps(estimator.classes_.tolist(), default=str)
    if isinstance(getattr(estimator, "vectorizer_", None), SequenceVectorizer):
        # JSON's \u escapes make any token valid UTF-8, which ONNX requires.
        metadata["vocabulary"] = json.dumps(estimator.vectorizer_.get_vocabulary())
    return metadata


def _write(path: str, content: bytes) -> None:
    """Write a file, or leave the old one unchanged. A pipe or a device gets the content."""
    if not os.path.basename(path):
        raise ValueError(f"Expected path to be the name of a file; got {path!r}.")
    try:
        before = os.stat(path)
    except FileNotFoundError:
        before = None
    if before is not None and not stat.S_ISREG(before.st_mode):
        Path(path).write_bytes(content)  # an error for a folder
        return
    if before is not None and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "The file is read-only", path)
    target = os.path.realpath(path)  # of a link, which stays a link
    temporary = Path(target).with_name(f".{uuid.uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            if before is not None:
                _copy_owner_and_mode(before, temporary)
            file.write(content)
        os.replace(temporary, target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from error
    finally:
        temporary.unlink(missing_ok=True)


def _copy_owner_and_mode(source: os.stat_result, path: Path) -> None:
    if hasattr(os, "chown"):
        with suppress(PermissionError):  # only root may give a file away
            os.chown(path, source.st_uid, source.st_gid)
    path.chmod(stat.S_IMODE(source.st_mode))
