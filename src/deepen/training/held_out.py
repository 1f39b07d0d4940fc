"""What a training is validated on."""

from __future__ import annotations

import numpy as np

from deepen.arrays import Array
from deepen.data.split import stratified_split
from deepen.errors import DataError
from deepen.metrics import classes_of


def hold_out(
    images: Array, labels: Array, share: float, given: tuple[Array, Array] | None, seed: int
) -> tuple[Array, tuple[Array, Array] | None]:
    """Return the indices that are trained on, and the images and labels to validate on: none, given, or a share.

    Raises:
        DataError: there is both a share and what is given, or the share leaves nothing.
    """
    everything = np.arange(len(images))
    if given is not None:
        if share:
            raise DataError("give validation_split or validation_data, not both")
        return everything, given
    if not share:
        return everything, None
    indices, part = stratified_split(classes_of(labels), share, seed)
    return indices, (images[part], labels[part])
