"""From plans to the text of a program: short, in the order in which it runs, and made to be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from deepen.engines.native.augmentation import Steps
from deepen.engines.native.graph import Constant, Operation
from deepen.engines.native.plan import Plan
from deepen.engines.native.routine_text import constants_struct, emit_routine

NAME = "network"
"""What the names of a program's functions begin with, where it is alone."""
TRAIN = "train"
"""The routine that a step of the optimizer belongs to, and that varies the images."""


ALGORITHMS = {"Winograd": "winograd.hpp", "WinogradGradient": "winograd_gradient.hpp"}
"""The files of the templates that have what kernels take as an argument."""


@dataclass(frozen=True)
class Trainer:
    """What a program has besides its routines."""

    loss: tuple[str, Mapping[str, Constant]]
    """The C++ type, with `{y}` and `{constants}`, and its constants."""
    optimizer: tuple[str, Mapping[str, Constant]]
    parameters: str
    """The table of the parameters that are trained."""
    steps: Steps | None
    """What varies images; None where they stay as they are."""


def emit_program(
    title: str, plans: Sequence[Plan], offsets: Mapping[str, int], trainer: Trainer, name: str = NAME
) -> str:
    """Return the text of a whole program.

    Args:
        title: one line that says what it is.
        plans: its routines.
        offsets: where each parameter and running statistic lies among the program's numbers.
        trainer: the loss, the optimizer and what else belongs to training.
        name: what its functions' names begin with; programs of several names can be compiled as one source.
    """
    trains = any(plan.name == TRAIN for plan in plans)
    return "\n".join(
        [
            f"// {title}",
            *(f'#include "{header}"' for header in _headers(plans, trainer)),
            "",
            f"namespace deepen::{name} {{",
            "",
            *_loss(trainer),
            *([] if trainer.steps is None else [trainer.steps.text]),
            *(emit_routine(plan, offsets) for plan in plans),
            *(_optimizer(trainer) if trains else []),
            *_entries(name, [plan.name for plan in plans]),
            f"}}  // namespace deepen::{name}",
            "",
        ]
    )


def _headers(plans: Iterable[Plan], trainer: Trainer) -> list[str]:
    """Return the templates' files that the plans need."""
    operations = [item for plan in plans for item in plan.graph.items if isinstance(item, Operation)]
    found = {operation.header for operation in operations}
    algorithms = {algorithm.template for operation in operations for algorithm in operation.algorithms}
    found.update(header for algorithm, header in ALGORITHMS.items() if algorithm in algorithms)
    found.update(() if trainer.steps is None else trainer.steps.headers)
    return sorted(found | {"losses.hpp", "program.hpp", "reshape.hpp", "update_step.hpp"})


def _loss(trainer: Trainer) -> list[str]:
    kernel, constants = trainer.loss
    type_ = kernel.replace("{y}", "Y").replace("{main}", "Main").replace("{constants}", "LossConstants")
    return [
        *constants_struct("LossConstants", constants, "double"),
        "// The loss of outputs in Y; Main says whether they are the network's own, whose hits are counted.",
        "template <class Y, bool Main>",
        f"using LossFor = {type_};",
        "",
    ]


def _optimizer(trainer: Trainer) -> list[str]:
    kernel, constants = trainer.optimizer
    return [
        "namespace trainer {",
        *constants_struct("OptimizerConstants", constants, "double"),
        f"using Optimizer = {kernel.replace('{constants}', 'OptimizerConstants')};",
        "",
        "// Offset, size, factor of the learning rate, weight decay, penalty and its strength, the most that a",
        "// row's norm may be (0: anything), rows, and where these begin.",
        trainer.parameters,
        "}  // namespace trainer",
        "",
    ]


def _entries(program: str, routines: Sequence[str]) -> list[str]:
    """Return the functions that Python calls; it knows routines by their number."""

    def switch(call: str) -> list[str]:
        return [f"  if (routine == {number}) {call.replace('$', name)}" for number, name in enumerate(routines)]

    lines = [
        "struct Program {",
        "  explicit Program(int threads) : pool(threads) {}",
        "  Pool pool;",
        *(f"  {program}::{name}::Run {name}{{pool}};" for name in routines),
        "};",
        "",
        f'extern "C" void* {program}_create(int threads) {{',
        "  try {",
        "    return new Program(threads);",
        "  } catch (const std::exception&) {  // no memory, or no threads",
        "    return nullptr;",
        "  }",
        "}",
        "",
        f'extern "C" void {program}_destroy(Program* program) {{ delete program; }}',
        "",
        *_entry(
            f"{program}_pack(Program* program, int routine, const real* numbers)",
            [
                *switch("program->pool.run([&](int thread) { $::pack_all(program->$, thread, numbers); });"),
                "  return 1;",
            ],
        ),
        *_entry(
            f"{program}_compute(Program* program, int routine, Arguments* arguments)",
            [*switch("return $::compute(program->$, *arguments);"), "  return 0;"],
        ),
    ]
    if TRAIN in routines:
        body = [
            "  const Table table{trainer::parameters.data(), int(trainer::parameters.size())};",
            "  make_update<trainer::Optimizer>(program->pool, table, *update, [&](int thread) {",
            "    train::pack_all(program->train, thread, update->numbers);",
            "  });",
            "  return 1;",
        ]
        lines += _entry(f"{program}_update(Program* program, Update* update)", body)
    return lines


def _entry(signature: str, body: Iterable[str]) -> list[str]:
    """Return a function that gives 0 where memory or threads are lacking; Python knows no exceptions of C++."""
    return [
        f'extern "C" int {signature} {{',
        "  try {",
        *(f"  {line}" for line in body),
        "  } catch (const std::exception&) {",
        "    return 0;",
        "  }",
        "}",
        "",
    ]
