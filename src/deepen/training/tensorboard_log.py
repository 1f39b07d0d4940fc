"""The figures of each epoch as TensorBoard shows them."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from deepen.errors import MissingExtraError
from deepen.training.callbacks import Callback, View
from deepen.training.writing import going_on


class TensorBoard(Callback):
    """Write the figures of each epoch, counted from 1, as scalars; `tensorboard --logdir FOLDER` shows them.

    Every training has a file of its own, which begins by taking back the epochs from its first one on: a run that
    goes on after an interruption shows none twice, and keeps the times of those before.

    Args:
        folder: where the file is made; one for each run that is to be compared.

    Raises:
        MissingExtraError: the package `tensorboard` is not installed.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        _event_of()
        # TensorBoard reads the files of a folder in the order of their names.
        seconds, nanoseconds = divmod(time.time_ns(), 10**9)
        self._path = Path(folder) / f"events.out.tfevents.{seconds:010}.{nanoseconds:09}"

    def on_epoch_end(self, view: View) -> None:
        """Append the epoch's figures."""
        event, step = _event_of(), view.epoch + 1
        now = time.time()
        with going_on(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            size = self._path.stat().st_size if self._path.exists() else 0
            events = []
            if size == 0:
                start = {"status": "START"}
                events += [event(wall_time=now, file_version="brain.Event:2")]
                events += [event(wall_time=now, step=step, session_log=start)]
            values = [{"tag": name, "simple_value": value} for name, value in view.figures.items()]
            events += [event(wall_time=now, step=step, summary={"value": values})]
            _append(self._path, size, _records(events))


def _append(path: Path, size: int, data: bytes) -> None:
    """Append to a file of that size, all or nothing: half a record would hide those behind it."""
    try:
        with path.open("ab") as file:
            file.write(data)
    except OSError:
        with suppress(OSError):
            os.truncate(path, size)
        raise


def _records(events: Iterable[Any]) -> bytes:
    from tensorboard.summary.writer.record_writer import RecordWriter

    data = io.BytesIO()
    writer = RecordWriter(data)
    for event in events:
        writer.write(event.SerializeToString())
    return data.getvalue()


def _event_of() -> Any:
    """Return the class of what TensorBoard's files hold."""
    try:
        from tensorboard.compat.proto.event_pb2 import Event
    except ImportError as error:
        raise MissingExtraError("TensorBoard", "tensorboard") from error
    return Event
