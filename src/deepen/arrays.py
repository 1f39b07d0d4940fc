"""The type of NumPy arrays in signatures."""

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
