"""Weights of another model: what fits is taken, what does not is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deepen.errors import DataError, FileFormatError, UnknownNameError, UsageError
from deepen.groups import Group
from deepen.layers import RBF, BatchNormalization, Conv2D, Dense, Flatten, Parallel, Sequential, SideOutput
from deepen.model import Model
from deepen.transfer import head_of

SHAPE = (1, 6, 6)


def network(classes: int = 3, filters: int = 4) -> Sequential:
    return Sequential(
        [Conv2D(filters, 3), BatchNormalization(), Flatten(), Dense(8, activation="relu"), Dense(classes)]
    )


def model(classes: tuple[str, ...] = ("a", "b", "c"), seed: int = 0, filters: int = 4) -> Model:
    made = Model(network(len(classes), filters), SHAPE, classes=classes, seed=seed)
    made.compile(engine="numpy")
    return made


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    other = model(seed=1)
    rng = np.random.default_rng(0)
    other.fit(rng.random((12, *SHAPE)), np.arange(12) % 3, verbose=0)
    return other.save(tmp_path / "other.safetensors")


def test_all_of_a_like_model_is_taken(saved: Path) -> None:
    own, other = model(), Model.load(saved, engine="numpy")
    found = own.load_weights(saved)
    assert len(found.taken) == 10
    assert (found.fresh, found.left) == ({}, ())
    x = np.random.default_rng(1).random((5, *SHAPE))
    assert (own.predict(x) == other.predict(x)).all()  # running statistics included


@pytest.mark.parametrize("classes", [("x", "y", "z"), ("c", "b", "a"), ("a", "b", "c", "d")])
def test_other_classes_get_a_new_head(saved: Path, classes: tuple[str, ...]) -> None:
    own, untouched = model(classes), model(classes)
    found = own.load_weights(saved)
    assert set(found.fresh) == {"dense2.kernel", "dense2.bias"}
    for path in ("dense2.kernel", "dense2.bias"):
        assert (own.weights[path] == untouched.weights[path]).all()
    assert not (own.weights["dense1.kernel"] == untouched.weights["dense1.kernel"]).all()


def test_the_head_is_all_that_comes_after_the_last_mixing_of_features() -> None:
    side = SideOutput(Sequential([Flatten(), Dense(3)]))
    ends = [Dense(8), Parallel([Dense(2), Sequential([Dense(3), Dense(1)])]), BatchNormalization()]
    found = head_of(Sequential([Conv2D(2, 3), side, Flatten(), *ends]), SHAPE)
    assert found == {"side1.head.dense1", "parallel1.branch1", "parallel1.branch2.dense2", "norm1"}
    assert head_of(Sequential([Flatten(), Dense(8), RBF(3)]), SHAPE) == {"rbf1"}


def test_what_was_taken_and_what_was_not_is_said(saved: Path) -> None:
    text = str(model(("a", "b", "c", "d")).load_weights(saved))
    assert "taken over: 8 of 10 arrays, conv1.kernel, conv1.bias, … norm1.running_variance" in text
    assert "new: dense2.kernel, of shape 4×8 here and 3×8 there" in text
    text = str(model(("x", "y", "z")).load_weights(saved))
    assert "new: dense2.bias, because the classes are others" in text


def test_layers_of_other_sizes_stay_as_they_are(saved: Path) -> None:
    found = model(filters=5).load_weights(saved)
    assert found.fresh["conv1.kernel"] == "of shape 5×1×3×3 here and 4×1×3×3 there"
    assert "dense2.kernel" in found.taken


def test_a_layer_is_taken_whole_or_not_at_all(saved: Path) -> None:
    colour = Model(network(), (2, 6, 6), classes="abc")  # a kernel of another shape, a bias of the same one
    first = colour.weights
    found = colour.load_weights(saved)
    assert found.fresh == {
        "conv1.kernel": "of shape 4×2×3×3 here and 4×1×3×3 there",
        "conv1.bias": "as conv1.kernel is",
    }
    assert (colour.weights["conv1.bias"] == first["conv1.bias"]).all()


def test_what_starts_anew_is_not_frozen(saved: Path) -> None:
    own = model(("x", "y", "z"))
    own.compile(engine="numpy", groups=[Group("dense*", rate=0)])
    with pytest.raises(
        UsageError, match=r"dense2\.kernel is frozen, but starts anew, because the classes are others"
    ):
        own.load_weights(saved)


def test_what_has_no_place_is_named(saved: Path) -> None:
    smaller = Model(Sequential([Conv2D(4, 3), Flatten(), Dense(3)]), SHAPE, classes="abc")
    found = smaller.load_weights(saved)
    assert set(found.left) == {
        "norm1.gamma",
        "norm1.beta",
        "norm1.running_mean",
        "norm1.running_variance",
        "dense2.kernel",
        "dense2.bias",
    }
    assert "not used: dense2.bias, dense2.kernel, … norm1.running_variance" in str(found)


def test_nothing_that_fits_is_an_error(saved: Path) -> None:
    with pytest.raises(DataError, match="other layers, or layers of other sizes"):
        Model(Sequential([Flatten(name="flat"), Dense(3, name="head")]), SHAPE, classes="abc").load_weights(saved)


def test_a_taken_body_can_be_frozen(saved: Path) -> None:
    own = model(("x", "y", "z"))
    own.compile(engine="numpy", groups=[Group("conv1", rate=0), Group("norm1", rate=0), Group("dense1", rate=0.1)])
    own.load_weights(saved)
    taken = own.weights
    rng = np.random.default_rng(2)
    own.fit(rng.random((12, *SHAPE)), np.arange(12) % 3, verbose=0)
    for path, w in own.weights.items():
        assert (w == taken[path]).all() == path.startswith(("conv1.", "norm1.")), path


def test_weights_survive_a_later_compile(saved: Path) -> None:
    own = model()
    own.load_weights(saved)
    taken = own.weights
    own.compile("sgd", engine="numpy")
    assert all((w == taken[path]).all() for path, w in own.weights.items())


def test_packaged_models_are_known_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownNameError, match="did you mean 'deepconvnet@mnist'"):
        Model.load("deepconvnet@mnits")
    with pytest.raises(DataError, match=r"cannot read me@home\.org"):
        Model.load("me@home.org")  # no such name can be meant
    Path("lenet@mnist").write_text("mine")
    with pytest.raises(FileFormatError):
        Model.load("lenet@mnist")  # a file of one's own goes before
