"""Views of test images: what is seen in each, and that it is the same image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from deepen import Model
from deepen.arrays import Array
from deepen.data.views import VIEWS, views
from deepen.errors import UnknownNameError
from networks import INPUT_SHAPE, NETWORKS
from stepping import images

IMAGE = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)[None, None]


def rows(view: Array) -> list[list[int]]:
    shown: list[list[int]] = view[0, 0].tolist()
    return shown


def test_flip_shows_the_image_and_its_mirror_image() -> None:
    assert [*map(rows, views(IMAGE, "flip"))] == [[[1, 2, 3], [4, 5, 6]], [[3, 2, 1], [6, 5, 4]]]


def test_shift_moves_up_down_left_and_right_and_repeats_the_edge() -> None:
    assert [*map(rows, views(IMAGE, "shift"))] == [
        [[1, 2, 3], [4, 5, 6]],
        [[4, 5, 6], [4, 5, 6]],
        [[1, 2, 3], [1, 2, 3]],
        [[2, 3, 3], [5, 6, 6]],
        [[1, 1, 2], [4, 4, 5]],
    ]


def test_flip_and_shift_are_all_ten() -> None:
    ten = [rows(view) for view in views(IMAGE, "flip+shift")]
    mirrored = [rows(view) for view in views(IMAGE[..., ::-1], "shift")]
    assert ten == [*map(rows, views(IMAGE, "shift")), *mirrored]


@pytest.mark.parametrize("kind", VIEWS)
@given(st.data())
def test_shape_and_type_stay_and_the_images_too(kind: str, data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from([np.uint8, np.float32, np.float64]))
    shape = data.draw(arrays.array_shapes(min_dims=4, max_dims=4, min_side=1, max_side=5))
    images = np.random.default_rng(0).integers(0, 255, shape).astype(dtype)
    kept = images.copy()
    images.flags.writeable = False
    seen = [*views(images, kind)]
    assert {(view.shape, view.dtype) for view in seen} == {(shape, np.dtype(dtype))}
    assert seen[0] is images
    assert all((torch.from_numpy(view).numpy() == view).all() for view in seen[1:])  # strides that PyTorch takes
    assert (images == kept).all()


def test_unknown_kinds() -> None:
    with pytest.raises(UnknownNameError, match="unknown kind of views 'flips'; did you mean 'flip'"):
        views(IMAGE, "flips")


@pytest.fixture(scope="module")
def model() -> Model:
    made = Model(NETWORKS["plain"], INPUT_SHAPE)
    made.compile("adam", engine="numpy")
    return made


@pytest.mark.parametrize("kind", VIEWS)
def test_a_model_averages_the_logits_of_the_views(model: Model, kind: str) -> None:
    x, y = images(20)
    logits = np.mean([model.engine.outputs(view) for view in views(x, kind)], axis=0)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    predicted, found = model.predict(x, views=kind), model.evaluate(x, y, views=kind)
    assert predicted.dtype == np.float32
    assert predicted == pytest.approx(probabilities, rel=1e-5)
    assert (found.probabilities == predicted).all()
    assert found.loss == pytest.approx(-np.log(probabilities[np.arange(20), y]).mean(), rel=1e-5)
    assert found.accuracy == (predicted.argmax(axis=1) == y).mean()
    assert (model.predict(x) != predicted).any()


def test_the_batch_size_does_not_matter_to_views(model: Model) -> None:
    x, _ = images(20)
    assert model.predict(x, views="flip+shift", batch_size=7) == pytest.approx(
        model.predict(x, views="flip+shift")
    )


def test_a_model_names_the_kinds_of_views(model: Model) -> None:
    with pytest.raises(UnknownNameError, match="unknown kind of views 'mirror'; known: flip, flip\\+shift, shift"):
        model.predict(images(2)[0], views="mirror")
