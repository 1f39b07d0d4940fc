"""The textbook peer of the speed benchmark computes the same network as the library, only slower."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from deepen.engines import Setup
from deepen.engines.numpy_engine import NumpyEngine
from deepen.models.deepconvnet import deepconvnet

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def peer(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("textbook")


@pytest.fixture
def engine():
    return NumpyEngine(Setup(deepconvnet(dropout=0.0), (1, 28, 28), dtype="float64"))


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return rng.random((4, 1, 28, 28)), np.array([3, 1, 4, 1])


def with_weights_of(engine, peer):
    """Return the peer, without dropout, holding the engine's weights in its own layout."""
    network = peer.Textbook(dropout=0.0)
    for own, (path, theirs) in zip(network.parameters, engine.state().parameters.items(), strict=True):
        own[...] = in_peers_layout(path, theirs)
    return network


def in_peers_layout(path, array):
    """Dense kernels are (units, inputs) in the library and (inputs, units) in the textbook."""
    return array.T if array.ndim == 2 else array


def assert_close(found, expected, tolerance=1e-10):
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


def test_loss_is_the_engines(peer, engine, batch, monkeypatch):
    # The textbook's logarithm of p + 1e-7 alone would be seen at this precision.
    monkeypatch.setattr(peer, "LOG_FLOOR", 0.0)
    loss, _, _ = with_weights_of(engine, peer).loss(*batch)
    expected, _ = engine.evaluate(*batch)
    assert loss == pytest.approx(expected, rel=1e-10)


def test_gradients_are_the_engines(peer, engine, batch):
    found = with_weights_of(engine, peer).gradients(*batch)
    expected = engine.gradients(*batch)
    assert len(found) == len(expected) == 16
    for gradient, (path, theirs) in zip(found, expected.items(), strict=True):
        assert np.abs(theirs).max() > 0, path
        assert_close(gradient, in_peers_layout(path, theirs))


def test_everything_is_float64(peer, batch):
    images, labels = batch
    network = peer.Textbook()
    outputs, _ = network.logits(images.astype(np.float32), training=True)
    gradients = network.gradients(images.astype(np.float32), labels)
    assert {array.dtype for array in (outputs, *gradients, *network.parameters)} == {np.dtype(np.float64)}


def test_dropout_scales_at_evaluation_only(peer):
    network = peer.Textbook(dropout=0.25)
    x = np.ones((100, 100))
    evaluated, _ = network.drop(x, training=False)
    assert (evaluated == 0.75).all()
    trained, backward = network.drop(x, training=True)
    assert set(np.unique(trained)) == {0, 1}
    assert trained.mean() == pytest.approx(0.75, abs=0.02)
    dx, own = backward(x)
    assert (dx == trained).all()
    assert own == ()


def test_a_step_is_adams(peer, engine, batch):
    network = with_weights_of(engine, peer)
    before = [array.copy() for array in network.parameters]
    gradients = network.gradients(*batch)
    network.step(*batch)
    # At the first step, with both corrections, Adam goes a full rate against the sign of each gradient.
    for after, first, g in zip(network.parameters, before, gradients, strict=True):
        large = np.abs(g) > 1e-3
        np.testing.assert_allclose((first - after)[large], 0.001 * np.sign(g[large]), rtol=1e-2)


def test_it_learns(peer, batch):
    network = peer.Textbook(dropout=0.0)
    losses = [network.step(*batch) for _ in range(15)]
    assert losses[-1] < 0.5 * losses[0]
