"""A builder of ONNX graphs: each call adds a node and returns the name of its output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import DTypeLike

# The name of a value in a graph: an input, or the output of a node.
Value = str

# An input of a node. Arrays and numbers become constants; Python's integers become int64.
Input = Value | np.ndarray | np.generic | int | list[int]

Dimensions = Sequence[str | int | None]


class Graph:
    """Nodes and constants in the order in which they are added.

    Parameters
    ----------
    opsets : mapping of str to int
        Version of the operators of each domain. The domain of ONNX itself is "".
    prefix : str, default=""
        Begins the name of each value.
    """

    def __init__(self, opsets: Mapping[str, int], prefix: str = "") -> None:
        self._opsets = opsets
        self._prefix = prefix
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._declarations: list[onnx.ValueInfoProto] = []

    def input(self, name: str, dtype: DTypeLike, shape: Dimensions) -> Value:
        """Add an input of the graph."""
        self._inputs.append(_value_info(self._prefix + name, dtype, shape))
        return self._prefix + name

    def output(self, value: Value, dtype: DTypeLike, shape: Dimensions) -> None:
        """Make a value an output of the graph."""
        self._outputs.append(_value_info(value, dtype, shape))

    def add(self, operator: str, *inputs: Input, output: Value | None = None, **attributes: Any) -> Value:
        """Add a node with one output. Return the name of the output."""
        name = self._node_name(operator)
        self._add_node(operator, name, inputs, [output or name], attributes)
        return output or name

    def add_multiple(self, operator: str, *inputs: Input, n_outputs: int, **attributes: Any) -> list[Value]:
        """Add a node with several outputs. Return their names."""
        name = self._node_name(operator)
        outputs = [f"{name}_{i}" for i in range(n_outputs)]
        self._add_node(operator, name, inputs, outputs, attributes)
        return outputs

    def cast(self, value: Value, dtype: DTypeLike, output: Value | None = None) -> Value:
        """Convert a value to another type."""
        return self.add("Cast", value, output=output, to=_element_type(dtype))

    def max(self, value: Value, axis: int) -> Value:
        """Take the maximum along an axis, and drop the axis."""
        if self._opsets[""] < 18:
            return self.add("ReduceMax", value, axes=[axis], keepdims=0)
        return self.add("ReduceMax", value, [axis], keepdims=0)

    def declare(self, value: Value, dtype: DTypeLike) -> None:
        """Declare the type of an output whose operator is not part of ONNX.

        Without the type, ONNX may crash when it checks the model.
        """
        self._declarations.append(_value_info(value, dtype, None))

    def loop(self, n_steps: Input | None = None) -> Loop:
        """Begin a loop. Without ``n_steps``, a condition ends it."""
        return Loop(self, self._opsets, f"{self._prefix}{len(self._nodes)}_", n_steps)

    def to_model(self, name: str, version: str, metadata: dict[str, str]) -> onnx.ModelProto:
        """Return the model that consists of this graph."""
        opsets = [onnx.helper.make_opsetid(domain, version) for domain, version in self._opsets.items()]
        model = onnx.helper.make_model(
            self.to_proto(name),
            producer_name="skrnn",
            producer_version=version,
            opset_imports=opsets,
            # The oldest format that has these operators, for old runtimes.
            ir_version=onnx.helper.find_min_ir_version_for(opsets, ignore_unknown=True),
        )
        onnx.helper.set_model_props(model, metadata)
        return model

    def to_proto(self, name: str) -> onnx.GraphProto:
        """Return this graph."""
        return onnx.helper.make_graph(
            self._nodes, name, self._inputs, self._outputs, self._constants, value_info=self._declarations
        )

    def _node_name(self, operator: str) -> str:
        return f"{self._prefix}{operator}_{len(self._nodes)}"

    def _add_node(
        self, operator: str, name: str, inputs: Sequence[Input], outputs: list[Value], attributes: dict[str, Any]
    ) -> None:
        names = [value if isinstance(value, str) else self._constant(value) for value in inputs]
        self._nodes.append(onnx.helper.make_node(operator, names, outputs, name=name, **attributes))

    def _constant(self, value: np.ndarray | np.generic | int | list[int]) -> Value:
        name = f"{self._prefix}constant_{len(self._constants)}"
        dtype = np.int64 if isinstance(value, int | list) else None
        self._constants.append(onnx.numpy_helper.from_array(np.asarray(value, dtype, order="C"), name))
        return name


class Loop(Graph):
    """The body of a loop. It reads values of the outer graph and updates states of shape (n, m).

    Call ``state`` for each state, add the nodes of one step, and call ``run``.
    """

    def __init__(self, outer: Graph, opsets: Mapping[str, int], prefix: str, n_steps: Input | None) -> None:
        super().__init__(opsets, prefix)
        self._outer = outer
        # Some tools refuse nodes in which an input is left out: run practically without end.
        self._n_steps = int(np.iinfo(np.int64).max) if n_steps is None else n_steps
        self._dtypes: dict[Value, DTypeLike] = {}
        self._initial: list[Input] = []
        self.step = self.input("step", np.int64, ())
        self._is_running = self.input("is_running", np.bool_, ())

    def state(self, name: str, dtype: DTypeLike, initial: Input) -> Value:
        """Add a state. Return its value before a step."""
        value = self.input(name, dtype, (None, None))
        self._dtypes[value] = dtype
        self._initial.append(initial)
        return value

    def run(self, updated: Mapping[Value, Value], go_on: Value | None = None) -> list[Value]:
        """Add the loop to the outer graph.

        Parameters
        ----------
        updated : mapping of str to str
            The value of each state after a step.
        go_on : str or None, default=None
            A value that is False after the last step. None runs all steps.

        Returns
        -------
        states : list of str
            The values after the loop, in the order in which the states were added.
        """
        self.output(go_on or self.add("Identity", self._is_running), np.bool_, ())
        for state, dtype in self._dtypes.items():
            self.output(updated[state], dtype, (None, None))
        return self._outer.add_multiple(
            "Loop",
            self._n_steps,
            np.True_,
            *self._initial,
            n_outputs=len(self._initial),
            body=self.to_proto("step"),
        )


def _value_info(value: Value, dtype: DTypeLike, shape: Dimensions | None) -> onnx.ValueInfoProto:
    return onnx.helper.make_tensor_value_info(value, _element_type(dtype), shape)


def _element_type(dtype: DTypeLike) -> int:
    return onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
