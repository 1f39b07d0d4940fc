"""The order in which an epoch shows the images."""

from __future__ import annotations

from deepen import randomness
from deepen.arrays import Array
from deepen.engines.base import batches
from deepen.randomness import Moment


def steps_of(seed: int, epoch: int, images: int, batch_size: int) -> list[tuple[Moment, Array]]:
    """Return the steps of an epoch: when each is, and the places, from 0 to images − 1, that it works on."""
    order = randomness.permutation(seed, "shuffle", images, epoch)
    return [(Moment(epoch, step), order[part]) for step, part in enumerate(batches(images, batch_size))]
