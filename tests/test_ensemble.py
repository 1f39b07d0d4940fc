"""Ensembles: what members say together, how far they disagree, and the file that holds them."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepen import Model, data, model_file
from deepen.arrays import Array
from deepen.ensemble import Ensemble
from deepen.errors import DataError, DeepenError, FileFormatError, UnknownNameError, UsageError
from deepen.layers import Dense, Flatten

SHAPE = (1, 8, 8)
DIGITS = data.load("digits")
X, Y = DIGITS.test_images[:60], DIGITS.test_labels[:60]


def member(seed: int, loss: str = "cross_entropy", **more: Any) -> Model:
    model = Model([Flatten(), Dense(8, activation="relu"), Dense(10)], SHAPE, seed=seed, **more)
    model.compile(loss=loss, engine="numpy")
    return model


@pytest.fixture(scope="module")
def trained() -> tuple[Model, ...]:
    models = tuple(map(member, range(3)))
    for model in models:
        model.fit(DIGITS.train_images[:400], DIGITS.train_labels[:400], epochs=2, verbose=0)
    return models


@given(st.lists(st.integers(0, 2**32), min_size=2, max_size=4), st.integers(1, 5), st.randoms())
@settings(max_examples=20)
def test_the_mean_of_the_probabilities(seeds: list[int], count: int, random: Any) -> None:
    members = list(map(member, seeds))
    found = Ensemble(members).predict(X[:count])
    np.testing.assert_allclose(found, sum(each.predict(X[:count]) for each in members) / len(members), rtol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    assert found.dtype == np.float32
    random.shuffle(members)
    np.testing.assert_allclose(Ensemble(members).predict(X[:count]), found, rtol=1e-5)


def test_the_mean_of_the_logits_is_the_geometric_mean(trained: tuple[Model, ...]) -> None:
    found = Ensemble(trained, "logits").predict(X)
    product = np.prod([each.predict(X).astype(np.float64) for each in trained], axis=0) ** (1 / 3)
    np.testing.assert_allclose(found, product / product.sum(axis=1, keepdims=True), rtol=1e-4)
    assert found.dtype == np.float32
    assert np.abs(found - Ensemble(trained).predict(X)).max() > 0.01


@pytest.mark.parametrize("average", ["probabilities", "logits"])
def test_an_evaluation(trained: tuple[Model, ...], average: str) -> None:
    ensemble = Ensemble(trained, average)
    found, p = ensemble.evaluate(X, Y), ensemble.predict(X)
    loss, accuracy = found
    assert loss == pytest.approx(-np.mean([np.log(p[i, Y[i]]) for i in range(60)]), rel=1e-5)
    assert accuracy == found.accuracy == np.mean(p.argmax(axis=1) == Y)
    assert np.array_equal(found.probabilities, p)
    for model, alone in zip(trained, found.members, strict=True):
        expected = model.evaluate(X, Y)
        assert alone.accuracy == expected.accuracy
        assert alone.loss == pytest.approx(expected.loss, rel=1e-5)


def test_disagreement(trained: tuple[Model, ...]) -> None:
    found = Ensemble(trained).evaluate(X, Y)
    classes = [model.predict(X).argmax(axis=1).tolist() for model in trained]
    shares = {
        (i, j): sum(a != b for a, b in zip(classes[i], classes[j], strict=True)) / 60
        for i, j in combinations(range(3), 2)
    }
    assert found.disagreement == pytest.approx(sum(shares.values()) / 3)
    assert found.disagreement > 0
    assert np.array_equal(found.disagreements, found.disagreements.T)
    assert not found.disagreements.diagonal().any()
    for (i, j), share in shares.items():
        assert found.disagreements[i, j] == pytest.approx(share)
    assert Ensemble([trained[0], trained[0]]).evaluate(X, Y).disagreement == 0


@pytest.mark.parametrize("average", ["probabilities", "logits"])
def test_views(trained: tuple[Model, ...], average: str) -> None:
    found = Ensemble(trained, average).evaluate(X, Y, views="shift")
    assert np.array_equal(found.probabilities, Ensemble(trained, average).predict(X, views="shift"))
    for model, alone in zip(trained, found.members, strict=True):
        np.testing.assert_allclose(alone.probabilities, model.predict(X, views="shift"), rtol=1e-4)
    assert np.abs(found.probabilities - Ensemble(trained, average).predict(X)).max() > 1e-3
    with pytest.raises(UnknownNameError, match="did you mean 'shift'"):
        Ensemble(trained, average).predict(X, views="shft")


def test_rows_of_probabilities_as_labels(trained: tuple[Model, ...]) -> None:
    numbers, rows = (Ensemble(trained).evaluate(X, y) for y in (Y, np.eye(10)[Y]))
    assert list(numbers) == pytest.approx(list(rows))


def test_scores_are_averaged_as_they_are() -> None:
    members = [member(seed, "hinge") for seed in range(2)]
    ensemble = Ensemble(members, "logits")
    assert not ensemble.gives_probabilities
    scores = (members[0].predict(X) + members[1].predict(X)) / 2
    np.testing.assert_allclose(ensemble.predict(X), scores, rtol=1e-5)
    right = scores[np.arange(60), Y][:, None]
    margins = np.maximum(0, scores - right + 1).sum(axis=1) - 1
    assert ensemble.evaluate(X, Y).loss == pytest.approx(margins.mean(), rel=1e-5)


def test_a_probability_of_zero_costs_much_but_not_everything() -> None:
    members = [member(seed) for seed in range(2)]
    found = Ensemble(members).evaluate(X.astype(np.float32) * 1e4, Y)
    assert np.isfinite(found.loss)
    assert found.loss > 10


@pytest.mark.parametrize("average", ["probabilities", "logits"])
def test_engines_agree(trained: tuple[Model, ...], average: str, tmp_path: Path) -> None:
    path = Ensemble(trained, average).save(tmp_path / "e.safetensors")
    one, other = (Ensemble.load(path, engine=engine).predict(X) for engine in ("numpy", "torch"))
    np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize(
    ("members", "average", "said"),
    [
        ([], "logits", "two members or more, got 0"),
        ([member(0)], "logits", "two members or more, got 1"),
        (
            [member(0), "m.safetensors"],
            "logits",
            "members are models, got 'm.safetensors'; read files with Model.load",
        ),
        (
            [member(0), member(1, classes=tuple("abcdefghij"))],
            "logits",
            r"member 2 knows the classes a, b, .* but member 1 knows 0, 1, .*in the same order",
        ),
        (
            [member(0), Model([Flatten(), Dense(10)], (1, 4, 4))],
            "logits",
            r"member 2 takes images \(1, 4, 4\), but member 1 takes \(1, 8, 8\)",
        ),
        (
            [member(0), member(1, "hinge")],
            "probabilities",
            r'member 2 gives scores, not probabilities \(its loss is MultiClassHinge\); average="logits" takes',
        ),
        (
            [member(0), member(1, "hinge")],
            "logits",
            "member 2 learned with the loss MultiClassHinge, member 1 with SoftmaxCrossEntropy: .*no common scale",
        ),
        ([member(0), member(1)], "logit", "unknown average 'logit'; did you mean 'logits'"),
    ],
)
def test_what_makes_no_ensemble(members: list[Any], average: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Ensemble(members, average)


@pytest.mark.parametrize("members", [3, None, iter([])])
def test_members_come_in_a_list(members: Any) -> None:
    with pytest.raises(UsageError, match="the members are a list of models, got "):
        Ensemble(members)


def test_wrong_images_and_labels(trained: tuple[Model, ...]) -> None:
    with pytest.raises(DataError, match="images are uint8"):
        Ensemble(trained).evaluate(3, 3)
    with pytest.raises(DataError, match=r"there are 60 images, but labels of shape \(\)"):
        Ensemble(trained).evaluate(X, 3)
    with pytest.raises(DataError, match=r"the network takes \(N, 1, 8, 8\)"):
        Ensemble(trained).predict(X[..., :4])
    with pytest.raises(DataError, match="there are 60 images, but labels of shape"):
        Ensemble(trained).evaluate(X, Y[:5])


def test_there_and_back(trained: tuple[Model, ...], tmp_path: Path) -> None:
    ensemble = Ensemble(trained, "logits")
    trained[1].figures = {"data": "digits"}
    path = ensemble.save(tmp_path / "e.safetensors")
    found = Ensemble.load(path, engine="numpy")
    assert np.array_equal(found.predict(X), ensemble.predict(X))
    assert (found.average, len(found), [each.seed for each in found.members]) == ("logits", 3, [0, 1, 2])
    assert found.members[1].figures == {"data": "digits"}
    assert repr(found) == "<Ensemble of 3 models (model), mean of logits>"
    again = found.save(tmp_path / "again.safetensors")
    assert again.read_bytes() == path.read_bytes()


def test_flipped_bits_are_found(trained: tuple[Model, ...], tmp_path: Path) -> None:
    path = Ensemble(trained).save(tmp_path / "e.safetensors")
    good = path.read_bytes()
    for bit in np.random.default_rng(0).integers(8 * len(good), size=500).tolist():
        damaged = bytearray(good)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.raises(FileFormatError, match=r"e\.safetensors"):
            Ensemble.load(path, engine="numpy")


def test_a_model_is_no_ensemble_and_the_other_way_round(trained: tuple[Model, ...], tmp_path: Path) -> None:
    one = trained[0].save(tmp_path / "one.safetensors")
    with pytest.raises(
        FileFormatError, match=r"one\.safetensors is no ensemble; single models are for Model\.load"
    ):
        Ensemble.load(one)
    many = Ensemble(trained).save(tmp_path / "many.safetensors")
    with pytest.raises(
        FileFormatError, match=r"many\.safetensors is an ensemble; use Ensemble\.load or `deepen en"
    ):
        Model.load(many)
    with pytest.raises(DataError, match="cannot read"):
        Ensemble.load(tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"average": "median"}, "unknown average 'median'"),
        ({"members": []}, "belongs to no member"),
        ({"members": [1, 2, 3]}, "is no valid ensemble"),
        ({"members": None}, "is no valid ensemble"),
        ({"extra": "member1/strange"}, "strange belongs to no layer"),
        ({"extra": "member7/dense1.kernel"}, "member7/dense1.kernel belongs to no member"),
    ],
)
def test_strange_contents(trained: tuple[Model, ...], tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = Ensemble(trained).save(tmp_path / "e.safetensors")
    arrays, content = model_file.load(path)
    extra: dict[str, Array] = {change["extra"]: np.zeros(1, np.float32)} if "extra" in change else {}
    model_file.save(path, {**arrays, **extra}, {**content, **change})
    with pytest.raises(DeepenError, match=said) as caught:
        Ensemble.load(path, engine="numpy")
    assert isinstance(caught.value, FileFormatError)
