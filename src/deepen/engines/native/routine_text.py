"""One routine of a program as text: its kernels, its memory, and its stages in the order in which they run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from deepen.engines.native.graph import Constant
from deepen.engines.native.plan import Cell, Kernel, Plan, Stage
from deepen.paths import join

CACHE_NUMBERS = 100_000
"""So many numbers of scratch are a thread's at a time; what is left of its cache is for the weights."""
MOST_IMAGES = 16
"""No more images than these go through a stage together."""


def emit_routine(plan: Plan, offsets: Mapping[str, int]) -> str:
    """Return the text of one routine, a namespace of its own."""
    return "\n".join(
        [
            f"namespace {plan.name} {{",
            "",
            *_kernels(plan.kernels),
            *_memory(plan, offsets),
            *_stages(plan),
            *_pack(plan),
            *_unpack(plan),
            *_compute(plan),
            f"}}  // namespace {plan.name}",
            "",
        ]
    )


def _kernels(kernels: Sequence[Kernel]) -> list[str]:
    structs = {kernel.constants: kernel.operation.constants for kernel in kernels if kernel.constants}
    return [
        *(line for name, constants in structs.items() for line in constants_struct(name, constants)),
        *(f"using {kernel.type} = {kernel.kernel};" for kernel in kernels),
        "",
    ]


def _memory(plan: Plan, offsets: Mapping[str, int]) -> list[str]:
    """Return where the kernels' arrays lie: packed weights, sums of gradients, statistics of the batch."""
    own = [kernel for kernel in plan.kernels if kernel.packs]
    batchwise = [kernel for kernel in plan.kernels if kernel.batchwise]
    lines = ["// Where each kernel's arrays begin among the numbers of the program."]
    for kernel in plan.kernels:
        if kernel.operation.parameters:
            at = ", ".join(str(offsets[path]) for path in kernel.operation.parameters)
            lines.append(f"constexpr Count {kernel.name}_at[] = {{{at}}};")
        if kernel.batchwise:
            running = (join(kernel.operation.path, name) for name in ("running_mean", "running_variance"))
            at = ", ".join(str(offsets[path]) for path in running)
            lines.append(f"constexpr Count {kernel.name}_running[] = {{{at}}};")
    both = [(k.name, k.type) for k in batchwise]
    moments = [f"Numbers<double, {type_}::moments> {name}" for name, type_ in both]
    backward = (
        [f"Numbers<double, {type_}::back_sums> {name}_back" for name, type_ in both] if plan.backward else []
    )
    return [
        *lines,
        "",
        *struct("Weights", [f"Numbers<real, {k.type}::weights> {k.name}" for k in own]),
        *struct("Sums", [f"Numbers<real, {k.type}::sums> {k.name}" for k in own] if plan.backward else []),
        *struct("Batchwise", [*moments, *backward]),
        *struct("Coefficients", [f"Numbers<real, {type_}::coefficients> {name}" for name, type_ in both]),
        "using Run = Routine<Weights, Sums, Batchwise, Coefficients>;",
        "",
    ]


def _stages(plan: Plan) -> list[str]:
    stored = [cell for cell in plan.cells if len(plan.stages_of(cell)) > 1]
    lines = _stored_slots(plan, stored)
    for number, stage in enumerate(plan.stages):
        lines += _stage(plan, number, stage, stored)
    per_thread = [f"stage{number + 1}::numbers" for number in range(len(plan.stages))]
    return [*lines, f"constexpr Count per_thread = most({{{', '.join(per_thread)}}});", ""]


def _stored_slots(plan: Plan, stored: list[Cell]) -> list[str]:
    """Share memory between stored cells whose stages do not overlap."""
    slots = _share([(cell, plan.stages_of(cell)[0], plan.stages_of(cell)[-1]) for cell in stored])
    lines = [
        "// What outlives its stage is stored for all images of the batch; cells share memory one after another."
    ]
    end = "0"
    for number, cells in enumerate(slots, 1):
        for cell in cells:
            lines.append(f"constexpr Count {cell.name}_stored = {end};")
        size = ", ".join(dict.fromkeys(cell.size for cell in cells))
        lines.append(f"constexpr Count stored_{number} = {end} + in_vectors(most({{{size}}}));")
        end = f"stored_{number}"
    return [*lines, f"constexpr Count per_image = {end};", ""]


def _share(lives: list[tuple[Cell, int, int]]) -> list[list[Cell]]:
    """Put cells into slots, so that no two of a slot live at the same time; of free slots the best filled one."""
    slots: list[tuple[list[Cell], int]] = []
    for cell, begin, end in sorted(lives, key=lambda life: life[1]):
        free = [i for i, (_, last) in enumerate(slots) if last < begin]
        if free:
            best = min(free, key=lambda i: abs(slots[i][0][0].numbers - cell.numbers))
            slots[best][0].append(cell)
            slots[best] = (slots[best][0], end)
        else:
            slots.append(([cell], end))
    return [cells for cells, _ in slots]


def _stage(plan: Plan, number: int, stage: Stage, stored: list[Cell]) -> list[str]:
    """Return the constants of a stage, and the function that takes a thread's images through it."""
    own = list(dict.fromkeys(cell for call in stage.calls for cell in call.cells))
    scratch = [cell for cell in own if cell not in stored]
    uses = {cell: [i for i, call in enumerate(stage.calls) if cell in call.cells] for cell in scratch}
    slots = _share([(cell, uses[cell][0], uses[cell][-1]) for cell in scratch])
    group = _group(slots)
    inside = [f"constexpr int group = {group};"]
    end, places = "0", {}
    for place, cells in enumerate(slots, 1):
        places.update({cell.name: end for cell in cells})
        size = ", ".join(dict.fromkeys(cell.size for cell in cells))
        inside.append(f"constexpr Count slot{place} = {end} + in_vectors(group * most({{{size}}}));")
        end = f"slot{place}"
    most = ", ".join(dict.fromkeys(call.work for call in stage.calls))
    inside.append(f"constexpr Count numbers = {end} + in_vectors(most({{{most}}}));")
    name = f"stage{number + 1}"
    return [
        f"namespace {name} {{",
        *inside,
        f"}}  // namespace {name}",
        f"static void run_{name}(Run& run, int thread) {{",
        f"  using namespace {name};",
        "  real* const scratch = run.scratch(thread);",
        *(f"  real* const {cell.name} = scratch + {places[cell.name]};" for cell in scratch),
        "  const auto [begin, end] = share(run.batch(), thread, run.pool.threads());",
        "  for (Count first = begin; first < end; first += group) {",
        f"    const Pass pass = run.pass(thread, first, std::min<Count>(first + group, end), scratch + {end});",
        *(
            f"    real* const {cell.name} = run.stored + run.batch() * {cell.name}_stored + first * ({cell.size});"
            for cell in own
            if cell in stored
        ),
        *(f"    {call.code}" for call in stage.calls),
        "  }",
        "}",
        "",
    ]


def _group(slots: list[list[Cell]]) -> int:
    """Return how many images go through a stage together: as many as the cache holds."""
    numbers = sum(max(cell.numbers for cell in cells) for cells in slots)
    return max(1, min(MOST_IMAGES, CACHE_NUMBERS // max(1, numbers)))


def _pack(plan: Plan) -> list[str]:
    """Return the function that packs what is a thread's turn."""
    parameters = ", ".join(
        f"[[maybe_unused]] {name}" for name in ("Run& run", "int thread", "const real* numbers")
    )
    calls = [
        f"  if (run.turn(thread, {turn})) pack<{k.type}>(numbers, {k.name}_at, {k.weights});"
        for turn, k in enumerate(k for k in plan.kernels if k.packs)
    ]
    return [f"static void pack_all({parameters}) {{", *calls, "}", ""]


def _unpack(plan: Plan) -> list[str]:
    """Return the function that unpacks the sums of gradients that are a thread's turn."""
    if not plan.backward:
        return []
    parameters = ", ".join(f"[[maybe_unused]] {name}" for name in ("Run& run", "int thread", "real* gradients"))
    calls = [
        f"  if (run.turn(thread, {turn})) unpack<{k.type}>(run.sums(0).{k.name}, {k.name}_at, gradients);"
        for turn, k in enumerate(k for k in plan.kernels if k.packs)
    ]
    return [f"static void unpack_all({parameters}) {{", *calls, "}", ""]


def _compute(plan: Plan) -> list[str]:
    lines = []
    for number, (stage, following) in enumerate(pairwise([*plan.stages, None]), 1):
        assert stage is not None
        lines.append(f"    run_stage{number}(run, thread);")
        if following is not None:
            finish = "\n".join(f"      {line}" for line in stage.finish)
            lines += [
                "    run.pool.barrier();",
                f"    if (thread == 0) {{\n{finish}\n    }}",
                "    run.pool.barrier();",
            ]
    if plan.backward:
        lines += [
            "    run.pool.barrier();",
            "    run.reduce(thread);",
            "    run.pool.barrier();",
            "    unpack_all(run, thread, arguments.gradients);",
        ]
    per_row = plan.graph.output.shape[0] if plan.mixes else 0
    return [
        "static bool compute(Run& run, Arguments& arguments) {",
        f"  if (!run.begin(arguments, per_image, per_thread, {per_row})) return false;",
        "  run.pool.run([&](int thread) {",
        "    run.begin_thread(thread);",
        *lines,
        "  });",
        "  run.finish();",
        "  return true;",
        "}",
    ]


def constants_struct(name: str, constants: Mapping[str, Constant], number: str = "real") -> list[str]:
    """Return a struct of constants of one type of numbers, or nothing where there are none."""
    members = []
    for member, value in constants.items():
        several = isinstance(value, tuple)
        numbers = f"{{{', '.join(map(repr, value))}}}" if isinstance(value, tuple) else repr(value)
        members.append(f"static constexpr {number} {member}{'[]' if several else ''} = {numbers}")
    return struct(name, members) if members else []


def struct(name: str, members: Iterable[str]) -> list[str]:
    """Return a struct with these members."""
    return [f"struct {name} {{", *(f"  {member};" for member in members), "};"]
