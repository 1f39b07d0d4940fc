"""One layer by itself, in PyTorch."""

from __future__ import annotations

from deepen.context import Context
from deepen.engines.layer_call import calling, must_return
from deepen.engines.numpy_layer import LayerInputs, LayerResult
from deepen.paths import nest
from deepen.spec import Layer


def run_torch(layer: Layer, inputs: LayerInputs, training: bool) -> LayerResult:
    """Run a layer forth, and let autograd go back: what `run_numpy` gives, with the same numbers drawn.

    Raises:
        LayerCallError: the pass or autograd raises an error, or the pass returns no tensor.
    """
    import torch
    import torch.nn.functional as F

    own, run, drawn = inputs.astype(inputs.x.dtype.name), inputs.layer_pass(training), inputs.uniform
    run.draw = lambda purpose, shape: torch.from_numpy(drawn(purpose, shape))
    x = torch.from_numpy(own.x)
    if x.ndim == 4:  # in memory as training has it, where PyTorch has other code for some layers
        x = x.contiguous(memory_format=torch.channels_last)
    x.requires_grad_()
    parameters = {path: torch.from_numpy(array).requires_grad_() for path, array in own.parameters.items()}
    statistics = {path: torch.from_numpy(array) for path, array in own.statistics.items()}
    with calling(layer, "torch_forward"):
        y: object = layer.torch_forward(F, x, nest(parameters), Context(run, "", nest(statistics)))
    if not isinstance(y, torch.Tensor):
        raise must_return(layer, "torch_forward", "y alone, a tensor", y)
    outputs = [y, *(emitted.outputs for emitted in run.emitted)]
    objective = sum((o * torch.from_numpy(own.upstream(o, i))).sum() for i, o in enumerate(outputs))
    # The last term is there for layers whose output does not depend on x.
    objective = objective + sum(run.penalties) + 0 * x.sum()
    sources = [x, *parameters.values()]
    with calling(layer, "torch_forward"):  # autograd finds some of its mistakes only on the way back
        dx, *found = torch.autograd.grad(objective, sources, materialize_grads=True)
    return LayerResult(
        y.detach().numpy(),
        dx.numpy(),
        {path: gradient.numpy() for path, gradient in zip(parameters, found, strict=True)},
        {path: value.detach().numpy() for path, value in run.updates.items()},
    )
