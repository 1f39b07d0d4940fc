"""Threads of compiled programs: each does its share, they wait for each other, and they end with their pool."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path

import pytest

from deepen.engines.native import threads
from deepen.engines.native.compiler import load_program

pytestmark = pytest.mark.usefixtures("compiler")

SOURCE = """
#include <exception>
#include "threads.hpp"
using namespace deepen;

extern "C" Pool* create(int threads) {
  try {
    return new Pool(threads);
  } catch (const std::exception&) {
    return nullptr;
  }
}

extern "C" void destroy(Pool* pool) { delete pool; }

// Each thread counts its share of `count`; between the rounds all look at all, so that nobody may be late.
extern "C" long total(Pool* pool, long count, int rounds) {
  std::vector<long> counted(pool->threads());
  long wrong = 0;
  pool->run([&](int thread) {
    const auto [begin, end] = share(count, thread, pool->threads());
    for (int round = 1; round <= rounds; ++round) {
      for (long i = begin; i < end; ++i) ++counted[thread];
      pool->barrier();
      long sum = 0;
      for (long one : counted) sum += one;
      if (thread == 0 && sum != count * round) ++wrong;
      pool->barrier();
    }
  });
  long sum = 0;
  for (long one : counted) sum += one;
  return wrong ? -1 : sum;
}

extern "C" long begins(long count, int thread, int threads) { return share(count, thread, threads).first; }
extern "C" int masked(Pool* pool) {
  int found = 0;
  pool->run([&](int thread) {
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, nullptr, &now);
    if (thread == 1) found = sigismember(&now, SIGINT) && !sigismember(&now, SIGSEGV);
  });
  return found;
}
"""


@pytest.fixture(scope="module")
def library(compiler: object) -> ctypes.CDLL:
    found = load_program(SOURCE, "float32")
    found.create.restype = ctypes.c_void_p
    found.destroy.argtypes = [ctypes.c_void_p]
    found.total.argtypes, found.total.restype = [ctypes.c_void_p, ctypes.c_long, ctypes.c_int], ctypes.c_long
    found.begins.argtypes, found.begins.restype = [ctypes.c_long, ctypes.c_int, ctypes.c_int], ctypes.c_long
    found.masked.argtypes = [ctypes.c_void_p]
    return found


@pytest.mark.parametrize("count", [1, 2, 3, 16])
def test_all_threads_work_and_wait(library: ctypes.CDLL, count: int) -> None:
    pool = library.create(count)
    for images in (0, 1, 5, 101):
        assert library.total(pool, images, 50) == 50 * images
    library.destroy(pool)


def test_shares_cover_everything(library: ctypes.CDLL) -> None:
    for count in (0, 1, 7, 100, 2**40):
        for several in (1, 2, 3, 64):
            begins = [library.begins(count, thread, several) for thread in range(several + 1)]
            sizes = [end - begin for begin, end in pairwise(begins)]
            assert begins[0] == 0
            assert begins[-1] == count
            assert max(sizes) - min(sizes) <= 1


def test_threads_end_with_their_pool(library: ctypes.CDLL) -> None:
    def alive() -> int:
        return (
            len(list(Path("/proc/self/task").iterdir())) if sys.platform == "linux" else threading.active_count()
        )

    before = alive()
    pools = [library.create(3) for _ in range(5)]
    library.destroy(pools.pop())
    for pool in pools:
        library.total(pool, 10, 1)
        library.destroy(pool)
    assert alive() == before


def test_signals_are_not_for_workers(library: ctypes.CDLL) -> None:
    pool = library.create(2)
    assert library.masked(pool) == 1
    library.destroy(pool)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system knows no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_gets_threads_of_its_own(library: ctypes.CDLL) -> None:
    pool = library.create(3)
    assert library.total(pool, 10, 2) == 20
    child = os.fork()
    if child == 0:
        good = library.total(pool, 10, 2) == 20
        library.destroy(pool)
        os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    child = os.fork()
    if child == 0:
        library.destroy(pool)  # unused in this process
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert library.total(pool, 10, 2) == 20
    library.destroy(pool)


def in_a_process(code: str, library: ctypes.CDLL) -> str:
    begin = (
        "import ctypes\n"
        f"library = ctypes.CDLL({library._name!r})\n"
        "library.create.restype = ctypes.c_void_p\n"
        "library.destroy.argtypes = [ctypes.c_void_p]\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", begin + code], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


def test_a_process_ends_with_its_pool_undestroyed(library: ctypes.CDLL) -> None:
    assert in_a_process("pool = library.create(3); print(bool(pool))", library) == "True"


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux'")
def test_threads_that_cannot_be_had(library: ctypes.CDLL) -> None:
    code = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**29, 2**29))\n"
        "print(library.create(500))\n"
        "pool = library.create(2); print(bool(pool)); library.destroy(pool)"
    )
    assert in_a_process(code, library) == "None\nTrue"


def test_usable_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    quota = tmp_path / "cpu.max"
    monkeypatch.setattr(threads, "_QUOTA", quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    for asked in (None, "0", "", "many"):
        monkeypatch.setenv("OMP_NUM_THREADS", asked or "")
        assert threads.usable_cores() == 8
    for text, cores in (("max 100000", 8), ("150000 100000", 2), ("1000 100000", 1), ("9900000 100000", 8)):
        quota.write_text(text, encoding="ascii")
        assert threads.usable_cores() == cores
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads.usable_cores() == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.delattr(os, "sched_getaffinity")
    quota.unlink()
    assert threads.usable_cores() == os.cpu_count()
