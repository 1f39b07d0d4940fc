"""From a setup to a program: lowered, fused, planned, written down and compiled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import deepen.engines.native.rules.all  # noqa: F401  # registers the rules
from deepen.engines.native.augmentation import steps
from deepen.engines.native.compiler import load_program
from deepen.engines.native.emit import NAME, Trainer, emit_program
from deepen.engines.native.fusion import drop_unread, fuse
from deepen.engines.native.graph import Operation
from deepen.engines.native.losses import loss_type
from deepen.engines.native.lowering import lower
from deepen.engines.native.optimizers import Arena, optimizer_type, parameter_table
from deepen.engines.native.plan import Plan
from deepen.engines.native.planner import make_plan
from deepen.engines.native.program import Program
from deepen.engines.setup import Setup
from deepen.errors import UsageError
from deepen.wording import say

TIGHT_CHANNELS = 4
"""Images of so few channels are read as they are: rounded up to vectors they would be mostly holes."""


@dataclass(frozen=True)
class Routine:
    """Something that a program does with a batch."""

    name: str
    training: bool = False
    """Whether layers compute as in training."""
    backward: bool = False
    """Whether gradients of the parameters are computed."""
    input_gradient: bool = False
    """Whether the gradient with respect to the images is computed."""
    watched: tuple[str, ...] = ()
    """The layers whose outputs are handed out: of the network that predicts, softmax included, if nothing else."""


def plan_routine(setup: Setup, routine: Routine) -> Plan:
    """Return the plan of a routine.

    Raises:
        UsageError: the engine has no rule for something in the setup.
    """
    network = setup.loss_network if routine.backward or not routine.watched else setup.network
    graph = lower(setup, network, routine.training, routine.watched)
    watched = [graph.outputs[path] for path in routine.watched]
    ends = [graph.output, *(value for value, _ in graph.sides)]
    drop_unread(graph, [*watched, *(ends if routine.backward or not watched else ())])
    fuse(graph, routine.watched)
    readers = graph.readers(graph.image)
    graph.image.tight = (
        graph.image.maps[0] <= TIGHT_CHANNELS
        and not routine.input_gradient
        and len(readers) == 1
        and isinstance(readers[0], Operation)
    )
    trainable = setup.trainable if routine.backward else ()
    varied = steps(setup) if routine.training else None
    mixtures = None if varied is None else varied.mixtures
    return make_plan(
        routine.name, graph, trainable, routine.backward, routine.input_gradient, routine.watched, mixtures
    )


def source(setup: Setup, routines: Sequence[Routine], name: str = NAME) -> str:
    """Return the text of a program with these routines; programs of several names can be compiled as one.

    Raises:
        UsageError: the engine has no rule for something in the setup.
    """
    outputs = setup.network.output_shape(setup.input_shape)
    if len(outputs) != 1:
        raise UsageError(
            f"the native engine trains networks that give features, but this one gives {outputs}; "
            'use engine="torch" or engine="numpy"'
        )
    # What trains nothing is the same program however training varies the images.
    varied = steps(setup) if any(routine.training for routine in routines) else None
    trainer = Trainer(loss_type(setup.loss), optimizer_type(setup.optimizer), parameter_table(setup), varied)
    offsets = Arena.of({**setup.parameters, **setup.statistics}).offsets
    channels = " × ".join(map(str, setup.input_shape))
    title = f"A network for images of {channels}, {setup.classes} outputs, in {setup.dtype}."
    return emit_program(title, [plan_routine(setup, routine) for routine in routines], offsets, trainer, name)


def build(setup: Setup, routines: Sequence[Routine], threads: int) -> Program:
    """Return a program with these routines, compiled if it has not been before.

    Raises:
        UsageError: the engine has no rule for something in the setup.
        DeepenError: there is no compiler, or it failed.
    """
    library = load_program(source(setup, routines), setup.dtype, say)
    return Program(library, [routine.name for routine in routines], threads)
