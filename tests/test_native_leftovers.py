"""What native engines leave behind: no threads, no memory, nothing half done."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from deepen.engines.native.engine import NativeEngine
from networks import INPUT_SHAPE, NETWORKS
from stepping import arrays, images, run, setup

pytestmark = [
    pytest.mark.usefixtures("compiler"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc"),
]

PLAIN = setup(NETWORKS["plain"])


def resident() -> int:
    """Return how many bytes of memory this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


def are_left(count: int) -> bool:
    """Wait until there are so many threads: the system takes a moment to take an ended one off its list."""
    gc.collect()
    deadline = time.monotonic() + 10
    while threads() != count and time.monotonic() < deadline:
        time.sleep(0.001)
    return threads() == count


@pytest.fixture
def before() -> int:
    """How many threads there are, once those of earlier tests have gone."""
    gc.collect()
    time.sleep(0.2)
    return threads()


def test_engines_that_are_no_longer_used_leave_no_threads_and_no_memory(before: int) -> None:
    x, y = images(64)

    def work() -> None:
        engine = NativeEngine(PLAIN, threads=4)
        assert are_left(before + 3)
        run(engine, 1)
        engine.activations(np.repeat(x, 20, axis=0), ["conv1"])
        engine.evaluate(x, y)

    work()
    held = resident()
    for _ in range(20):
        work()
    assert are_left(before)
    assert resident() - held < 4 * 2**20, "all of them together hold less than one engine does"


def test_scratch_does_not_grow_with_the_images_of_an_evaluation() -> None:
    engine, x = NativeEngine(PLAIN), np.zeros((4096, *INPUT_SHAPE), np.uint8)
    engine.outputs(x[:256])
    held = resident()
    engine.outputs(x)
    engine.outputs(x, batch_size=len(x))
    assert resident() - held < 2**20


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_it_trains_on_in_a_forked_process() -> None:
    engine = NativeEngine(PLAIN, threads=3)
    run(engine, 2)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            run(engine, 2, first=2)
            text = b"".join(array.tobytes() for array in arrays(engine.state()).values())
            os.write(writing, text[:1000] + text[-1000:])
            del engine
            gc.collect()
        finally:
            os._exit(0)
    os.close(writing)
    run(engine, 2, first=2)
    with os.fdopen(reading, "rb") as pipe:
        theirs = pipe.read()
    ours = b"".join(array.tobytes() for array in arrays(engine.state()).values())
    assert os.waitpid(child, 0) == (child, 0)
    assert theirs == ours[:1000] + ours[-1000:]


def test_ctrl_c_while_compiling_leaves_nothing_half_done(tmp_path: Path) -> None:
    program = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # it may have been ignored when this began\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from networks import INPUT_SHAPE, NETWORKS\n"
        "from deepen.engines import Setup\n"
        "from deepen.engines.native.engine import NativeEngine\n"
        "NativeEngine(Setup(NETWORKS['graph'], INPUT_SHAPE))\n"
        "print('compiled')"
    )
    command = [sys.executable, "-c", program, str(Path(__file__).parent)]
    surroundings = {**os.environ, "DEEPEN_CACHE": str(tmp_path)}

    def begun() -> bool:
        return any("// A network" in path.read_text() for path in tmp_path.glob("programs/.*/program.cpp"))

    with subprocess.Popen(
        command, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        while not begun() and process.poll() is None:
            time.sleep(0.01)
        # A terminal sends it to the compiler as well.
        os.killpg(process.pid, signal.SIGINT)
        said, complaint = process.communicate()
    assert process.returncode != 0
    assert said == b""
    assert complaint.rstrip().endswith(b"KeyboardInterrupt")
    assert all(path.name[0] != "." for path in (tmp_path / "programs").iterdir())
    assert not begun()
    done = subprocess.run(command, env=surroundings, capture_output=True, check=True)
    assert done.stdout == b"compiled\n"
