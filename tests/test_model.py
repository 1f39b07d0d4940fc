"""Model: compile, fit, evaluate, predict, save and load, as readers of Keras expect them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deepen
from deepen import Callback, DataError, DeepenError, FileFormatError, Model, UsageError, View
from deepen.data import PictureRules, Shift
from deepen.groups import Group
from deepen.layers import RBF, Conv2D, Dense, Flatten, Normalize, Sequential
from deepen.losses import one_hot
from deepen.optimizers import Adam
from networks import CLASSES, INPUT_SHAPE, NETWORKS
from stepping import images

ENGINES = ["numpy", "torch"]


def model(network: str = "plain", engine: str = "numpy", **more: Any) -> Model:
    made = Model(NETWORKS[network], INPUT_SHAPE, seed=3, **more)
    made.compile(Adam(0.01), engine=engine)
    return made


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("network", NETWORKS)
def test_it_learns(network: str, engine: str) -> None:
    x, y = images(300)
    made = model(network, engine)
    history = made.fit(x, y, batch_size=16, epochs=40, validation_split=0.2, verbose=0)
    assert history.history["loss"][-1] < 0.8 * history.history["loss"][0]
    assert history.history["val_accuracy"][-1] > 0.9
    loss, accuracy = made.evaluate(*images(200, seed=1))
    assert accuracy > 0.9
    assert loss < 0.5


def test_the_history_is_that_of_keras() -> None:
    x, y = images(50)
    history = model().fit(x, y, epochs=2, validation_split=0.2, verbose=0)
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(history.history)
    assert history.epoch == [0, 1]
    assert all(len(values) == 2 for values in history.history.values())


def test_the_same_seed_gives_the_same_run_and_another_another() -> None:
    x, y = images(60)

    def losses(seed: int) -> list[float]:
        made = Model(NETWORKS["plain"], INPUT_SHAPE, seed=seed)
        made.compile(engine="numpy", augmentations=[Shift(1)])
        return made.fit(x, y, epochs=2, verbose=0).history["loss"]

    assert losses(1) == losses(1)
    assert losses(1) != losses(2)


def test_engines_train_alike() -> None:
    x, y = images(60)
    ours, theirs = (model("plain", engine).fit(x, y, epochs=2, verbose=0) for engine in ENGINES)
    assert ours.history["loss"] == pytest.approx(theirs.history["loss"], rel=1e-4)


def test_a_second_fit_goes_on() -> None:
    x, y = images(60)
    whole, parts = model(), model()
    through = whole.fit(x, y, epochs=3, verbose=0)
    first, second = (parts.fit(x, y, epochs=epochs, verbose=0) for epochs in (1, 2))
    assert [*first.history["loss"], *second.history["loss"]] == through.history["loss"]
    assert second.epoch == [1, 2]


def test_a_fit_that_was_broken_off_does_not_repeat_its_epochs() -> None:
    class BreakOff(Callback):
        def on_epoch_end(self, view: View) -> None:
            if view.epoch == 1:
                raise KeyboardInterrupt

    x, y = images(40)
    made = model()
    with pytest.raises(KeyboardInterrupt):
        made.fit(x, y, epochs=5, callbacks=[BreakOff()], verbose=0)
    assert made.fit(x, y, verbose=0).epoch == [2]


def test_compiling_again_keeps_the_weights() -> None:
    x, y = images(60)
    made = model("graph")
    made.fit(x, y, verbose=0)
    before = made.evaluate(x, y).loss
    made.compile("sgd", engine="torch")
    assert made.evaluate(x, y).loss == pytest.approx(before, rel=1e-5)


def test_one_hot_labels_train_like_numbers() -> None:
    x, y = images(60)
    rows = one_hot(y, CLASSES, "float32")
    made, other = model(), model()
    assert made.fit(x, y, validation_split=0.2, verbose=0).history["loss"] == pytest.approx(
        other.fit(x, rows, validation_split=0.2, verbose=0).history["loss"], rel=1e-6
    )
    assert made.evaluate(x, y).accuracy == other.evaluate(x, rows).accuracy


def test_evaluation_counts_every_image_and_unpacks_like_keras() -> None:
    x, y = images(37)
    made = model()
    found = made.evaluate(x, y, batch_size=10)
    loss, accuracy = found
    assert (found[0], found[1]) == (loss, accuracy) == (found.loss, found.accuracy)
    assert found.count == 37 == found.confusion.sum()
    predictions = made.predict(x, batch_size=10).argmax(axis=1)
    assert accuracy == pytest.approx((predictions == y).mean())
    assert found.confusion[y[0], predictions[0]] > 0


def test_predictions_are_probabilities_in_any_number() -> None:
    x, _ = images(7)
    made = model()
    probabilities = made.predict(x, batch_size=3)
    assert probabilities.shape == (7, CLASSES)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(7), abs=1e-5)
    assert made(x) == pytest.approx(probabilities)
    assert made(x[:1]) == pytest.approx(probabilities[:1], abs=1e-6)


def test_uint8_and_floats_mean_the_same() -> None:
    x, _ = images(4)
    assert model()(x) == pytest.approx(model()(x / 255.0), abs=1e-6)


def test_callbacks_may_stop_the_training() -> None:
    class Stop(Callback):
        def on_epoch_end(self, view: View) -> bool:
            return view.figures["loss"] > 0

    x, y = images(40)
    assert model().fit(x, y, epochs=9, callbacks=[Stop()], verbose=0).epoch == [0]


def test_validation_data_is_not_trained_on(capsys: pytest.CaptureFixture[str]) -> None:
    x, y = images(40)
    history = model().fit(x, y, validation_data=images(10, seed=5))
    assert "val_loss" in history.history
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("engine: numpy on cpu (asked for)\ntraining: 1 epoch of 2 steps\nepoch 1/1")


@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        (np.zeros((9, 10, 10, 2)), np.zeros(9, int), r"x\.transpose\(0, 3, 1, 2\)"),
        (np.zeros((9, 200)), np.zeros(9, int), r"x\.reshape\(-1, 2, 10, 10\)"),
        (np.zeros((2, 10, 10)), np.zeros(2, int), r"a single image needs the batch axis: x\[None\]"),
        (np.zeros((9, 2, 10, 10), int), np.zeros(9, int), r"images are uint8 .* got int64; if they run from 0"),
        ([[1], [1, 2]], np.zeros(2, int), "the images are no array"),
        (np.zeros((0, 2, 10, 10)), np.zeros(0, int), "not a single image"),
        (np.zeros((9, 2, 10, 10)), np.zeros(8, int), r"9 images, but labels of shape \(8,\)"),
        (np.zeros((9, 2, 10, 10)), np.full(9, 5), "5 outputs, classes 0 to 4, but labels run from 5 to 5"),
        (np.zeros((9, 2, 10, 10)), np.full(9, -1), "labels run from -1"),
        (np.zeros((9, 2, 10, 10)), np.zeros(9), "whole class numbers"),
        (np.zeros((9, 2, 10, 10)), np.zeros((9, 4)), "one-hot rows"),
        (np.zeros((9, 2, 10, 10)), np.ones((9, 5)), "add up to 1"),
    ],
)
def test_arrays_that_do_not_fit(x: Any, y: Any, says: str) -> None:
    for use in (model().fit, model().evaluate):
        with pytest.raises(DataError, match=says):
            use(x, y)


def test_grey_images_need_no_channel_axis() -> None:
    made = Model([Flatten(), Dense(3)], (1, 4, 4))
    made.compile(engine="numpy")
    assert made.predict(np.zeros((5, 4, 4))).shape == (5, 3)
    assert made.predict(np.zeros((5, 1, 4, 4))).shape == (5, 3)


@pytest.mark.parametrize("engine", ENGINES)
def test_arrays_of_any_make_train(engine: str) -> None:
    x, y = images(40)
    expected = model("plain", engine).fit(x / 255.0, y, verbose=0).history["loss"]
    for given in (np.broadcast_to(x / 255.0, x.shape), (x / 255.0).astype(">f8")):
        assert model("plain", engine).fit(given, y[:, None], verbose=0).history["loss"] == expected


def test_wrong_settings() -> None:
    for shape in (64, (0, 6, 6), (1, 2.5, 3), "1,2,3"):
        with pytest.raises(UsageError, match="input_shape is the shape of one image"):
            Model([Flatten(), Dense(2)], shape)  # type: ignore[arg-type]
    for seed in (-1, 1.5, None):
        with pytest.raises(UsageError, match="the seed must be a whole number"):
            Model([Flatten(), Dense(2)], (1, 2, 2), seed=seed)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="printable"):
        Model([Flatten(), Dense(2)], (1, 2, 2), classes=["a", "\x1b[2J"])
    with pytest.raises(UsageError, match="batch_size must be a whole number"):
        model().fit(*images(10), batch_size=5.0)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"derived from deepen\.Callback"):
        model().fit(*images(10), callbacks=[print])  # type: ignore[list-item]
    with pytest.raises(UsageError, match="optimizer: give a name"):
        model().compile(optimizer=None)  # type: ignore[arg-type]


def test_wrong_models() -> None:
    with pytest.raises(DeepenError, match="end it with Flatten and Dense"):
        Model([Conv2D(3, 1)], (1, 4, 4))
    with pytest.raises(DeepenError, match="2 class names, but 3 outputs"):
        Model([Flatten(), Dense(3)], (1, 4, 4), classes=["a", "b"])
    with pytest.raises(deepen.ShapeError, match="conv1 cannot fit"):
        Model([Conv2D(3, 5), Flatten()], (1, 4, 4))
    with pytest.raises(deepen.UnknownNameError, match="unknown metric 'acuracy'; did you mean 'accuracy'"):
        model().compile(metrics=["acuracy"])
    with pytest.raises(DeepenError, match="not both"):
        model().fit(*images(10), validation_split=0.1, validation_data=images(10))
    nothing = Model([Flatten()], (1, 2, 1))
    with pytest.raises(DeepenError, match="no parameter to learn"):
        nothing.fit(np.zeros((4, 1, 2, 1)), np.zeros(4, int), verbose=0)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_was_saved_predicts_the_same(tmp_path: Path, engine: str) -> None:
    x, y = images(60)
    made = model("graph", engine, classes=["甲", "b", "c", "d", "e"])
    made.fit(x, y, epochs=2, verbose=0)
    made.figures = {"test_accuracy": np.float32(0.5), "test_loss": float("inf")}
    path = made.save(tmp_path / "deep" / "model.safetensors")
    loaded = Model.load(path, engine=engine)
    assert (loaded.predict(x) == made.predict(x)).all()
    assert loaded.network == made.network
    assert loaded.classes == made.classes
    assert loaded.picture == made.picture
    assert loaded.figures == {"test_accuracy": 0.5, "test_loss": None}
    assert loaded.seed == made.seed
    assert loaded.name == made.name
    other = Model.load(path, engine=({*ENGINES} - {engine}).pop())
    assert other.predict(x) == pytest.approx(made.predict(x), abs=1e-5)


def test_pictures_become_images_by_rules_that_follow_from_the_shape() -> None:
    assert Model([Flatten(), Dense(2)], (3, 8, 9)).picture == PictureRules((8, 9), "rgb")
    assert Model([Flatten(), Dense(2)], (1, 8, 9)).picture == PictureRules((8, 9), "grey")
    assert model().picture is None
    assert Model([Dense(2)], (8,)).picture is None


def test_a_loaded_model_can_be_trained_on(tmp_path: Path) -> None:
    x, y = images(60)
    path = model().save(tmp_path / "m.safetensors")
    loaded = Model.load(path)
    loaded.compile("momentum", engine="numpy")
    history = loaded.fit(x, y, epochs=5, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]


def test_equal_models_are_equal_files(tmp_path: Path) -> None:
    first, second = (model("graph").save(tmp_path / name) for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


def test_weights_are_copies() -> None:
    made = model()
    made.weights["dense1.bias"][:] = 7
    assert not made.weights["dense1.bias"].any()


def test_summary_prints_and_returns_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    found = model().summary()
    assert f"trainable parameters  {found.parameters}" in capsys.readouterr().out


def test_a_model_of_another_description_is_refused(tmp_path: Path) -> None:
    from deepen import model_file

    path = model().save(tmp_path / "m.safetensors")
    arrays, content = model_file.load(path)
    wrong = {
        "missing": {k: v for k, v in arrays.items() if k != "conv1.bias"},
        "belongs to no layer": {**arrays, "conv9.bias": np.zeros(3, np.float32)},
        "should be float32 of shape": {**arrays, "conv1.bias": np.zeros(9, np.float32)},
        "is float64": {**arrays, "conv1.bias": np.zeros(4)},
    }
    for says, changed in wrong.items():
        model_file.save(path, changed, content)
        with pytest.raises(FileFormatError, match=f"is no valid model: .*{says}"):
            Model.load(path)
    for changed in (
        {"classes": [{}, [], 1, 2, 3]},
        {"name": {"x": 1}},
        {"input_shape": ["2", 10, 10]},
        {"figures": []},
    ):
        model_file.save(path, arrays, {**content, **changed})
        with pytest.raises(FileFormatError, match="is no valid model"):
            Model.load(path)
    for key in ("network", "input_shape", "classes", "loss", "picture", "figures", "name"):
        model_file.save(path, arrays, {k: v for k, v in content.items() if k != key})
        with pytest.raises(FileFormatError, match="is no valid model"):
            Model.load(path)


def test_a_file_that_describes_a_giant_is_refused_before_memory_is_asked_for(tmp_path: Path) -> None:
    from deepen import model_file
    from deepen.description import to_data

    path = tmp_path / "giant.safetensors"
    giant = Sequential([Flatten(), Dense(10**9), Dense(10**9), Dense(2)])
    _, content = model_file.load(model().save(path))
    content |= {"network": to_data(giant), "classes": ["a", "b"]}
    model_file.save(path, {}, content)
    with pytest.raises(FileFormatError, match=r"dense1\.kernel is missing"):
        Model.load(path)


@pytest.mark.parametrize(
    ("last", "loss", "probabilities"),
    [
        ("softmax", "cross_entropy", True),
        (None, "cross_entropy", True),
        ("softmax", "mse", True),
        ("sigmoid", "mse", False),
        (None, "hinge", False),
    ],
)
def test_predictions_are_called_probabilities_where_they_are(
    last: str | None, loss: str, probabilities: bool
) -> None:
    made = Model([Flatten(), Dense(3, activation=last)], (1, 2, 2))
    made.compile(loss=loss, engine="numpy")
    assert made.gives_probabilities == probabilities
    x = np.random.default_rng(0).random((5, 1, 2, 2))
    assert np.allclose(made.predict(x).sum(axis=1), 1) == probabilities


def test_everything_frozen_is_said() -> None:
    made = Model([Flatten(), Dense(3)], (1, 2, 2))
    with pytest.raises(UsageError, match="everything is frozen"):
        made.compile(engine="numpy", groups=[Group("*", rate=0)])


def test_lenet5s_output_and_loss_train_together(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(30) % 3
    x = rng.random((30, 1, 4, 4)) + y[:, None, None, None]
    made = Model([Flatten(), Dense(6, activation="scaled_tanh"), RBF(3)], (1, 4, 4))
    made.compile(Adam(0.02), loss="lenet5", engine="torch")
    codes = made.weights["rbf1.codes"]
    made.fit(x, y, epochs=60, verbose=0)
    assert made.evaluate(x, y).accuracy > 0.9
    assert (made.weights["rbf1.codes"] == codes).all()
    loaded = Model.load(made.save(tmp_path / "rbf.safetensors"), engine="numpy")
    found = loaded.predict(x)
    assert found == pytest.approx(made.predict(x), abs=1e-5)
    assert (found.sum(axis=1) <= 1).all()  # what is lacking is "none of these"
    assert (loaded.predict(np.full((1, 1, 4, 4), -50.0)) < 1e-3).all()


def test_channels_that_come_last_are_pointed_out() -> None:
    with pytest.raises(DeepenError, match=r"conv2 cannot fit .*; channels come first: \(1, 28, 28\)\?"):
        Model([Conv2D(2, 3, padding=1), Conv2D(2, 3), Flatten(), Dense(2)], (28, 28, 1))


def test_what_is_printed_in_a_notebook_is_short() -> None:
    made = Model([Flatten(), Dense(3)], (1, 2, 2), name="small")
    made.compile(engine="numpy", metrics=["accuracy", "top_2_accuracy"])
    assert repr(made) == "<Model 'small': (1, 2, 2) to 3 classes>"
    found = made.evaluate(np.zeros((1200, 1, 2, 2)), np.zeros(1200, int))
    assert repr(found) == "<Evaluation of 1,200 images: loss 1.099, accuracy 1, top_2_accuracy 1>"


def test_validation_data_is_a_pair() -> None:
    made = Model([Flatten(), Dense(3)], (1, 2, 2))
    x = np.zeros((4, 1, 2, 2))
    with pytest.raises(DataError, match=r"images and labels, \(x, y\), got "):
        made.fit(x, [0, 1, 2, 0], validation_data=(x,), verbose=0)  # type: ignore[arg-type]


def test_floats_that_look_like_grey_values_are_warned_of() -> None:
    x, y = np.full((4, 1, 2, 2), 255.0), np.arange(4) % 3
    with pytest.warns(UserWarning, match="floats up to 255; divide them by 255"):
        Model([Flatten(), Dense(3)], (1, 2, 2)).fit(x, y, verbose=0)
    Model([Normalize(128, 64), Flatten(), Dense(3)], (1, 2, 2)).fit(x, y, verbose=0)
    Model([Flatten(), Dense(3)], (1, 2, 2)).fit(x.astype("uint8"), y, verbose=0)
