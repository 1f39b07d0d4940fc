"""A network as a description: by name, by layers, and what it shows of itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from deepen import Model, Network
from deepen.errors import ShapeError, UnknownNameError, UsageError
from deepen.layers import Conv2D, Dense, Flatten
from deepen.losses import LeNet5Loss, SoftmaxCrossEntropy


def test_a_model_by_its_name() -> None:
    net = Network.named("lenet")
    assert (net.name, net.input_shape, len(net.classes)) == ("lenet", (1, 28, 28), 10)
    small = Network.named("vgg11", classes=3, width=0.1, input_shape=(3, 64, 64))
    assert (small.input_shape, small.classes) == ((3, 64, 64), ("0", "1", "2"))
    assert repr(small) == "<Network 'vgg11': (3, 64, 64) to 3 classes>"


def test_classes_may_be_names() -> None:
    model = Model.named("resnet20", classes=["cat", "dog"], seed=7)
    assert (model.classes, model.seed) == (("cat", "dog"), 7)
    assert model.predict(np.zeros((1, 3, 32, 32), np.float32)).shape == (1, 2)


def test_a_name_shape_or_width_that_is_wrong() -> None:
    with pytest.raises(UnknownNameError, match="did you mean"):
        Network.named("resnet2O")
    with pytest.raises(ShapeError, match="cannot fit its"):
        Network.named("lenet", input_shape=(1, 4, 4))
    with pytest.raises(UsageError, match="above 0"):
        Network.named("lenet", width=0)


def test_a_model_brings_its_own_loss_unless_another_is_given() -> None:
    model = Model.named("lenet5", width=1)
    model.compile(engine="numpy")
    assert model.content().loss == LeNet5Loss()
    model.compile(loss="cross_entropy", engine="numpy")
    assert model.content().loss == SoftmaxCrossEntropy()
    other = Model([Flatten(), Dense(3)], (1, 4, 4))
    other.compile(engine="numpy")
    assert other.content().loss == SoftmaxCrossEntropy()


def test_what_it_shows_of_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = Network([Conv2D(4, 3), Flatten(), Dense(5)], (1, 8, 8), name="tiny")
    assert net.summary().parameters == net.parameters == 40 + 725
    assert "tiny" in capsys.readouterr().out
    assert "⌊(8 + 2·0 − 3)/1⌋ + 1 = 6" in str(net.explain("conv1"))
    assert "参数" in str(net.explain(lang="zh"))
    assert net.diagram(tmp_path / "tiny.svg").read_text(encoding="utf-8").startswith("<svg")
    shown = net._repr_html_()
    assert shown.count("<svg") == 1
    assert "<table" in shown


def test_a_description_needs_no_engine() -> None:
    code = (
        "import sys, deepen\nnet = deepen.Network.named('vgg19')\nnet.summary(), str(net.explain('dense1'))\n"
        "net._repr_html_()\nprint([m for m in sys.modules if m.startswith('deepen.engines') or m == 'torch'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
