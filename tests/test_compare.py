"""Networks side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from deepen import Model, engines, models
from deepen.arrays import Array
from deepen.engines import Setup
from deepen.errors import UnknownNameError, UsageError
from deepen.inspect import timing
from deepen.inspect.arithmetic import ReceptiveField
from deepen.inspect.compare import Compared, as_table, compare
from deepen.layers import Dense, Flatten
from deepen.models import Accuracy
from networks import INPUT_SHAPE, NETWORKS


def own(name: str = "own", **figures: Any) -> Model:
    model = Model([Flatten(), Dense(3)], (1, 4, 5), name=name)
    model.figures = figures
    return model


def test_models_by_name_have_what_their_paper_reports() -> None:
    found = compare("resnet20", "plain20")
    field = ReceptiveField((81, 81), (4, 4), (-40, -40))
    resnet, plain = found.networks
    assert (resnet.name, resnet.input_shape) == ("resnet20", (3, 32, 32))
    assert (resnet.parameters, resnet.multiply_adds) == (269_722, 40_551_040)
    assert (resnet.receptive_field, resnet.seconds) == (field, None)
    assert (resnet.accuracy, resnet.source) == (Accuracy(91.25, "CIFAR-10"), "paper")
    assert (plain.accuracy, plain.source) == (None, None)
    assert repr(found) == "<Comparison of resnet20, plain20>"


def test_trained_models_have_what_was_measured() -> None:
    trained, fresh = compare(own(test_accuracy=0.98684, data="digits"), own("fresh")).networks
    measured = Accuracy(98.68, "digits")
    assert trained == Compared("own", (1, 4, 5), 63, 60, 92, None, measured, "measured")
    assert (fresh.name, fresh.accuracy, fresh.source) == ("fresh", None, None)


def test_the_table() -> None:
    text = str(compare("lenet5", own(test_accuracy=0.5, data="digits")))
    head, lenet5, mine = [
        [cell.strip() for cell in line[1:-1].replace("┃", "│").split("│")]
        for line in text.splitlines()
        if line[0] in "┃│"
    ]
    assert head[4:] == ["activations", "receptive field", "accuracy"]
    assert lenet5[:6] == ["lenet5", "1×32×32", "60,000", "326,520", "37 kB", "32×32 /4 @0"]
    assert lenet5[6].endswith("(MNIST), paper")
    assert mine == ["own", "1×4×5", "63", "60", "92 B", "–", "50% (digits), measured"]
    assert "<td" in compare("lenet5", "lenet")._repr_html_()


def test_what_cannot_be_compared() -> None:
    with pytest.raises(UsageError, match="a comparison needs two networks or more, got 1"):
        compare("lenet")
    with pytest.raises(UnknownNameError, match="did you mean 'lenet'"):
        compare("lenet", "lennet")


class Clockwork:
    """Engines that take a known time, and the clock that shows it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[tuple[str, int]] = []

    def perf_counter(self) -> float:
        return self.now

    def create(self, setup: Setup, choice: engines.Choice) -> Any:
        clock = self

        class Engine:
            threads = 1

            def outputs(self, images: Array) -> None:
                units = setup.network.output_shape(setup.input_shape)[0]
                clock.calls.append((str(units), len(images)))
                # Every third round takes longer, as if something else ran meanwhile.
                slow = 3 if len(clock.calls) // 4 % 3 == 1 else 1
                clock.now += slow * units * len(images) / 1000

        return Engine()


def test_networks_take_turns_and_the_median_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clockwork()
    monkeypatch.setattr(timing, "perf_counter", clock.perf_counter)
    monkeypatch.setattr(engines, "create", clock.create)
    found = compare(own(), Model([Flatten(), Dense(7)], (1, 4, 5)), measure=True)
    turn = [("3", 1), ("3", 32), ("7", 1), ("7", 32)]
    assert found.timing is not None
    assert clock.calls == turn * (1 + found.timing.rounds)
    assert found.timing.rounds >= timing.ROUNDS
    assert found.networks[0].seconds == pytest.approx({1: 0.003, 32: 0.003})
    assert found.networks[1].seconds == pytest.approx({1: 0.007, 32: 0.007})
    text = str(found)
    assert f"1 thread, batches of 1 and 32, medians of {found.timing.rounds} rounds; random weights" in text
    assert [line.split("│")[-3].strip() for line in text.splitlines() if line[0] == "│"] == ["3.00", "7.00"]
    assert found.to_data()["measured_with"] == {
        "engine": found.timing.engine,
        "threads": 1,
        "rounds": found.timing.rounds,
    }


def test_any_model_can_be_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "SECONDS", 0.0)
    monkeypatch.setattr(timing, "ROUNDS", 1)
    networks = [
        (models.build("lenet5"), (1, 32, 32)),  # its last layer is no dense one
        (NETWORKS["penalized"], INPUT_SHAPE),  # it has a head
    ]
    found = timing.measure(networks)
    assert found.rounds == 1
    assert all(np.isfinite([*each.values()]).all() and min(each.values()) > 0 for each in found.seconds)


def test_columns_of_time_are_there_only_when_measured() -> None:
    assert len(as_table(compare("lenet", "lenet5")).columns) == 7
