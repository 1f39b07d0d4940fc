"""`deepen ensemble`: training members, going on after an interruption, and using what came out."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import deepen.cli.ensembles  # noqa: F401
from command_line import OWN, Call, forget_files_of
from deepen import Model, ensemble_job, folders, job, runs
from deepen.cli import main
from deepen.config import RunConfig
from deepen.ensemble import Ensemble
from deepen.ensemble_config import EnsembleConfig
from deepen.errors import DataError, FileFormatError, UsageError
from deepen.outcome import Outcome

TRAIN = ["ensemble", "train", "own", "--data", "digits", "--epochs", "1", "--engine", "numpy"]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Any], str]]:
    """One real training of two members, looked at by many tests."""
    place = tmp_path_factory.mktemp("ensembles")
    (place / "own_layers.py").write_text(OWN, encoding="utf-8")
    out, err = StringIO(), StringIO()
    more = ["--members", "2", "--seed", "3", "--runs", str(place / "runs"), "--json"]
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main(["--import", str(place / "own_layers.py"), *TRAIN, *more])
    assert ended.value.code == 0
    yield json.loads(out.getvalue()), err.getvalue()
    forget_files_of(place)


@pytest.fixture
def folder(found: tuple[dict[str, Any], str]) -> Path:
    return Path(found[0]["folder"])


def test_train(found: tuple[dict[str, Any], str], folder: Path) -> None:
    result, progress = found
    assert list(result) == [
        "model", "data", "average", "members", "disagreement", "disagreements", "accuracy", "loss", "count",
        "folder",
    ]  # fmt: skip
    assert [member["seed"] for member in result["members"]] == [3, 4]
    assert 0 < result["disagreement"] < 1
    assert result["count"] == 360
    assert folder.name.endswith("-ensemble-own-digits")
    assert [line for line in progress.splitlines() if line.startswith("member")] == [
        "member 1 of 2: seed 3",
        "member 2 of 2: seed 4",
    ]
    assert {path.name for path in folder.iterdir()} == {
        "ensemble.safetensors", "ensemble.toml", "environment.json", "members",
    }  # fmt: skip
    # Each member is what a single run of its seed would have made.
    single = [Model.load(run / runs.MODEL, engine="numpy") for run in sorted((folder / "members").iterdir())]
    assert sorted(model.seed for model in single) == [3, 4]
    accuracies = {model.seed: model.figures["test_accuracy"] for model in single}
    assert [member["accuracy"] for member in result["members"]] == [accuracies[3], accuracies[4]]


def test_evaluate(found: tuple[dict[str, Any], str], folder: Path, call: Call) -> None:
    result, _ = found
    for path in (folder, folder.parent, folder / "ensemble.safetensors"):
        code, out, _ = call("ensemble", "evaluate", path, "--engine", "numpy", "--json")
        now = json.loads(out)
        assert code == 0
        assert (now["accuracy"], now["disagreement"]) == (result["accuracy"], result["disagreement"])
        assert now["members"] == result["members"]
        assert len(now["classes"]) == 10
    code, out, _ = call("ensemble", "evaluate", folder, "--views", "shift")
    lines = out.splitlines()
    assert (code, lines[0].split()) == (0, ["member", "seed", "recipe", "accuracy", "loss"])
    assert lines[1].startswith("1       3     –  ")
    assert lines[3].startswith("all ")
    assert "two members disagree on " in lines[4]
    assert lines[6].startswith("digits: accuracy ")


def test_predict(folder: Path, call: Call) -> None:
    pictures = sorted(next((folder / "members").iterdir()).glob("examples/*.png"))
    code, out, _ = call("ensemble", "predict", folder, *pictures, "--top", 2, "--json")
    rows = json.loads(out)["predictions"]
    assert (code, [row["path"] for row in rows]) == (0, list(map(str, pictures)))
    loaded = Ensemble.load(folder / "ensemble.safetensors", engine="numpy")
    for picture, row in zip(pictures, rows, strict=True):
        expected = loaded.predict(np.asarray(Image.open(picture))[None])[0]
        assert row["label"] == str(expected.argmax())
        assert row["probability"] == pytest.approx(float(expected.max()))
        assert len(row["top"]) == 2


def test_a_complete_ensemble_is_said_to_be_complete(folder: Path, call: Call) -> None:
    before = (folder / "ensemble.safetensors").read_bytes()
    code, out, err = call("ensemble", "train", "--resume", folder)
    assert (code, err) == (0, "the ensemble is complete: nothing is left to train\n")
    assert "member  seed  recipe  accuracy  loss" in out
    assert f"the ensemble, with the runs of its members: {folder}" in out
    assert f"deepen ensemble evaluate {folder}" in out
    assert (folder / "ensemble.safetensors").read_bytes() == before


@pytest.mark.parametrize("lacking", ["the second member", "the file"])
def test_what_is_lacking_is_made_and_the_rest_kept(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)
    (moved / "ensemble.safetensors").unlink()
    if lacking == "the second member":
        shutil.rmtree(next(run for run in (moved / "members").iterdir() if runs.read_config(run).seed == 4))
    trained = []
    plain = job.train
    monkeypatch.setattr(job, "train", lambda config, program: (trained.append(config.seed), plain(config))[1])
    # Files that have come between, and a run that was not finished being made, are no members.
    (moved / "members" / "notes.txt").touch()
    (moved / "members" / "notes").mkdir()
    (moved / "members" / ".half").mkdir()
    (moved / "members" / ".half" / "config.toml").touch()
    ensemble_job.resume(moved)
    assert trained == ([4] if lacking == "the second member" else [])
    assert (moved / "ensemble.safetensors").read_bytes() == (folder / "ensemble.safetensors").read_bytes()


def test_an_interruption_says_how_to_go_on(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    programs = []

    def interrupted(config: RunConfig, program: str) -> Outcome:
        programs.append(program)
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "train", interrupted)
    # A file of the first name has been run for other tests already.
    own = own.rename(tmp_path / "other_layers.py")
    own.write_text(own.read_text().replace('"own", title', '"mine", title').replace("Leaky", "Leakier"))
    arguments = [word if word != "own" else "mine" for word in TRAIN]
    code, _, err = call("--import", own, *arguments, "--runs", tmp_path)
    begun = next(tmp_path.glob("*-ensemble-mine-digits"))
    assert (code, programs) == (130, [""]), "a member gives no advice of its own"
    hint = f"deepen --import {own} ensemble train --resume {begun}"
    assert f"go on with the whole ensemble: {hint}\n" in err
    # What is typed goes on; the newest in a folder of them is meant, too.
    for path in (begun, tmp_path):
        code, _, err = call(*shlex.split(hint)[1:-1], path)
        assert (code, f"go on with the whole ensemble: {hint}\n" in err) == (130, True)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('schedule = "warmup=9 then=cosine"', "9 epochs of warm-up leave nothing of 1 epochs"),
        ("patience = 3\nvalidation_split = 0.0", "nothing of digits is held out for it"),
    ],
)
def test_all_members_are_checked_before_one_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call, settings: str, said: str
) -> None:
    monkeypatch.setattr(job, "train", lambda *_: pytest.fail("it trained"))
    recipe = tmp_path / "mine.toml"
    recipe.write_text(f"[settings]\n{settings}\n")
    runs_folder = tmp_path / "runs"
    options = ["--recipe", "fast", "--recipe", recipe, "--epochs", "1", "--engine", "numpy", "--runs", runs_folder]
    code, _, err = call("ensemble", "train", "lenet", "--data", "digits", *options)
    assert (code, said in err, runs_folder.exists()) == (2, True, False), err


def test_every_recipe_has_the_same_seeds_and_the_same_test() -> None:
    base = RunConfig("own", "digits", seed=5)
    recipes = [replace(base, recipe=name) for name in ("a", "b")]
    config = EnsembleConfig.of(recipes, 2, "logits")
    planned = [(member.recipe, member.seed, member.split) for member in config.members]
    assert planned == [("a", 5, 5), ("a", 6, 5), ("b", 5, 5), ("b", 6, 5)]
    assert EnsembleConfig.from_toml(config.to_toml()) == config


def test_members_by_recipe_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    for name, rate in (("slow", "0.001"), ("quick", "0.01")):
        settings = f'[settings]\nlearning_rate = {rate}\nepochs = 7\naugment = ["shift=1"]\n'
        (tmp_path / f"{name}.toml").write_text(f'title = "T"\nabout = "a"\nsource = "s"\n{settings}')
    asked = []
    monkeypatch.setattr(ensemble_job, "train", lambda config, program: (asked.append(config), 1 / 0))
    paths = [str(tmp_path / f"{name}.toml") for name in ("slow", "quick")]
    with pytest.raises(ZeroDivisionError):
        call(*TRAIN, "--recipe", paths[0], "--recipe", paths[1])
    members = asked[0].members
    assert [(member.recipe, member.learning_rate, member.epochs) for member in members] == [
        (paths[0], 0.001, 1),
        (paths[1], 0.01, 1),
    ]
    assert {member.augment for member in members} == {("shift=1",)}


def test_members_are_measured_on_pictures_that_none_has_learned(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for name in "ab":
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(10):
            pixels = draw.integers(0, 256, (28, 28), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{number}.png")
    base = RunConfig(
        "lenet", str(tmp_path / "pictures"), epochs=1, seed=2, engine="numpy", runs=str(tmp_path / "runs")
    )
    outcome = ensemble_job.train(EnsembleConfig.of([base], 2, "probabilities"))
    loaded = Ensemble.load(outcome.folder / "ensemble.safetensors", engine="numpy")
    assert [member.seed for member in loaded.members] == [2, 3]
    for member, alone in zip(loaded.members, outcome.test.members, strict=True):
        assert member.figures["data_seed"] == 2
        assert member.figures["test_accuracy"] == alone.accuracy
        assert member.figures["test_loss"] == pytest.approx(alone.loss, rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([*TRAIN, "--members", "1"], 2, "an ensemble has two members or more, got 1"),
        ([*TRAIN, "--average", "mean"], 2, "unknown average 'mean'"),
        ([*TRAIN, "--loss", "hinge"], 2, 'MultiClassHinge gives scores, not probabilities; the average "logits"'),
        ([*TRAIN, "--recipe", "fast", "--recipe", "fast"], 2, "two members have the same settings"),
        (["ensemble", "train", "lenet"], 2, "name a MODEL and a data set"),
        (["ensemble", "train", "--resume", "x", "--epochs", "3"], 2, "leave out --epochs"),
        (["ensemble", "train", "--resume", "x", "--recipe", "fast"], 2, "leave out --recipe"),
        (["ensemble", "train", "--resume", "x"], 1, "x is no ensemble's folder, and there is none in it"),
        (["ensemble", "evaluate", "nowhere"], 1, "there is no file or folder nowhere"),
        (["ensemble", "tran"], 2, "unknown command 'tran'; did you mean 'train'?"),
    ],
)
def test_errors(arguments: list[str], code: int, said: str, call: Call) -> None:
    found, _, err = call(*arguments)
    assert (found, said in err) == (code, True), err


def test_folders_without_ensembles(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no ensemble\.safetensors in .* has a training ended\?"):
        ensemble_job.ensemble_path(tmp_path)


def test_members_need_the_same_test() -> None:
    members = (RunConfig("own", "digits", seed=0), RunConfig("own", "digits", seed=1))
    with pytest.raises(UsageError, match="the same model, data and data_seed"):
        EnsembleConfig("logits", members)


def test_changed_settings_are_found(folder: Path, tmp_path: Path) -> None:
    good = (folder / "ensemble.toml").read_bytes()
    for bit in np.random.default_rng(0).integers(8 * len(good), size=300).tolist():
        damaged = bytearray(good)
        damaged[bit // 8] ^= 1 << bit % 8
        (tmp_path / "ensemble.toml").write_bytes(damaged)
        with pytest.raises(FileFormatError, match=r"ensemble\.toml"):
            ensemble_job.resume(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "are its average and its members, got nothing"),
        ('average = "logits"\nmore = 1\n', "are its average and its members, got average, more"),
        ('average = "logits"\nmembers = [1]\n', "are its average and its members, got average, members"),
        ("average = 3\nmembers = []\n", "unknown average 3"),
        ('average = "logits"\n[[members]]\nmodel = "own"\n', "the settings lack data"),
        ("average =", "the settings are no TOML"),
    ],
)
def test_other_texts_are_no_settings_of_an_ensemble(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "ensemble.toml"
    path.write_bytes(folders.sealed(text))
    with pytest.raises(FileFormatError) as caught:
        ensemble_job.resume(tmp_path)
    assert str(caught.value).startswith(f"{path} has settings that this deepen does not know: ")
    assert said in str(caught.value)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=3, unique=True))
def test_settings_there_and_back(texts: list[str]) -> None:
    config = EnsembleConfig("logits", tuple(RunConfig("own", "digits", recipe=text) for text in texts))
    assert EnsembleConfig.from_toml(config.to_toml()) == config
