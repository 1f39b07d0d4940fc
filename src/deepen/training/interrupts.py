"""Interruptions that wait for the end of a step, so that nothing is left half done."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType


@contextmanager
def deferred() -> Iterator[Callable[[], bool]]:
    """Hold back Ctrl-C and yield a function that says whether it was pressed; a second one is not held back.

    Signals reach the main thread alone: in any other nothing is changed.
    """
    pressed = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True
        # Not by print: the signal may have come in the middle of one.
        with suppress(OSError):
            os.write(2, b"\ninterrupted: the step under way is finished first (again to stop at once)\n")

    # A handler that is not Python's own was put there for a reason.
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if threading.current_thread() is not threading.main_thread() or not ours:
        yield lambda: False
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if pressed:  # after anybody asked: it is late, not lost
        raise KeyboardInterrupt
