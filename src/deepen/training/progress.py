"""The progress of a training on stderr: one live line on a terminal, and one line for each epoch anywhere."""

from __future__ import annotations

import shutil
import sys
import time

from deepen.training.callbacks import Callback, View
from deepen.training.history import History

REFRESH_SECONDS = 0.2


class Progress(Callback):
    """Prints to stderr, so that results on stdout stay clean."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._width = 0
        self._next = 0.0

    def on_train_begin(self, view: View) -> None:
        """Say how much there is to do."""
        if view.over:
            return
        epochs = view.epochs - view.epoch
        self._line(f"training: {epochs} {_plural('epoch', epochs)} of {view.steps} {_plural('step', view.steps)}")

    def on_step_end(self, view: View) -> None:
        """Renew the live line a few times a second."""
        if not self._live or time.monotonic() < self._next:
            return
        loss, accuracy = view.read()
        rate = view.images / view.seconds
        left = (view.steps - view.step) * view.seconds / view.step
        bar = "━" * (10 * view.step // view.steps)
        figures = f"loss {_loss(loss)}  accuracy {accuracy:.2%}  {rate:,.0f} images/s"
        self._show(f"{_epoch(view)} {bar:╌<10} {figures}  {left:.0f}s")
        # Reading waits for the device, so the clock starts after it.
        self._next = time.monotonic() + REFRESH_SECONDS

    def on_epoch_end(self, view: View) -> None:
        """Print the line that stays."""
        f = view.figures
        text = f"{_epoch(view)}  loss {_loss(f['loss'])}  accuracy {f['accuracy']:.2%}"
        if "val_loss" in f:
            text += f"  val_loss {_loss(f['val_loss'])}  val_accuracy {f['val_accuracy']:.2%}"
        self._line(f"{text}  {f['images_per_second']:,.0f} images/s  {f['seconds']:.1f} s")

    def on_train_end(self, history: History) -> None:
        """Leave no half of a line behind."""
        if self._live and self._width:
            print(file=sys.stderr, flush=True)
            self._width = 0

    def _show(self, text: str) -> None:
        # A line that wraps could not be written over.
        text = text[: shutil.get_terminal_size().columns - 1]
        print(f"\r{text:<{self._width}}", end="", file=sys.stderr, flush=True)
        self._width = len(text)

    def _line(self, text: str) -> None:
        if self._live:
            print(f"\r{text:<{self._width}}", file=sys.stderr, flush=True)
            self._width = 0
        else:
            print(text, file=sys.stderr, flush=True)


def _epoch(view: View) -> str:
    digits = len(str(view.epochs))
    return f"epoch {view.epoch + 1:>{digits}}/{view.epochs}"


def _loss(value: float) -> str:
    return f"{value:.4f}" if value < 1e4 else f"{value:.4g}"


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
