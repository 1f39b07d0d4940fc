"""What only LeNet-5 has, besides its `PartialConv2D`: pooling that learns, RBF outputs, its first weights.

Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998, section II.B.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, cast

import numpy as np

from deepen import randomness
from deepen.arrays import Array
from deepen.context import Context
from deepen.description import register
from deepen.errors import DeepenError
from deepen.initializers import ConstantValue, Zeros, fans, initializer
from deepen.layers import checks
from deepen.layers.activation import Activation, activation
from deepen.layers.pooling import AveragePooling2D, MaxPooling2D, MinPooling2D, Pooling2D, SumPooling2D
from deepen.paths import Shape, Tree
from deepen.spec import Initializer, Layer, Param

_POOLINGS: dict[str, type[Pooling2D]] = {
    "sum": SumPooling2D,
    "average": AveragePooling2D,
    "max": MaxPooling2D,
    "min": MinPooling2D,
}


@register
@dataclass(frozen=True)
class TrainablePooling2D(Pooling2D):
    """Pool, then scale and shift each map: `y = f(a[c] · pool(x) + b[c])`, f the activation.

    Backward: `dz = f'(dy)`, `da[c] = Σ dz · pool(x)`, `db[c] = Σ dz`; the pooling receives `a[c] · dz`.

    LeNet-5 pools by "sum"; a then starts as 1 / (KH·KW), so that the sum starts as a mean, otherwise as 1.

    Shapes: x `(N, C, H, W)`, coefficient a and bias b `(C,)`, y `(N, C, OH, OW)` as in `Pooling2D`.

    Raises:
        DeepenError: a field is out of range.
        ShapeError: the input is no maps, the window does not fit, or it may lie in the padding altogether.

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998, section II.B, layer S2.
    """

    pooling: str = "sum"
    activation: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.one_of(self, "pooling", _POOLINGS)
        activation(self.activation)

    @property
    def pool(self) -> Pooling2D:
        """The pooling that comes before the coefficients."""
        return _POOLINGS[self.pooling](self.pool_size, self.stride, self.padding, self.ceil_mode)

    @property
    def function(self) -> Activation:
        """The activation that is applied at the end."""
        return activation(self.activation)

    def params(self, input_shape: Shape) -> dict[str, Param]:
        channels = input_shape[:1]
        start = 1 / prod(self.window) if self.pooling == "sum" else 1
        return {
            "coefficient": Param(channels, ConstantValue(start)),
            "bias": Param(channels, Zeros(), decay=False),
        }

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
        """Return y, and as the cache what was pooled and what the activation keeps."""
        pooled, pool_cache = self.pool.forward(x, {}, ctx)
        z = _by_map(params["coefficient"]) * pooled + _by_map(params["bias"])
        y = self.function.value(z)
        return y, (pool_cache, pooled, self.function.kept(z, y))

    def backward(self, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Any]]:
        """Return dx and the gradients of coefficient and bias."""
        pool_cache, pooled, kept = cache
        dz = self.function.gradient(dy, kept)
        dx, _ = self.pool.backward(_by_map(params["coefficient"]) * dz, {}, pool_cache)
        return dx, {"coefficient": (dz * pooled).sum(axis=(0, 2, 3)), "bias": dz.sum(axis=(0, 2, 3))}

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch."""
        pooled = self.pool.torch_forward(F, x, {}, ctx)
        z = _by_map(params["coefficient"]) * pooled + _by_map(params["bias"])
        return self.function.torch_value(F, z)


def _by_map(numbers: Any) -> Any:
    return numbers[:, None, None]


@register
@dataclass(frozen=True)
class FanInUniform(Initializer):
    """Uniform within ±2.4 / fan_in, where the squashing function is still nearly linear.

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998, appendix A.
    """

    def sample(self, shape: Shape, seed: int, path: str) -> Array:
        u = randomness.open_uniform(seed, f"initial {path}", prod(shape)).reshape(shape)
        return 2.4 / fans(shape)[0] * (2 * u - 1)


@register
@dataclass(frozen=True)
class Signs(Initializer):
    """−1 or +1, each with probability ½."""

    def sample(self, shape: Shape, seed: int, path: str) -> Array:
        u = randomness.open_uniform(seed, f"initial {path}", prod(shape)).reshape(shape)
        return np.where(u < 0.5, -1.0, 1.0)


_DIGITS = """
.#####.  ...##..  .#####.  #######  .#####.  .#####.  ..####.  #######  .#####.  .#####.
.......  ..###..  .......  .....##  .......  .......  .##....  .....##  ##...##  ##..###
..###..  .####..  .#####.  ....##.  .......  #######  ##.....  .....##  ##...##  ##...##
.##.##.  ...##..  ##...##  ...##..  .##..##  ##.....  ##.....  ....##.  ##...##  ##...##
##...##  ...##..  #....##  ..####.  .##..##  ##.....  ######.  ...##..  .#####.  ##..###
##...##  ...##..  ....##.  .....##  ###..##  .####..  ###..##  ...##..  ##...##  .######
##...##  ...##..  ..###..  .....##  ##...##  ..####.  ##...##  ..##...  ##...##  .....##
##...##  ...##..  .##....  .....##  ##...##  .....##  ##...##  ..##...  ##...##  .....##
.##.##.  ...##..  ##.....  ##...##  ##..###  ##...##  ###..##  ..##...  ##...##  ....##.
..###..  .######  #######  .#####.  .######  .#####.  .#####.  ..##...  .#####.  .####..
.......  .......  .......  .......  .....##  .......  .......  .......  .......  .......
.......  .......  .......  .......  .....##  .......  .......  .......  .......  .......
"""


@register
@dataclass(frozen=True)
class DigitCodes(Initializer):
    """The ten digits as pictures of 7×12 pixels, row by row: ink is +1, paper −1; for codes `(10, 84)` only.

    Raises:
        DeepenError: the codes have another shape.

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998, figure 3; the pixels as
    github.com/mattwang44/LeNet-from-Scratch reads them off it, with the line above 0, 2, 4 and 5.
    """

    def sample(self, shape: Shape, seed: int, path: str) -> Array:
        if shape != (10, 84):
            raise DeepenError(
                f"the digits' codes are for 10 classes and 84 features, but {path} is {shape}; for others leave "
                "the codes of RBF at their default, random signs"
            )
        rows = np.array([list(row) for row in _DIGITS.split()]).reshape(12, 10, 7)
        return np.where(rows == "#", 1.0, -1.0).transpose(1, 0, 2).reshape(shape)


@register
@dataclass(frozen=True)
class RBF(Layer):
    """Compare features with codes, `y[k] = −Σᵢ (x[i] − w[k,i])²`: the nearest code has the largest output.

    Backward: `dx[i] = −2 Σₖ dy[k] (x[i] − w[k,i])`, `dw[k,i] = 2 Σₙ dy[n,k] (x[n,i] − w[k,i])`.

    Shapes: x `(N, F)`, codes w `(units, F)`, y `(N, units)`. The codes start as random ±1, or as another
    initializer has them, such as `DigitCodes`, and stay so unless they are `trainable`. The paper's outputs are
    the distances themselves, of which the smallest wins.

    Raises:
        DeepenError: a field is out of range.
        ShapeError: the input is not flat features.

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998, equation 7.
    """

    units: int
    trainable: bool = False
    codes_initializer: str | Initializer = Signs()

    kind: ClassVar[str] = "rbf"

    def __post_init__(self) -> None:
        checks.whole(self, "units")
        checks.flag(self, "trainable")
        self.set_field("codes_initializer", initializer(self.codes_initializer))

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 1:
            raise self.misfit(f"expects flat features, got {input_shape}; put Flatten before it")
        return (self.units,)

    def params(self, input_shape: Shape) -> dict[str, Param]:
        codes = cast(Initializer, self.codes_initializer)
        return {"codes": Param((self.units, *input_shape), codes, trainable=self.trainable, decay=False)}

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Array]:
        """Return y, and x less each code, `(N, units, F)`, as the cache."""
        apart = x[:, None] - params["codes"]
        return -(apart * apart).sum(axis=2), apart

    def backward(self, dy: Array, params: Tree, cache: Array) -> tuple[Array, dict[str, Any]]:
        """Return dx and the gradient of the codes."""
        pulls = 2 * dy[:, :, None] * cache
        return -pulls.sum(axis=1), {"codes": pulls.sum(axis=0)}

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch."""
        apart = x[:, None] - params["codes"]
        return -(apart * apart).sum(2)
