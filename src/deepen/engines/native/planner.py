"""From a graph to a plan: the way forth, the losses, and the way back, call by call."""

from __future__ import annotations

import re
from collections.abc import Collection

from deepen.engines.native.graph import Concatenation, Graph, Item, Operation, Sum, Value
from deepen.engines.native.plan import Call, Cell, Kernel, Plan, Stage, type_name


def make_plan(
    name: str,
    graph: Graph,
    trainable: Collection[str],
    backward: bool,
    input_gradient: bool = False,
    watched: Collection[str] = (),
    mixtures: int | None = None,
) -> Plan:
    """Plan a routine.

    Args:
        name: of the routine.
        graph: what it computes.
        trainable: the paths of parameters whose gradients are wanted.
        backward: whether there is a way back from the losses.
        input_gradient: whether the gradient with respect to the images is wanted.
        watched: the paths of layers whose outputs are handed out.
        mixtures: how many times images are mixed; None where they are not varied at all.
    """
    return _Planner(graph, set(trainable), input_gradient).plan(name, backward, watched, mixtures)


class _Planner:
    def __init__(self, graph: Graph, trainable: set[str], input_gradient: bool) -> None:
        self.graph, self.trainable, self.input_gradient = graph, trainable, input_gradient
        self.names = _names(graph.items)
        operations = [item for item in graph.items if isinstance(item, Operation)]
        structs = dict.fromkeys(repr(operation.constants) for operation in operations if operation.constants)
        constants = {text: f"Constants{number}" for number, text in enumerate(structs, 1)}
        self.stages = [Stage()]
        self.values: dict[int, Cell] = {id(graph.image): _cell("image", graph.image.type, graph.image)}
        self.kept: dict[int, Cell | None] = {}
        self.gradients: dict[int, Cell] = {}
        self.learns = self._learns()
        self.kernels = [
            Kernel(
                self.names[id(operation)],
                operation,
                returns=self.learns[id(operation.x)],
                learns=not self.trainable.isdisjoint(operation.parameters),
                constants=constants.get(repr(operation.constants), ""),
            )
            for operation in operations
        ]
        self.kernel_of = {id(kernel.operation): kernel for kernel in self.kernels}
        self.normalized = {id(k.operation.y): k for k in self.kernels if k.batchwise}
        self.made_in: dict[int, int] = {}
        self.again: dict[tuple[int, int], Cell] = {}
        self.fresh = 0

    def plan(self, name: str, backward: bool, watched: Collection[str], mixtures: int | None) -> Plan:
        graph = self.graph
        self.load(mixtures)
        for item in graph.items:
            self.forward(item)
        for number, path in enumerate(watched):
            value = graph.outputs[path]
            cell = self.values[id(value)]
            self.call(f"run.hand_out<{value.type}>(pass, {cell.name}, run.given->watched[{number}]);", cell)
        if not backward:
            if not watched:
                self.hand_out_output()
        else:
            self.losses()
            for item in reversed(graph.items):
                self.backward(item)
            if self.input_gradient and id(graph.image) in self.gradients:
                cell = self.gradients[id(graph.image)]
                code = f"run.hand_out<{graph.image.gradient_type}>(pass, {cell.name}, run.given->input_gradient);"
                self.call(code, cell)
        return Plan(name, graph, self.kernels, self.stages, backward, bool(mixtures))

    def load(self, mixtures: int | None) -> None:
        """Load the images; they are varied unless `mixtures` is None, and mixed so many times."""
        type_, image = self.graph.image.type, self.values[id(self.graph.image)]
        if mixtures is None:
            code = f"load<{type_}>(pass, run.source(), {image.name});"
            self.call(code, image)
            return
        canvas = "augmentation::Image"
        if mixtures == 0:
            code = f"load_varied<{type_}, {canvas}, augmentation::vary_0>(pass, run.source(), {image.name});"
            self.call(code, image, work=f"{canvas}::scratch")
            return
        before = _cell("varied", canvas, self.graph.image)
        code = f"begin_mixing<{canvas}, augmentation::vary_0>(pass, run.source(), {before.name});"
        self.call(code, before, work=f"{canvas}::scratch")
        classes = self.graph.output.shape[0]
        for number in range(mixtures):
            self.barrier(f"run.begin_mixture({number});")
            after = _cell(f"mixed_{number}", canvas, self.graph.image)
            rows = f"run.rows_before({number}), {classes}, run.mixed_rows"
            functions = f"augmentation::mix_{number}, augmentation::vary_{number + 1}"
            code = f"mix_on<{canvas}, {functions}>(pass, run.source(), {before.name}, {rows}, {after.name});"
            self.call(code, before, after, work=f"{canvas}::scratch")
            before = after
        self.call(f"end_mixing<{type_}, {canvas}>(pass, {before.name}, {image.name});", before, image)

    def hand_out_output(self) -> None:
        value = self.graph.output
        cell = self.values[id(value)]
        self.call(f"run.hand_out<{value.type}>(pass, {cell.name}, run.given->outputs);", cell)

    def call(self, code: str, *cells: Cell | None, work: str = "0") -> None:
        self.stages[-1].calls.append(Call(code, tuple(cell for cell in cells if cell is not None), work))

    def barrier(self, finish: str) -> None:
        """End the stage: all threads wait until one of them has done this."""
        self.stages[-1].finish.append(finish)
        self.stages.append(Stage())

    # The way forth.

    def forward(self, item: Item) -> None:
        name = self.names[id(item)]
        inputs = [self.values[id(value)] for value in item.inputs]
        y = self.values[id(item.y)] = _cell(f"{name}_y", item.y.type, item.y)
        if isinstance(item, Sum):
            self.add_up(item.inputs, inputs, item.y.type, y)
        elif isinstance(item, Concatenation):
            self.call(f"clear_rest<{item.y.type}>(pass, {y.name});", y)
            for value, cell, first in zip(item.inputs, inputs, _offsets(item), strict=True):
                self.call(
                    f"Place<{value.type}, {item.y.type}, {first}>::forward(pass, {cell.name}, {y.name});", cell, y
                )
        else:
            self.forward_kernel(self.kernel_of[id(item)], inputs, y)

    def forward_kernel(self, kernel: Kernel, inputs: list[Cell], y: Cell) -> None:
        name, type_, x = kernel.name, kernel.type, inputs[0]
        if kernel.batchwise:
            self.call(f"{type_}::moments_of(pass, {x.name}, run.batchwise(thread).{name});", x)
            self.barrier(
                f"finish<{type_}>(run, &Batchwise::{name}, {name}_at, {name}_running, run.coefficients.{name});"
            )
            self.normalize(kernel, inputs, y)
            self.made_in[id(kernel.operation.y)] = len(self.stages)
            return
        kept = self.kept[id(kernel)] = self.room_for_kept(kernel) if kernel.keeps else None
        rest = f"{kernel.weights}, {_bytes(kept)}"
        self.call(f"{type_}::forward(pass, {x.name}, {y.name}, {rest});", x, y, kept, work=kernel.work)

    def room_for_kept(self, kernel: Kernel) -> Cell:
        # A byte for each number of y is the most that kernels keep.
        about = kernel.operation.y.numbers // 4
        return Cell(f"{kernel.name}_kept", f"room_for({kernel.type}::kept)", about)

    def normalize(self, kernel: Kernel, inputs: list[Cell], y: Cell) -> None:
        added, coefficients = kernel.operation.added, f"run.coefficients.{kernel.name}"
        if added is None:
            self.call(f"{kernel.type}::forward(pass, {inputs[0].name}, {y.name}, {coefficients});", inputs[0], y)
        else:
            x, other = inputs
            arguments = f"pass, {x.name}, {other.name}, {y.name}, {coefficients}"
            self.call(f"{kernel.type}::forward_add<{added.type}>({arguments});", x, other, y)

    def add_up(self, values: tuple[Value, ...], cells: list[Cell], type_: str, y: Cell) -> None:
        before, before_type = cells[0], values[0].type
        for value, cell in zip(values[1:], cells[1:], strict=True):
            code = (
                f"Add<{before_type}, {value.type}, {type_}>::forward(pass, {before.name}, {cell.name}, {y.name});"
            )
            self.call(code, before, cell, y)
            before, before_type = y, type_

    # The losses, and the way back.

    def losses(self) -> None:
        ends = [
            (self.graph.output, 1.0, "true"),
            *((value, weight, "false") for value, weight in self.graph.sides),
        ]
        for value, weight, main in ends:
            cell = self.values[id(value)]
            gradient = self.new_gradient(value) if self.learns[id(value)] else None
            at = "nullptr" if gradient is None else gradient.name
            rest = f"run.targets(), {at}, {weight!r}, run.tally(thread)"
            self.call(f"LossFor<{value.type}, {main}>::run(pass, {cell.name}, {rest});", cell, gradient)
            if gradient is not None:
                self.contribute(value, gradient)

    def new_gradient(self, value: Value) -> Cell:
        self.fresh += 1
        return _cell(f"d{self.fresh}", value.gradient_type, value)

    def contribute(self, value: Value, gradient: Cell) -> None:
        """Add to what is known of the gradient with respect to a value; what was there before is not changed."""
        before = self.gradients.get(id(value))
        if before is not None:
            type_ = value.gradient_type
            code = (
                f"Add<{type_}, {type_}, {type_}>::forward(pass, {before.name}, {gradient.name}, {gradient.name});"
            )
            self.call(code, before, gradient)
        self.gradients[id(value)] = gradient

    def backward(self, item: Item) -> None:
        dy = self.gradients.get(id(item.y))
        if dy is None:
            return
        if isinstance(item, Sum):
            for value in item.inputs:
                if self.learns[id(value)]:
                    self.contribute_shared(value, dy)
        elif isinstance(item, Concatenation):
            for value, first in zip(item.inputs, _offsets(item), strict=True):
                if self.learns[id(value)]:
                    dx = self.new_gradient(value)
                    types = f"{value.gradient_type}, {item.y.gradient_type}, {first}"
                    self.call(f"Place<{types}>::backward(pass, {dy.name}, {dx.name});", dy, dx)
                    self.contribute(value, dx)
        else:
            self.backward_kernel(self.kernel_of[id(item)], dy)

    def contribute_shared(self, value: Value, gradient: Cell) -> None:
        """Add a gradient that others read too: what is added to it needs room of its own."""
        before = self.gradients.get(id(value))
        if before is None:
            self.gradients[id(value)] = gradient
            return
        type_, both = value.gradient_type, self.new_gradient(value)
        code = f"Add<{type_}, {type_}, {type_}>::forward(pass, {before.name}, {gradient.name}, {both.name});"
        self.call(code, before, gradient, both)
        self.gradients[id(value)] = both

    def backward_kernel(self, kernel: Kernel, dy: Cell) -> None:
        operation, type_ = kernel.operation, kernel.type
        if not self.learns[id(operation.y)]:
            return
        if kernel.batchwise:
            self.backward_batchwise(kernel, dy)
            return
        x = self.at_hand(operation.x) if "x" in operation.reads else None
        y = self.at_hand(operation.y) if "y" in operation.reads else None
        dx = self.new_gradient(operation.x) if self.learns[id(operation.x)] else None
        at_x, at_y, at_dx = ("nullptr" if cell is None else cell.name for cell in (x, y, dx))
        kept = self.kept[id(kernel)]
        arguments = f"pass, {at_x}, {at_y}, {dy.name}, {at_dx}, {kernel.weights}, {_bytes(kept)}, {kernel.sums}"
        self.call(f"{type_}::backward({arguments});", x, y, dy, dx, kept, work=kernel.work)
        if dx is not None:
            self.contribute(operation.x, dx)

    def at_hand(self, value: Value) -> Cell:
        """Return a value for the way back.

        What a batch normalization made of its input is made again in the stage that reads it: that takes less
        time than to store it for all images. What was added to it would have to be read too, and then it does not.
        """
        kernel, here = self.normalized.get(id(value)), len(self.stages)
        if kernel is None or kernel.operation.added is not None or self.made_in[id(value)] == here:
            return self.values[id(value)]
        if (id(value), here) not in self.again:
            cell = self.again[id(value), here] = _cell(f"{kernel.name}_again{here}", value.type, value)
            self.normalize(kernel, [self.values[id(kernel.operation.x)]], cell)
        return self.again[id(value), here]

    def backward_batchwise(self, kernel: Kernel, dy: Cell) -> None:
        """Gather the sums of all images, then compute the gradients from them."""
        operation, name, type_ = kernel.operation, kernel.name, kernel.type
        x = self.values[id(operation.x)]
        # x alone tells where the ReLU let something through, unless something was added.
        y = self.values[id(operation.y)] if operation.relu and operation.added is not None else None
        dx = self.new_gradient(operation.x)
        arguments = f"pass, {x.name}, {'nullptr' if y is None else y.name}, {dy.name}"
        coefficients = f"run.coefficients.{name}"
        self.call(f"{type_}::gather({arguments}, {coefficients}, run.batchwise(thread).{name}_back);", x, y, dy)
        pixels = operation.x.maps[1] * operation.x.maps[2]
        self.barrier(f"finish_back<{type_}>(run, &Batchwise::{name}_back, {name}_at, {pixels}, {coefficients});")
        other, rest = None, f"{dx.name}, {coefficients}"
        if operation.added is not None and self.learns[id(operation.added)]:
            other = self.new_gradient(operation.added)
            rest += f", {other.name}"
        self.call(f"{type_}::backward({arguments}, {rest});", x, y, dy, dx, other)
        if self.learns[id(operation.x)]:
            self.contribute(operation.x, dx)
        if operation.added is not None and other is not None:
            self.contribute(operation.added, other)

    def _learns(self) -> dict[int, bool]:
        """Return which values depend on something whose gradient is wanted."""
        found = {id(self.graph.image): self.input_gradient}
        for item in self.graph.items:
            own = isinstance(item, Operation) and not self.trainable.isdisjoint(item.parameters)
            found[id(item.y)] = own or any(found[id(value)] for value in item.inputs)
        return found


def _bytes(kept: Cell | None) -> str:
    return "nullptr" if kept is None else f"bytes({kept.name})"


def _cell(name: str, type_: str, value: Value) -> Cell:
    return Cell(name, f"{type_}::size", value.numbers)


def _offsets(item: Concatenation) -> list[int]:
    """Return the channel at which each input begins."""
    found = [0]
    for value in item.inputs[:-1]:
        found.append(found[-1] + value.maps[0])
    return found


def _names(items: list[Item]) -> dict[int, str]:
    """Return a C++ name for each item: its layer's path, with a number where a layer has several."""
    names: dict[int, str] = {}
    # Types of the templates, and of the constants; all others end otherwise.
    taken = {"L1", "L2", *(f"Constants{number}" for number, _ in enumerate(items, 1))}
    for item in items:
        stem = re.sub(r"\W", "_", item.path, flags=re.ASCII).strip("_")
        stem = stem[0].lower() + stem[1:] if stem[:1].isalpha() else f"layer{stem}"
        # A word of the language would not do as a name, and some words end in a number.
        name, number = stem if stem[-1].isdigit() else f"{stem}_", 1
        while type_name(name) in taken:
            number += 1
            name = f"{stem}_{number}"
        taken.add(type_name(name))
        names[id(item)] = name
    return names
