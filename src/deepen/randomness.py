"""Randomness as a function, not a state: the same numbers in every engine, whatever ran before.

A draw is Philox 4x64 with 10 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011)
as NumPy ships it. Its key is (seed, hash of the purpose), its 256-bit counter is, from the highest word down,
(epoch, step, 0, block). A block is four 64-bit words; NumPy counts up before it computes, so the words of
block b are Philox at counter b + 1. Image p of a batch owns the blocks from p·B on, where B is the number of
blocks that one image takes: one call draws a whole batch, and any part of it can be drawn alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from math import prod

import numpy as np

from deepen.arrays import Array

WORDS_PER_BLOCK = 4
FLOATS_PER_BLOCK = 2 * WORDS_PER_BLOCK


@dataclass(frozen=True)
class Moment:
    """When a draw is made: the epoch, the step in it, and where the images stand in the global batch."""

    epoch: int = 0
    step: int = 0
    position: int = 0


def purpose_key(purpose: str) -> int:
    """Return the 64-bit hash of a purpose or a layer's path."""
    return int.from_bytes(hashlib.blake2b(purpose.encode(), digest_size=8).digest(), "little")


def words(seed: int, purpose: str, moment: Moment, first_block: int, blocks: int) -> Array:
    """Return the 64-bit words of consecutive blocks, four to a block."""
    counter = np.array([first_block, 0, moment.step, moment.epoch], dtype=np.uint64)
    key = np.array([seed % 2**64, purpose_key(purpose)], dtype=np.uint64)
    raw: Array = np.random.Philox(counter=counter, key=key).random_raw(blocks * WORDS_PER_BLOCK)
    return raw


def uniform(seed: int, purpose: str, moment: Moment, shape: tuple[int, ...]) -> Array:
    """Return float32 numbers in [0, 1) for a batch of `shape` `(N, ...)`, multiples of 2⁻²⁴.

    Each word gives two numbers, its lower half first; of each half the upper 24 bits count.
    """
    count, per_image = shape[0], prod(shape[1:])
    blocks = -(-per_image // FLOATS_PER_BLOCK)
    raw = words(seed, purpose, moment, moment.position * blocks, count * blocks)
    halves = raw.astype("<u8", copy=False).view("<u4").reshape(count, -1)[:, :per_image]
    return ((halves >> np.uint32(8)).astype(np.float32) * np.float32(2**-24)).reshape(shape)


def uniform_of_images(seed: int, purpose: str, images: Array, width: int) -> Array:
    """Return float32 numbers in [0, 1) `(N, width)` that belong to the images of these numbers, at all times."""
    return _table(seed, purpose, 1 << int(images.max()).bit_length(), width)[images]


@lru_cache(maxsize=16)
def _table(seed: int, purpose: str, images: int, width: int) -> Array:
    return uniform(seed, purpose, Moment(), (images, width))


def permutation(seed: int, purpose: str, length: int, epoch: int = 0) -> Array:
    """Return the numbers 0 … length − 1 in an order of their own for each epoch."""
    keys = words(seed, purpose, Moment(epoch), 0, -(-length // WORDS_PER_BLOCK))[:length]
    return np.argsort(keys, kind="stable")


def open_uniform(seed: int, purpose: str, count: int) -> Array:
    """Return float64 numbers strictly between 0 and 1, from the upper 53 bits of a word each."""
    raw = words(seed, purpose, Moment(), 0, -(-count // WORDS_PER_BLOCK))[:count]
    return ((raw >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def normal(seed: int, purpose: str, count: int) -> Array:
    """Return float64 standard normal numbers, by the transform of Box and Muller (1958)."""
    pairs = -(-count // 2)
    u = open_uniform(seed, purpose, 2 * pairs)
    radius, angle = np.sqrt(-2.0 * np.log(u[:pairs])), 2.0 * np.pi * u[pairs:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:count]
