"""The equations in explanations: those of the docstrings, and each letter with one meaning."""

from __future__ import annotations

import inspect
import re

import pytest

from deepen.inspect.explain.equations import EQUATIONS
from deepen.inspect.explain.explanation import Text
from deepen.layers import Dense, PartialConv2D, Sequential, TrainablePooling2D
from deepen.layers.activation import ACTIVATIONS
from deepen.paths import Shape
from deepen.spec import Layer
from explained import said


def plain(text: str) -> str:
    return " ".join(text.replace("`", "").split())


@pytest.mark.parametrize("layer", EQUATIONS, ids=lambda layer: layer.__name__)
def test_equations_are_those_of_the_docstring(layer: type[Layer]) -> None:
    bases = [base for base in layer.__mro__[1:] if base.__module__.startswith("deepen.layers")]
    texts = (inspect.getdoc(each) or "" for each in (layer, layer.backward, *bases))
    documented = plain(" ".join(texts))
    found = EQUATIONS[layer]
    for words in (*found.forward, *found.backward):
        equation = words.en if isinstance(words, Text) else words
        assert plain(equation) in documented


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (
            Dense(3, "relu"),
            (5,),
            """
  forward   z = x · Wᵀ + b
            y = max(z, 0)
  backward  dz = dy where y > 0, else 0
            dx = dz · W
            dW = dzᵀ · x
            db = Σₙ dz
  here      W: 3×5""",
        ),
        (
            Dense(3, use_bias=False),
            (5,),
            """
  forward   y = x · Wᵀ
  backward  dx = dy · W
            dW = dyᵀ · x
  here      W: 3×5""",
        ),
        (
            TrainablePooling2D(2, activation="elu"),
            (5, 6, 6),
            """
  forward   z = a[c] · pool(x) + b[c]
            y = z where z > 0, else α (eᶻ − 1)
  backward  dz = dy where y > 0, else dy · (y + α)
            da[c] = Σ dz · pool(x)
            db[c] = Σ dz
            the pooling receives a[c] · dz
  here      KH×KW = 2×2, s = 2, p = 0, α = 1""",
        ),
        (
            TrainablePooling2D(2),
            (5, 6, 6),
            """
  forward   y = a[c] · pool(x) + b[c]
  backward  da[c] = Σ dy · pool(x)
            db[c] = Σ dy
            the pooling receives a[c] · dy
  here      KH×KW = 2×2, s = 2, p = 0""",
        ),
        (
            PartialConv2D(((0,), (0, 1)), 3),
            (2, 5, 5),
            """
  forward   y[n,f,i,j] = b[f] + Σ(c ∈ connections[f], u, v) x[n, c, i·s+u−p, j·s+v−p] · k[pair(f,c),u,v]
  backward  db[f] = Σ(n,i,j) dy[n,f,i,j]
            dk[pair(f,c),u,v] = Σ(n,i,j) dy[n,f,i,j] · x[n, c, i·s+u−p, j·s+v−p]
            dx gets dy[n,f,i,j] · k[pair(f,c),u,v] at each place that was read
  here      KH×KW = 3×3, s = 1, p = 0, connections = (0), (0,1)""",
        ),
    ],
)
def test_equations_with_and_without_activation(layer: Layer, shape: Shape, expected: str) -> None:
    network = Sequential([layer])
    (child,) = network.children(shape)
    assert said(network, child.name, shape).partition("\nEquations")[2] == expected


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_letter_of_an_activation_has_one_meaning(name: str) -> None:
    text = said(Sequential([Dense(3, name)]), "dense1", (5,)).partition("\nEquations")[2]
    assert re.search(r"\by\S* = .*[zᶻ]", text)
    assert "dz = " in text
    # x is the input of the layer alone.
    assert re.findall(r"[^\W\d_]*x\S*|\S*ˣ", text.replace("max", "")) == ["x", "dx", "x"]
