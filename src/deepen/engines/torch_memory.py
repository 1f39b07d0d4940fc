"""What PyTorch's memory on the CPU is told once."""

from __future__ import annotations

import ctypes
import platform
from functools import cache


@cache
def keep_freed_memory() -> None:
    """Let glibc keep large freed blocks for the next step, rather than map fresh pages at every step."""
    if platform.libc_ver()[0] == "glibc":
        m_trim_threshold, m_mmap_threshold = -1, -3
        libc = ctypes.CDLL(None)
        libc.mallopt(m_mmap_threshold, 2**30)
        libc.mallopt(m_trim_threshold, 2**30)
