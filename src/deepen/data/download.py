"""Where data sets lie on this machine, and how they get there; nothing else in deepen uses the network."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from deepen import files
from deepen.data.progress import progress
from deepen.errors import DataError, DeepenError

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

MOST_BYTES = 2**30
"""A download that goes on beyond this is broken off; the largest file of a data set here has 170 MB."""

_CHUNK = 2**16
_TIMEOUT_SECONDS = 30


def cache_folder() -> Path:
    """Return the folder for downloads: `$DEEPEN_CACHE`, or `deepen/data` in the user's cache folder."""
    if chosen := os.environ.get("DEEPEN_CACHE"):
        return files.expanded(chosen)
    from platformdirs import user_cache_path

    return user_cache_path("deepen") / "data"


def places(name: str) -> list[Path]:
    """Return the folders in which a data set is looked for: in `$DEEPEN_DATA`, then in the cache."""
    own = os.environ.get("DEEPEN_DATA")
    return [*([files.expanded(own) / name] if own else []), cache_folder() / name]


def fetch(urls: Sequence[str], destination: Path, verify: Callable[[Path], None]) -> None:
    """Download a file from the first of `urls` (http or https) that delivers what `verify` accepts.

    The file appears at its destination whole and verified, or not at all; several processes may fetch it
    at once.

    Args:
        urls: where the file is published, tried in this order.
        destination: where the file shall lie, in one of the folders that `places` names; the folder is made.
        verify: raises a `DeepenError` if the file at the given path is not the one that is wanted.

    Raises:
        DataError: none of the addresses delivered the file, or its folder cannot be made.
    """
    from http.client import HTTPException

    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"{destination.parent} cannot be made: {error.strerror}; "
            "set DEEPEN_CACHE to a folder that you can write to"
        ) from error
    failures = []
    for url in urls:
        # A name of its own for every attempt: another process may be fetching the same file.
        part = destination.with_name(f".{destination.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
        try:
            _download(url, part)
            verify(part)
            os.replace(part, destination)
            return
        except (DeepenError, HTTPException, OSError, ValueError) as error:
            # The temporary name means nothing to the reader, and is gone by then.
            failures.append(f"  {url}: {str(error).replace(str(part), 'what arrived')}")
        finally:
            part.unlink(missing_ok=True)
    raise DataError(
        "\n".join(
            [
                f"{destination.name} could not be downloaded:",
                *failures,
                f"To place it by hand, save it as {destination},",
                f"or as $DEEPEN_DATA/{destination.parent.name}/{destination.name}, "
                "with DEEPEN_DATA set to a folder of your own.",
            ]
        )
    )


def _download(url: str, part: Path) -> None:
    """Write what the address delivers to a new file and make sure that it reached the disk."""
    from urllib.request import Request

    request = Request(url, headers={"User-Agent": "deepen"})
    with _web().open(request, timeout=_TIMEOUT_SECONDS) as response, part.open("xb") as file:
        promised: int | None = response.length
        received = 0
        with progress(url.rpartition("/")[2], promised, "bytes") as advance:
            while piece := response.read(_CHUNK):
                file.write(piece)
                received += len(piece)
                advance(len(piece))
                if received > MOST_BYTES:
                    raise DataError(f"more than {MOST_BYTES:,} bytes arrived; broken off")
        # http.client reports a connection that ended early as an ordinary end.
        if promised is not None and received != promised:
            raise DataError(f"the connection ended after {received:,} of {promised:,} bytes")
        file.flush()
        os.fsync(file.fileno())


def _web() -> OpenerDirector:
    """Return an opener for http and https only: urllib's usual one also follows file: and ftp: addresses."""
    from urllib import request

    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler,
        request.HTTPHandler,
        request.HTTPSHandler,
        request.HTTPRedirectHandler,
        request.HTTPDefaultErrorHandler,
        request.HTTPErrorProcessor,
        request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener
