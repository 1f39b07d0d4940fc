"""Which compiler is found, and that programs are compiled once and right."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deepen.engines.native import compiler
from deepen.engines.native.compiler import Compiler, compile_program, find_compiler, load, load_program
from deepen.errors import DeepenError, MissingCompilerError, NativeError

ADDS = '#include "vectors.hpp"\nextern "C" int size() { return sizeof(deepen::real) + %d; }\n'
COUNTS = """
template <int N> struct Table { static constexpr int values[2] = {%d, 0}; };
struct Constants { static constexpr int one[1] = {%d}; };
inline __attribute__((noinline)) int calls() { static int count = 0; return ++count; }
extern "C" int found() {
  const int* volatile values = Table<3>::values;
  const int* volatile one = Constants::one;
  return 100 * calls() + 10 * values[0] + one[0];
}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of one's own, empty."""
    monkeypatch.setenv("DEEPEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "programs"


class TestCompiling:
    def test_a_program_is_compiled_once(self, compiler: Compiler, place: Path) -> None:
        said: list[str] = []
        path = compile_program(ADDS % 1, "float32", said.append)
        assert said == [f"compiling the network ({compiler}), a few seconds ..."]
        assert load(path).size() == 5
        assert load(path) is load(path)
        assert path.parent.parent == place
        assert path.with_name("program.cpp").read_text(encoding="utf-8") == ADDS % 1
        before = path.stat().st_mtime_ns
        assert compile_program(ADDS % 1, "float32", said.append) == path
        assert path.stat().st_mtime_ns == before
        assert len(said) == 1

    @pytest.mark.usefixtures("compiler", "place")
    def test_what_differs_is_another_program(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        assert load_program(ADDS % 1, "float32").size() == 5
        assert load_program(ADDS % 2, "float32").size() == 6
        assert load_program(ADDS % 1, "float64").size() == 9
        first = compile_program(ADDS % 1, "float32")
        (tmp_path / "vectors.hpp").write_text("namespace deepen { using real = char; }", encoding="utf-8")
        monkeypatch.setattr(compiler, "TEMPLATES", tmp_path)
        assert load_program(ADDS % 1, "float32").size() == 2
        monkeypatch.undo()
        monkeypatch.setattr(compiler, "_machine", lambda: ["another processor"])
        assert compile_program(ADDS % 1, "float32") != first

    @pytest.mark.usefixtures("compiler", "place")
    def test_programs_keep_their_constants_to_themselves(self) -> None:
        first, second = (load_program(COUNTS % (value, value), "float32") for value in (1, 2))
        assert [first.found(), second.found(), first.found()] == [111, 122, 211]

    @pytest.mark.usefixtures("compiler")
    def test_an_error_shows_what_the_compiler_says(self, place: Path) -> None:
        with pytest.raises(NativeError) as caught:
            compile_program("int broken( {", "float32")
        lines = str(caught.value).splitlines()
        assert "could not compile the program (exit code 1)" in lines[0]
        assert "program.cpp:1" in lines[1]
        assert lines[-1].startswith('compute with engine="torch" or "numpy" instead')
        assert list(place.iterdir()) == []

    @pytest.mark.usefixtures("compiler", "place")
    def test_a_program_that_cannot_be_loaded(self) -> None:
        with pytest.raises(NativeError, match=r"cannot be loaded: .*; let DEEPEN_CACHE name a folder"):
            load_program('extern "C" int nowhere(); extern "C" int f() { return nowhere(); }', "float32")

    @pytest.mark.usefixtures("compiler", "place")
    def test_several_at_once(self) -> None:
        with ThreadPoolExecutor(3) as pool:
            paths = set(pool.map(lambda _: compile_program(ADDS % 3, "float32"), range(3)))
        assert len(paths) == 1
        assert load(paths.pop()).size() == 7

    @pytest.mark.usefixtures("compiler", "place")
    def test_several_processes_at_once(self) -> None:
        code = "from deepen.engines.native.compiler import load_program\n"
        code += f"print(load_program({ADDS % 4!r}, 'float32').size())"
        running = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(3)]
        assert [process.communicate()[0].strip() for process in running] == [b"8"] * 3


class TestFinding:
    @pytest.fixture(autouse=True)
    def _nothing_chosen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for variable in ("DEEPEN_CXX", "CXX"):
            monkeypatch.delenv(variable, raising=False)

    def test_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "")
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        compiler._first.cache_clear()
        assert find_compiler() is None
        with pytest.raises(MissingCompilerError, match=r"there is none; install g\+\+"):
            compile_program("", "float32")
        monkeypatch.undo()
        monkeypatch.setenv("DEEPEN_CXX", "none")
        assert find_compiler() is None

    def test_the_one_of_a_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "")
        monkeypatch.setattr("importlib.util.find_spec", lambda name: name == "ziglang" or None)
        monkeypatch.setattr("importlib.metadata.version", lambda name: "0.17.1")
        compiler._first.cache_clear()
        found = find_compiler()
        compiler._first.cache_clear()
        assert found is not None
        assert found.command == (sys.executable, "-m", "ziglang", "c++")
        assert str(found) == "Zig 0.17.1"

    @pytest.mark.usefixtures("compiler")
    def test_the_one_that_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        path = getattr(find_compiler(), "command", ("",))[0]
        monkeypatch.setenv("CXX", f"{path} -march=x86-64")
        found = find_compiler()
        assert found is not None
        assert found.command == (path, "-march=x86-64")
        assert "-march=native" not in found.flags("float32")
        monkeypatch.setenv("DEEPEN_CXX", path)
        assert getattr(find_compiler(), "command", None) == (path,)

    @pytest.mark.parametrize("variable", ["DEEPEN_CXX", "CXX"])
    def test_one_that_is_named_and_does_not_work(self, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
        monkeypatch.setenv(variable, "no-such-compiler")
        with pytest.raises(NativeError, match=rf"^{variable} names 'no-such-compiler', which is no program here"):
            find_compiler()
        monkeypatch.setenv(variable, f"{sys.executable} -I")
        with pytest.raises(NativeError, match=rf"^{variable} names '.* -I', which does not work: "):
            find_compiler()

    @pytest.mark.skipif(os.name != "posix", reason="a script stands for a compiler")
    def test_one_that_does_not_work_is_passed_over(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, compiler: Compiler
    ) -> None:
        for name, text in (("c++", "exit 1"), ("g++", f'exec {compiler.command[0]} "$@"')):
            (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.defpath}")
        found = find_compiler()
        assert found is not None
        assert found.command == (str(tmp_path / "g++"),)

    @pytest.mark.parametrize(
        ("kind", "said", "name"),
        [
            ("GCC", "g++ (Debian 12.2.0-14+deb12u1) 12.2.0", "GCC 12.2.0"),
            ("GCC", "g++ (GCC) 14.1.1 20240522 (Red Hat 14.1.1-4)", "GCC 14.1.1"),
            ("Clang", "Debian clang version 14.0.6", "Clang 14.0.6"),
            ("Clang", "Apple clang version 15.0.0 (clang-1500.3.9.4)", "Clang 15.0.0"),
            ("Clang", "clang", "Clang"),
        ],
    )
    def test_names(self, kind: compiler.Kind, said: str, name: str) -> None:
        assert str(Compiler(("c++",), kind, said)) == name

    def test_flags(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = Compiler(("c++",), "Clang", "clang version 18.1.3")
        monkeypatch.setattr("platform.machine", lambda: "arm64")
        monkeypatch.setattr("sys.platform", "darwin")
        assert "-DDEEPEN_REAL=double" in found.flags("float64")
        assert {"-mcpu=native", "-fPIC", "-pthread"} <= {*found.flags("float32")}
        monkeypatch.setattr("platform.machine", lambda: "AMD64")
        monkeypatch.setattr("sys.platform", "win32")
        assert "-march=native" in found.flags("float32")
        assert "-fPIC" not in found.flags("float32")


def test_errors_are_deepen_s() -> None:
    assert issubclass(MissingCompilerError, NativeError)
    assert issubclass(NativeError, DeepenError)


@pytest.mark.skipif(os.name != "posix", reason="modes of folders")
def test_an_unsafe_cache_is_not_blamed_on_the_compilers(
    compiler: Compiler, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.mkdir(parents=True)
    place.chmod(0o777)
    # What was found before is remembered with its PATH.
    monkeypatch.setenv("PATH", os.pathsep.join((os.environ["PATH"], str(place))))
    with pytest.raises(NativeError, match="other users could put programs of theirs"):
        find_compiler()
