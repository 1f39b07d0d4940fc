"""Labels as rows of zeros with a single one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deepen.arrays import Array
from deepen.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def to_categorical(labels: ArrayLike, num_classes: int | None = None) -> Array:
    """Return float32 `(..., num_classes)`, 1 at each label's class and 0 elsewhere, as Keras' function does.

    Args:
        labels: integers of any shape; a last axis of length 1, as in `(N, 1)`, is dropped.
        num_classes: how many classes there are; by default one more than the largest label.

    Raises:
        DataError: labels are no integers, negative, or do not fit `num_classes`.
    """
    labels = np.asarray(labels)
    if labels.size and not np.issubdtype(labels.dtype, np.integer):
        raise DataError(
            f"labels must be integers, but are {labels.dtype}; if they are whole numbers: labels.astype(int)"
        )
    if num_classes is None:
        if not labels.size:
            raise DataError("without labels the number of classes is unknown; give num_classes")
        num_classes = int(labels.max()) + 1
    if labels.size and (labels.min() < 0 or labels.max() >= num_classes):
        raise DataError(
            f"labels must lie between 0 and {num_classes - 1}, for {num_classes} classes, "
            f"but run from {labels.min()} to {labels.max()}"
        )
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    rows = np.zeros((labels.size, num_classes), np.float32)
    rows[np.arange(labels.size), labels.ravel().astype(np.int64)] = 1
    return rows.reshape(*labels.shape, num_classes)
