"""Dropout, the original and the inverted one.

One letter p means two things in the books: the probability to keep a unit (CS231n), and the share to drop (Saito,
"Deep Learning from Scratch", `dropout_ratio`; PyTorch; Keras). Here it is always the probability to keep, and is
named so. Draws are uniform numbers in [0, 1), one for each unit, such as `rng.random(x.shape)`.
"""

from __future__ import annotations

from deepen.arrays import Array


def keep_probability_of(drop_ratio: float) -> float:
    """Return `1 − drop_ratio`: to drop three tenths is to keep seven."""
    return 1 - drop_ratio


def dropout_train(x: Array, draws: Array, keep_probability: float) -> tuple[Array, Array]:
    """Drop units while training, the original way: `y = x · m`, m = 1 where the draw is below the probability.

    Returns y and the mask m. The mean of y is `keep_probability · x`, so the test pass has to scale.

    Source: Srivastava et al., "Dropout", JMLR 2014, section 4; CS231n, "Neural networks part 2", dropout.
    """
    mask = (draws < keep_probability).astype(x.dtype)
    return x * mask, mask


def dropout_test(x: Array, keep_probability: float) -> Array:
    """Scale instead of dropping, `y = keep_probability · x`: the mean that the next layer was trained with."""
    return x * float(keep_probability)


def inverted_dropout_train(x: Array, draws: Array, keep_probability: float) -> tuple[Array, Array]:
    """Drop units and scale the rest up, `y = x · m / keep_probability`, so that the test pass is `y = x`.

    Returns y and the scaled mask.

    Source: CS231n, "Neural networks part 2", inverted dropout.
    """
    mask: Array = (draws < keep_probability).astype(x.dtype) / float(keep_probability)
    return x * mask, mask


def dropout_backward(dy: Array, mask: Array) -> Array:
    """Let the gradient through where the unit was let through: `dx = dy · mask`, with either mask."""
    return dy * mask
