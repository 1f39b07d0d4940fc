"""Each symptom is seen where it is, with a warning that says what to do, and not in networks that are well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deepen.data import digits
from deepen.engines.base import Setup
from deepen.engines.torch_engine import TorchEngine
from deepen.inspect.health import Record
from deepen.inspect.symptoms import Background, Symptom, plain_depth, symptoms
from deepen.layers import Conv2D, Dense, Flatten, Residual, Sequential
from deepen.models.lenet import lenet
from deepen.optimizers import Adam, Optimizer
from deepen.spec import Layer
from deepen.training.health import Health
from deepen.training.loop import Plan, train

GUESSING = Background(0.1)
WELL = Record(0, "conv1", 0.3, 1.0, 0.1, 0.5, 5.0, 0.005)
LEARNS = {"loss": [1.0, 0.3, 0.2, 0.1, 0.05], "accuracy": [0.5, 0.8, 0.9, 0.95, 0.98]}
STANDS = {"loss": [1.5] * 5, "accuracy": [0.38, 0.4, 0.4, 0.405, 0.4]}


def seen(*records: Record, background: Background = GUESSING, **history: list[float]) -> list[Symptom]:
    return symptoms(records, history or LEARNS, background)


def names(found: list[Symptom]) -> list[str]:
    return [symptom.name for symptom in found]


# The rules


def test_a_healthy_layer_has_no_symptoms() -> None:
    assert seen(WELL) == []


@pytest.mark.parametrize(
    ("name", "ill", "well", "text"),
    [
        (
            "exploding gradients",
            {"gradient_norm": 60.0},
            {"gradient_norm": 40.0},
            "conv1: the gradient is 12 times as large as the weights (exploding gradients); clip it (clip_norm=1)",
        ),
        (
            "dying units",
            {"dead": 0.8},
            {"dead": 0.7},
            "conv1: 80% of its units give 0 for every image of the sample, and learn no more (dying ReLUs); lower",
        ),
        (
            "large updates",
            {"update_norm": 1.0},
            {"update_norm": 0.4},
            "conv1: a single step changes the weights by 20% of their size, where a tenth of a percent is usual",
        ),
    ],
)
def test_a_layer_is_ill_beyond_a_threshold(
    name: str, ill: dict[str, float], well: dict[str, float], text: str
) -> None:
    (found,) = seen(replace(WELL, **ill))
    assert (found.name, found.layer) == (name, "conv1")
    assert found.text.startswith(text)
    assert seen(replace(WELL, **well)) == []


def test_the_worst_of_several_layers_is_named() -> None:
    (found,) = seen(replace(WELL, dead=0.8), replace(WELL, layer="conv2", dead=0.9), replace(WELL, layer="conv3"))
    assert found.layer == "conv2"
    assert found.text.startswith("conv2, worst of 2 layers: 90% of its units")


def gradients(*norms: float) -> list[Record]:
    return [replace(WELL, layer=f"dense{i}", gradient_norm=norm) for i, norm in enumerate(norms, start=1)]


def test_a_gradient_vanishes_towards_the_input() -> None:
    (found,) = seen(*gradients(1e-8, 2e-6, 1e-3, 0.5))
    assert (found.name, found.layer) == ("vanishing gradients", "dense1")
    assert found.text.startswith(
        "dense1, worst of 2 layers: the gradient is only 2e-08 of that of layers behind it"
    )
    assert "batch normalization or residual connections" in found.text


@pytest.mark.parametrize("norms", [(0.5, 1e-3, 1e-8), (1e-4, 1e-3, 0.5), (1e-9, 1e-9, 1e-9), (0.0, 0.0, 0.0)])
def test_small_gradients_elsewhere_do_not_count_as_vanishing(norms: tuple[float, ...]) -> None:
    assert seen(*gradients(*norms)) == []


def test_behind_a_dead_layer_it_is_the_layer_that_is_to_blame() -> None:
    dead = replace(WELL, layer="relu1", dead=1.0, gradient_norm=None)
    assert names(seen(*gradients(0.0, 0.5), dead)) == ["dying units"]


def test_only_the_last_epoch_counts() -> None:
    assert seen(replace(WELL, dead=0.9), replace(WELL, epoch=1)) == []


def test_updates_are_small_only_where_little_was_learned_and_no_epoch_had_larger_ones() -> None:
    small = replace(WELL, update_norm=1e-5)
    (found, _) = seen(small, **STANDS)
    assert found.text == (
        "no step has changed a layer by more than 2e-06 of its weights, where about 1e-03 is usual (small "
        "updates); raise the learning rate"
    )
    assert "small updates" not in names(seen(WELL, replace(small, epoch=1), **STANDS))
    assert seen(small, **LEARNS) == []


def test_underfitting_is_low_accuracy_that_stands_still() -> None:
    (found,) = seen(WELL, **STANDS)
    assert found.name == "underfitting"
    assert found.text.startswith(
        "training accuracy has stood at 40.0% for 3 epochs, and is still low (underfitting); try another learning"
    )
    assert seen(WELL, loss=[1.0] * 4, accuracy=[0.38, 0.39, 0.4, 0.41]) == []
    assert seen(WELL, loss=[1.0] * 4, accuracy=[0.56] * 4) == []
    assert seen(WELL, loss=[1.0] * 3, accuracy=[0.1] * 3) == []


def test_what_has_learned_nothing_is_no_better_than_guessing() -> None:
    (found,) = seen(WELL, loss=[2.3] * 5, accuracy=[0.08, 0.07, 0.09, 0.1, 0.11])
    assert found.text.startswith(
        "after 5 epochs training accuracy is 11.0%, hardly better than guessing (10.0%): nothing is being learned"
    )
    assert seen(WELL, loss=[0.1] * 5, accuracy=[1.0] * 5, background=Background(1.0)) == []


def test_underfitting_points_to_its_cause() -> None:
    dying, found = seen(replace(WELL, dead=1.0), **STANDS)
    assert dying.name == "dying units"
    assert found.text.endswith("see the other warnings for the cause")


def test_degradation_is_underfitting_of_a_deep_plain_network_without_another_cause() -> None:
    (found,) = seen(WELL, background=Background(0.1, plain_depth=34), **STANDS)
    assert found.name == "degradation"
    assert "although gradients reach all 34 layers" in found.text
    assert "to be sure, train a network with half the layers" in found.text
    assert names(seen(WELL, background=Background(0.1, plain_depth=19), **STANDS)) == ["underfitting"]
    ill = seen(replace(WELL, dead=0.9), background=Background(0.1, plain_depth=34), **STANDS)
    assert names(ill) == ["dying units", "underfitting"]


def test_plain_depth_counts_kernels_where_there_is_no_way_around() -> None:
    convolutions = [Conv2D(4, 3, padding=1) for _ in range(3)]
    head = [Flatten(), Dense(2)]
    assert plain_depth(Setup(Sequential([*convolutions, *head]), (4, 6, 6))) == 4
    assert plain_depth(Setup(Sequential([Residual(Sequential(convolutions)), *head]), (4, 6, 6))) == 0


def test_overfitting_is_a_validation_loss_that_stays_above_its_best_while_training_goes_on() -> None:
    accuracy = {"accuracy": [0.9] * 6, "val_accuracy": [0.88] * 6}
    loss = [1.0, 0.5, 0.3, 0.2, 0.1, 0.05]
    (found,) = seen(WELL, loss=loss, val_loss=[1.0, 0.4, 0.5, 0.7, 0.8, 0.9], **accuracy)
    seen_in_both = "since epoch 2 the validation loss has risen from 0.4000 to 0.9000 while the training loss fell"
    assert found.text == f"{seen_in_both} (overfitting); use more images, augmentation, dropout, L2, or stop early"
    assert seen(WELL, loss=loss, val_loss=[1.0, 0.4, 0.5, 0.7, 0.5, 0.9], **accuracy) == []
    assert seen(WELL, loss=[0.1] * 6, val_loss=[1.0, 0.4, 0.5, 0.7, 0.8, 0.9], **accuracy) == []


def test_overfitting_is_a_wide_gap_in_accuracy() -> None:
    curves = {"loss": [0.1], "val_loss": [0.9], "accuracy": [0.99]}
    (found,) = seen(WELL, **curves, val_accuracy=[0.8])
    assert found.text.startswith("accuracy is 99.0% in training, but 80.0% in validation (overfitting); use more")
    assert seen(WELL, **curves, val_accuracy=[0.92]) == []


def test_overfitting_is_a_smaller_gap_with_a_loss_many_times_as_high() -> None:
    curves = {"accuracy": [1.0], "loss": [0.01]}
    (found,) = seen(WELL, **curves, val_loss=[0.3], val_accuracy=[0.93])
    assert "100.0% in training, but 93.0% in validation" in found.text
    assert seen(WELL, **curves, val_loss=[0.09], val_accuracy=[0.93]) == []
    assert seen(WELL, **curves, val_loss=[0.3], val_accuracy=[0.96]) == []


# Networks that are well, and networks that were made ill


def relu_network(depth: int = 2) -> Layer:
    return Sequential([Conv2D(8, 3, activation="relu"), Flatten(), *[_dense("relu")] * depth, Dense(10)])


def _dense(activation: str) -> Layer:
    initializer = "he_normal" if activation == "relu" else "xavier_uniform"
    return Dense(32, activation=activation, kernel_initializer=initializer)


def after_training(
    folder: Path, network: Layer, optimizer: Optimizer, epochs: int, images: int = 600
) -> tuple[list[Symptom], float]:
    """Train on some of the digits, and return what is seen, and the accuracy."""
    data = digits.load()
    engine = TorchEngine(Setup(network, (1, 8, 8), optimizer=optimizer))
    engine.bind(data.train_images, data.train_labels)
    held_out = slice(1000, 1400)

    def validate() -> dict[str, float]:
        loss, outputs = engine.evaluate(data.train_images[held_out], data.train_labels[held_out])
        return {
            "val_loss": loss,
            "val_accuracy": float((outputs.argmax(1) == data.train_labels[held_out]).mean()),
        }

    training = np.arange(images)
    callback = Health(folder / "health.csv")
    history = train(engine, training, Plan(epochs, batch_size=50), validate, [callback])
    return callback.symptoms(history), history.last["accuracy"]


def test_a_network_that_is_well_has_no_symptoms(tmp_path: Path) -> None:
    found, accuracy = after_training(tmp_path, relu_network(), Adam(0.002), epochs=6, images=1000)
    assert found == []
    assert accuracy > 0.9


def test_lenet_with_its_sigmoids_is_well(tmp_path: Path) -> None:
    network = Sequential([Conv2D(1, 1, padding=10, kernel_initializer="ones"), *lenet().layers[:]])  # type: ignore[attr-defined]
    found, _ = after_training(tmp_path, network, Adam(0.002), epochs=2)
    assert found == []


def test_a_chain_of_sigmoids_takes_the_gradient_away(tmp_path: Path) -> None:
    network = Sequential([Flatten(), *[_dense("sigmoid") for _ in range(12)], Dense(10)])
    found, _ = after_training(tmp_path, network, Adam(), epochs=4)
    assert names(found) == ["vanishing gradients", "underfitting"]
    assert found[0].layer == "dense1"


def test_a_huge_learning_rate_kills_units(tmp_path: Path) -> None:
    found, _ = after_training(tmp_path, relu_network(), Adam(0.3), epochs=4)
    assert "dying units" in names(found)
    assert "underfitting" in names(found)


def test_a_tiny_learning_rate_is_seen_in_the_updates(tmp_path: Path) -> None:
    found, _ = after_training(tmp_path, relu_network(), Adam(1e-6), epochs=4)
    assert names(found) == ["small updates", "underfitting"]


def test_a_handful_of_images_is_learned_by_heart(tmp_path: Path) -> None:
    found, accuracy = after_training(tmp_path, relu_network(), Adam(0.003), epochs=40, images=50)
    assert names(found) == ["overfitting"]
    assert accuracy == 1
