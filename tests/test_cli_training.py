"""`deepen train`: going on, breaking off, and what its options leave in the run's folder."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from command_line import Call
from deepen import Model, runs
from deepen.arrays import Array
from deepen.training.keeper import Checkpoints, Keeper
from deepen.training.progress import Progress

Train = Callable[..., tuple[int, str, str]]

TRAIN = ["own", "--data", "digits", "--epochs", "2", "--batch-size", "50", "--engine", "numpy"]


@pytest.fixture
def train(call: Call, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """Runs `deepen train` with the tiny model of one's own, in an empty folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return lambda *more: call("--import", own, "train", *more)


@pytest.fixture
def interrupted(train: Train, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Returns the folder of a run that was interrupted in its last step."""

    def interrupt(*more: object) -> Path:
        def stop(self: Progress, view: Any) -> None:
            if (view.epoch, view.step) == (1, view.steps):
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(Progress, "on_step_end", stop)
            code, _, err = train(*more)
        run = only_run()
        assert code == 130
        assert f"/own_layers.py train --resume {run.relative_to(Path.cwd())}\n" in err
        return run

    return interrupt


def only_run() -> Path:
    (run,) = Path("runs").resolve().iterdir()
    return run


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def weights(path: Path) -> Mapping[str, Array]:
    return Model.load(path, engine="numpy").engine.state().parameters


def pictures(folder: Path, each: int = 20) -> Path:
    """Draw pictures of two classes that are easily told apart."""
    draw = np.random.default_rng(0)
    for label, name in enumerate(("dark", "light")):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            pixels = draw.integers(128 * label, 128 * label + 128, (8, 8), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


# Going on


def test_a_run_that_was_interrupted_goes_on(train: Train, interrupted: Callable[..., Path]) -> None:
    code, out, _ = train(*TRAIN, "--runs", "undisturbed", "--json")
    undisturbed = json.loads(out)
    run = interrupted(*TRAIN)
    assert [row["epoch"] for row in rows(run / "metrics.csv")] == ["1"]
    code, out, err = train("--resume", run, "--json")
    found = json.loads(out)
    assert code == 0
    assert "the training goes on after epoch 1 (" in err
    same = {"test_accuracy", "test_loss", "epochs", "seed", "model", "data"}
    assert {name: found[name] for name in same} == {name: undisturbed[name] for name in same}
    assert found["run"] == str(run)
    ours, theirs = (folder / "model.safetensors" for folder in (run, Path(undisturbed["run"])))
    assert ours.read_bytes() == theirs.read_bytes()
    assert (run / "report.html").is_file()


def test_a_complete_run_is_said_to_be_complete(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    _, out, _ = train(*TRAIN, "--json")
    before, run = json.loads(out), only_run()
    model = (run / "model.safetensors").read_bytes()
    (run / "report.html").unlink()
    monkeypatch.setattr(Keeper, "save", lambda *_: pytest.fail("it trained once more"))
    code, out, err = train("--resume", run, "--json")
    assert code == 0
    assert "the training is complete" in err
    assert json.loads(out) == before
    assert (run / "report.html").is_file()
    assert (run / "model.safetensors").read_bytes() == model
    assert [row["epoch"] for row in rows(run / "metrics.csv")] == ["1", "2"]


def test_a_run_goes_on_from_another_folder(
    train: Train, interrupted: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures(tmp_path / "here" / "pictures")
    run = interrupted("own", "--data", "pictures", *TRAIN[3:])
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    code, _, err = train("--resume", run)
    assert (code, list(Path.cwd().iterdir())) == (0, []), err
    assert len(rows(run / "metrics.csv")) == 2
    assert Model.load(run / "model.safetensors").figures["test_count"] == 8


def test_a_run_whose_data_is_gone_or_another(interrupted: Callable[..., Path], train: Train) -> None:
    folder = pictures(Path("pictures").resolve())
    run = interrupted("own", "--data", "pictures", *TRAIN[3:])
    before = (run / "model.safetensors").read_bytes()
    folder.rename("moved")
    code, _, err = train("--resume", run)
    assert (code, f"goes on with the pictures it was begun with: bring {folder} back" in err) == (1, True)
    Path("moved").rename(folder)
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "light" / "0.png")
    code, _, err = train("--resume", run)
    assert (code, "is of another training" in err) == (2, True), err
    assert (run / "model.safetensors").read_bytes() == before


def test_settings_that_were_changed_are_refused(interrupted: Callable[..., Path], train: Train) -> None:
    config = interrupted(*TRAIN) / "config.toml"
    config.write_text(config.read_text().replace("epochs = 2", "epochs = 3"))
    code, _, err = train("--resume", config.parent)
    assert (code, f"{config} was changed or damaged" in err) == (1, True)


@pytest.mark.parametrize(
    ("more", "names"),
    [
        (["lenet"], "MODEL"),
        (["--data", "digits", "--epochs", "3"], "--data, --epochs"),
        (["--health"], "--health"),
        (["--seed", "0"], "--seed"),
        (["--augment", "none"], "--augment"),
    ],
)
def test_a_run_goes_on_with_its_own_settings(train: Train, more: list[str], names: str) -> None:
    code, _, err = train("--resume", "run", *more)
    assert (code, err.splitlines()[-1]) == (
        2,
        f"Error: --resume goes on with the settings that there are; leave out {names}",
    )


def test_what_is_no_run(train: Train) -> None:
    for path in ("nowhere", "."):
        code, _, err = train("--resume", path)
        assert (code, "is no run's folder" in err, "config.toml" in err) == (1, True, True)


# Breaking off


def test_infinity_stops_and_keeps_the_last_good_weights(train: Train, call: Call) -> None:
    code, out, err = train(*TRAIN, "--optimizer", "sgd=1e30", "--augment", "none")
    run = only_run()
    assert (code, out) == (1, "")
    assert "Traceback" not in err
    said = err.splitlines()[-1]
    assert said.startswith("deepen: training stopped in epoch 1, step 2: the output of dense2 is the first")
    assert "try a lower learning rate" in said
    assert str(run) in err
    # Not finite in the second step: the first one's weights are there, and not those of the beginning.
    kept = weights(run / "model.safetensors")
    assert all(np.isfinite(array).all() for array in kept.values())
    assert max(np.abs(array).max() for array in kept.values()) > 1e20
    assert not (run / "report.html").exists()


def test_patience_ends_a_training_that_gets_no_better(train: Train) -> None:
    code, out, err = train(*TRAIN, "--epochs", "9", "--learning-rate", "1e-30", "--patience", "1", "--json")
    assert (code, json.loads(out)["epochs"]) == (0, 2)
    assert "stopped early: val_loss has not improved since epoch 1" in err
    # It is complete: going on does not take it up again.
    code, out, err = train("--resume", only_run(), "--json")
    assert (code, json.loads(out)["epochs"], "the training is complete" in err) == (0, 2, True)


# What options leave behind


def test_the_best_epoch_is_a_model_like_the_last_one(train: Train, call: Call) -> None:
    train(*TRAIN, "--augment", "none")
    run = only_run()
    best = run / "best.safetensors"
    code, out, _ = call("evaluate", best, "--json")
    assert (code, json.loads(out)["count"]) == (0, 360)
    # It got better to the end: the best epoch is the last.
    losses = [float(row["val_loss"]) for row in rows(run / "metrics.csv")]
    assert losses[1] < losses[0]
    kept, last = weights(best), weights(run / "model.safetensors")
    assert all(np.array_equal(kept[name], last[name]) for name in last)
    code, out, _ = call("evaluate", best, "--views", "shift", "--json")
    assert code == 0
    assert json.loads(out)["loss"] != Model.load(run / "model.safetensors").figures["test_loss"]
    code, _, err = call("evaluate", best, "--views", "spin")
    assert (code, "flip" in err) == (2, True)


def test_without_a_validation_there_is_no_best_epoch(train: Train) -> None:
    assert train(*TRAIN, "--validation-split", "0")[0] == 0
    assert not (only_run() / "best.safetensors").exists()


def test_health_is_recorded_drawn_and_judged(train: Train) -> None:
    # Such steps are far too short to learn anything.
    code, _, err = train(*TRAIN, "--health", "--learning-rate", "1e-12", "--augment", "none")
    run = only_run()
    assert code == 0
    found = rows(run / runs.HEALTH)
    assert {(row["epoch"], row["layer"]) for row in found} == {
        (epoch, layer) for epoch in "12" for layer in ("dense1", "dense2")
    }
    warnings = [line.removeprefix("warning: ") for line in err.splitlines() if line.startswith("warning: ")]
    assert any("update" in warning for warning in warnings)
    page = (run / "report.html").read_text(encoding="utf-8")
    assert '<img src="health.png"' in page
    assert page.count('<p class="warning"') >= len(warnings)


def test_tensorboard_gets_the_figures(train: Train) -> None:
    assert train(*TRAIN, "--tensorboard")[0] == 0
    (events,) = (only_run() / "tensorboard").iterdir()
    assert b"val_accuracy" in events.read_bytes()


def test_workers_and_checkpoints_change_nothing_but_the_time(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    plain = Keeper.save
    monkeypatch.setattr(Keeper, "save", lambda self, *rest: (made.append(rest[1]), plain(self, *rest))[1])
    for place, more in (("one", []), ("two", ["--workers", "2", "--checkpoint", "10 steps"])):
        assert train(*TRAIN, "--runs", place, *more)[0] == 0
    # 26 steps in each of two epochs: at the beginning, after every ten or every epoch, and when it is over.
    assert [(at.epoch, at.step) for at in made] == [
        *[(0, 0), (1, 0), (2, 0)],
        *[(0, 0), (0, 10), (0, 20), (1, 4), (1, 14), (1, 24), (2, 0)],
    ]
    one, two = (next(Path(place).iterdir()) / "model.safetensors" for place in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert len(Checkpoints(two.parent / runs.CHECKPOINTS).files) == 2


def test_what_a_run_was_trained_with_stands_in_its_page_and_its_model(train: Train) -> None:
    options = ["--augment", "shift=1", "--augment", "cutout=2", "--l2", "0.001", "--dropout", "0.1", "--seed", "3"]
    loss = ["--loss", "cross_entropy label_smoothing=0.1", "--class-weights", "balanced"]
    assert train(*TRAIN, *options, *loss, "--recipe", "textbook", "--epochs", "1")[0] == 0
    run = only_run()
    figures = Model.load(run / "model.safetensors").figures
    assert figures["augment"] == ["shift=1", "cutout=2"]
    assert (figures["l2"], figures["dropout"], figures["seed"]) == (0.001, 0.1, 3)
    assert (figures["loss"], figures["class_weights"]) == (loss[1], "balanced")
    assert (figures["recipe"], figures["schedule"], figures["epochs"]) == ("textbook", "constant", 1)
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "<td>shift=1, cutout=2</td>" in page
    assert f"<td>{loss[1]}</td>" in page


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--checkpoint", "often"], "steps, minutes or epochs, as in \"500 steps\"; got 'often'"),
        (["--optimizer", "adam clip=1"], "unknown field of the optimizer adam: 'clip'"),
        (["--schedule", "step=0.1 evry=3"], "did you mean 'every'?"),
        (["--loss", "mse", "--class-weights", "balanced"], "class weights belong to the cross-entropy"),
        (["--class-weights", "equal"], "class_weights is \"balanced\" or not given, got 'equal'"),
        (["--augment", "flipp"], "did you mean 'flip'?"),
        (["--augment", "none", "--augment", "flip"], "none leaves the images as they are and stands alone"),
        (["--dropout", "1"], "dropout must be from 0 up to 1, got 1"),
        (["--l2", "-1"], "l2 must be 0 or more, got -1"),
        (["--learning-rate", "nan"], "learning_rate must be a number, got nan"),
        (["--patience", "2", "--validation-split", "0"], "patience looks at the validation"),
        (["--workers", "-1"], "workers must be 0 or more, got -1"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_made(train: Train, options: list[str], says: str) -> None:
    code, out, err = train(*TRAIN, *options)
    assert (code, out, list(Path.cwd().iterdir())) == (2, "", [])
    assert says in err


# Looking at what there is


def test_recipes_are_listed_and_shown(call: Call, tmp_path: Path) -> None:
    code, out, _ = call("recipes", "--json")
    assert (code, [each["name"] for each in json.loads(out)["recipes"]]) == (0, ["fast", "textbook"])
    code, out, _ = call("recipes")
    assert (code, "fast: " in out, "textbook: " in out) == (0, True, True)
    own = tmp_path / "mine.toml"
    own.write_text('title = "Mine"\n[settings]\nepochs = 3\naugment = ["flip"]\n')
    code, out, _ = call("recipes", own, "--json")
    (found,) = json.loads(out)["recipes"]
    assert (code, found["name"], found["settings"]) == (0, "mine", {"epochs": 3, "augment": ["flip"]})
    assert call("recipes", own)[1].startswith("mine: Mine\n  epochs = 3\n")
    own.write_text('about = "A try."\n[settings]\nepochs = 3\n')
    assert call("recipes", own)[1] == "mine: A try.\n  epochs = 3\n"
    own.write_text("[settings]\nepochs = 3\n")
    assert call("recipes", own)[1] == "mine\n  epochs = 3\n"
    code, out, _ = call("recipes", "textbook")
    assert (code, "  schedule = constant" in out, "fast: " in out) == (0, True, False)
    code, _, err = call("recipes", "textbok")
    assert (code, "did you mean 'textbook'?" in err) == (2, True)


def test_images_as_the_network_sees_them(call: Call, tmp_path: Path) -> None:
    out = tmp_path / "x.png"
    code, said, _ = call("data", "digits", "--augment", "fast", "--out", out, "--json")
    found = json.loads(said)
    assert (code, found["picture"], found["input_shape"]) == (0, str(out), [1, 8, 8])
    with Image.open(out) as picture:
        assert min(picture.size) > 200
    code, said, _ = call("data", "digits", "--augment", "fast", "--out", out, "--size", "12", "--seed", "3")
    assert (code, said) == (0, f"the picture, of images of 12×12: {out}\n")
    code, said, _ = call(
        "data", "digits", "--augment", "rotation=10", "--augment", "cutout=3", "--out", out, "--json"
    )
    assert (code, json.loads(said)["augment"]) == (0, ["rotation=10", "cutout=3"])
    for wrong in (
        *(["digits", "--augment", "fast"], ["digits", "--out", out], ["--augment", "fast", "--out", out]),
        *(["digits", "--size", "12"], ["digits", "--seed", "0"], ["--seed", "3"]),
    ):
        code, _, err = call("data", *wrong)
        assert (code, "deepen data NAME --augment RECIPE --out FILE.png" in err) == (2, True)
