"""Normalizations: by fixed numbers, over the batch, over groups of channels."""

from __future__ import annotations

from deepen.engines.native.graph import Value
from deepen.engines.native.lowering import Lowering, rule
from deepen.layers.normalization import BatchNormalization, GroupNormalization, Normalize

SCALING = ("gamma", "beta")


@rule(Normalize)
def normalize(lowering: Lowering, layer: Normalize, path: str, x: Value) -> Value:
    """Fixed means and deviations, one for each channel."""
    channels = x.shape[0]

    def each(numbers: float | tuple[float, ...]) -> tuple[float, ...]:
        assert isinstance(numbers, tuple)
        return numbers if len(numbers) == channels else numbers * channels

    constants = {"mean": each(layer.mean), "deviation": each(layer.std)}
    kernel = "Normalize<{x}, {y}, {constants}>"
    return lowering.add(path, kernel, "normalization.hpp", x, x.shape, reads="", constants=constants)


@rule(BatchNormalization)
def batch_normalization(lowering: Lowering, layer: BatchNormalization, path: str, x: Value) -> Value:
    """The statistics of the batch where it is trained, the running ones elsewhere."""
    if lowering.trains(path):
        return lowering.add(
            path,
            "BatchNormalization<{x}, {y}, {relu}, {constants}>",
            "batch_normalization.hpp",
            x,
            x.shape,
            parameters=SCALING,
            reads="x",
            constants={"epsilon": layer.epsilon, "momentum": layer.momentum},
        )
    return lowering.add(
        path,
        "FixedBatchNormalization<{x}, {y}, {constants}>",
        "normalization.hpp",
        x,
        x.shape,
        parameters=(*SCALING, "running_mean", "running_variance"),
        reads="x",
        constants={"epsilon": layer.epsilon},
    )


@rule(GroupNormalization)
def group_normalization(lowering: Lowering, layer: GroupNormalization, path: str, x: Value) -> Value:
    """The statistics of each image, group by group."""
    return lowering.add(
        path,
        f"GroupNormalization<{{x}}, {{y}}, {layer.groups}, {{constants}}>",
        "normalization.hpp",
        x,
        x.shape,
        parameters=SCALING,
        reads="x",
        keeps=True,
        constants={"epsilon": layer.epsilon},
    )
