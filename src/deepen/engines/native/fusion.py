"""Joining operations that one kernel can do together, so that what lies between them is never written."""

from __future__ import annotations

from collections.abc import Collection

from deepen.engines.native.graph import Graph, Item, Operation, Sum, Value

RELU = "Pointwise<{x}, {y}, ReLU>"
POOLING = "MaxPooling<{x}, {y}, Window<2, 2, 2, 2, 1, 1, 0, 0>>"


def fuse(graph: Graph, watched: Collection[str] = ()) -> None:
    """Join what can be joined in a graph, and leave alone what the layers at `watched` give.

    A ReLU goes into the kernel before it where that has a place for it, a pooling of 2×2 into the convolution
    before it, and the sum of a residual block into the normalization at the end of its body.
    """
    kept = {id(graph.outputs[path]) for path in watched}
    for join in (_relu, _pooling, _sum, _relu):
        for item in list(graph.items):
            if isinstance(item, Operation) and not graph.is_end(item.y) and id(item.y) not in kept:
                readers = graph.readers(item.y)
                if len(readers) == 1:
                    join(graph, item, readers[0])


def _relu(graph: Graph, operation: Operation, reader: Item) -> None:
    takes = "{relu}" in operation.kernel and not operation.relu
    if takes and isinstance(reader, Operation) and reader.kernel == RELU:
        operation.relu = True
        _absorb(graph, operation, reader)


def _pooling(graph: Graph, operation: Operation, reader: Item) -> None:
    """Pool within the convolution: the full map of a window of stride 1 is never stored."""
    if not (isinstance(reader, Operation) and reader.kernel == POOLING):
        return
    if pooled := operation.pooled:
        operation.kernel, operation.header, operation.algorithms = pooled.kernel, pooled.header, pooled.algorithms
        operation.pooled, operation.keeps = None, True
        _absorb(graph, operation, reader)


def _sum(graph: Graph, operation: Operation, reader: Item) -> None:
    """Add within a batch normalization, which then comes where the sum was: what is added has to be there."""
    if not (isinstance(reader, Sum) and len(reader.inputs) == 2 and operation.batchwise and not operation.relu):
        return
    others = [value for value in reader.inputs if value is not operation.y]
    if operation.added is None and len(others) == 1:
        operation.added = others[0]
        graph.items.remove(operation)
        graph.items.insert(graph.items.index(reader), operation)
        _absorb(graph, operation, reader)


def _absorb(graph: Graph, operation: Operation, reader: Item) -> None:
    """Let an operation give what its reader gave."""
    operation.y = reader.y
    graph.items.remove(reader)


def drop_unread(graph: Graph, wanted: list[Value]) -> None:
    """Take out what nobody reads, such as the layers behind the last one that is looked at."""
    needed = {id(value) for value in wanted}
    kept: list[Item] = []
    for item in reversed(graph.items):
        if id(item.y) in needed:
            needed.update(id(value) for value in item.inputs)
            kept.append(item)
    graph.items[:] = reversed(kept)
