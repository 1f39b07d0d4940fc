"""The losses as types of the generated program."""

from __future__ import annotations

from deepen.engines.native.graph import Constant
from deepen.errors import UsageError
from deepen.losses import LeNet5Loss, Loss, MeanSquaredError, MultiClassHinge, SoftmaxCrossEntropy


def loss_type(loss: Loss) -> tuple[str, dict[str, Constant]]:
    """Return the C++ type of a loss and its constants, which are to be of the type `double`.

    In the type, `{y}` stands for the map of the outputs, `{main}` for `true`, or for `false` of a side output, and
    `{constants}` for the constants.

    Raises:
        UsageError: it is not one of the losses that come with the library.
    """
    name = type(loss).__name__
    # A subclass may compute something else, so that the class itself has to be the one.
    if type(loss) is SoftmaxCrossEntropy:
        weights = (1.0,) if loss.class_weights is None else loss.class_weights
        constants: dict[str, Constant] = {"label_smoothing": loss.label_smoothing, "class_weights": weights}
        return f"{name}<{{y}}, {{main}}, {{constants}}>", constants
    if type(loss) is MeanSquaredError:
        return f"{name}<{{y}}, {{main}}>", {}
    if type(loss) is MultiClassHinge:
        return f"{name}<{{y}}, {{main}}, {{constants}}>", {"margin": loss.margin}
    if type(loss) is LeNet5Loss:
        return f"{name}<{{y}}, {{main}}, {{constants}}>", {"j": loss.j}
    raise UsageError(f'the native engine does not know the loss {name}; use engine="torch" or "numpy"')
