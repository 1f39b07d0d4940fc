import subprocess
import sys
from pathlib import Path

import pytest

import deepen
from deepen import data
from deepen.errors import UnknownNameError


def test_every_name_is_the_one_in_its_facts():
    assert data.names() == ("digits", "mnist", "fashion_mnist")
    for name in data.names():
        assert data.facts(name).name == name


def test_facts_need_no_download(monkeypatch, tmp_path):
    monkeypatch.setenv("DEEPEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DEEPEN_DATA", raising=False)
    facts = data.facts("fashion_mnist")
    assert facts.input_shape == (1, 28, 28)
    assert (facts.train_count, facts.test_count) == (60_000, 10_000)
    assert (facts.classes[0], facts.classes[9]) == ("T-shirt/top", "Ankle boot")
    assert data.find("fashion_mnist") is None
    assert not (tmp_path / "cache").exists()


def test_the_digits_lie_in_the_package():
    folder = data.find("digits")
    assert folder is not None
    assert (folder / "digits-images-idx3-ubyte.gz").is_file()
    assert data.load("digits").facts == data.facts("digits")


@pytest.mark.parametrize("function", [data.facts, data.find, data.load])
def test_an_unknown_name_is_an_error_with_a_suggestion(function):
    with pytest.raises(UnknownNameError, match="unknown data set 'minst'; did you mean 'mnist'"):
        function("minst")


def test_importing_the_data_loads_nothing_heavy():
    # `deepen` itself is replaced by an empty package: what its own __init__ imports is not judged here.
    program = f"""
import sys, types
package = types.ModuleType("deepen")
package.__path__ = {[str(Path(deepen.__file__).parent)]!r}
sys.modules["deepen"] = package
import deepen.data
never = {{"torch", "matplotlib", "rich", "urllib.request", "http.client", "deepen.engines"}}
heavy = never & set(sys.modules)
sys.exit(f"loaded: {{heavy}}" if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
