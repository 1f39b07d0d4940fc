import subprocess
import sys
from pathlib import Path

import pytest
from pictures import animals

import deepen
from deepen import data
from deepen.errors import DataError, UnknownNameError


def test_every_name_is_the_one_in_its_facts():
    assert data.names() == ("digits", "mnist", "fashion_mnist", "cifar10")
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


@pytest.mark.parametrize("function", [data.source, data.facts, data.find, data.load])
def test_an_unknown_name_is_an_error_with_a_suggestion(function):
    with pytest.raises(
        UnknownNameError, match=r"unknown data set 'minst'; did you mean 'mnist'.*path of a folder of"
    ):
        function("minst")


def test_a_source_loads_at_a_size():
    source = data.source("digits")
    assert source.facts == data.facts("digits")
    assert (source.remarks, source.counts) == ((), None)
    assert source.load().train_images.shape == (1437, 1, 8, 8)
    assert source.load(12, 10).test_images.shape == (360, 1, 12, 10)


def test_a_named_source_keeps_its_channels():
    source = data.source("digits", validation_split=0.1)
    assert source.load(channels=1).facts == source.facts
    with pytest.raises(
        DataError, match=r"images of digits have 1 channel, but 3 are wanted; only the pictures of a folder can"
    ):
        source.load(12, 12, 3)


def test_a_known_name_comes_before_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(animals(tmp_path / "digits").parent)
    assert data.facts("digits").classes == tuple("0123456789")
    assert data.facts("./digits").classes == ("cats", "dogs")
    assert data.find(tmp_path / "digits") == tmp_path / "digits"
    assert data.load("digits/").facts.classes == ("cats", "dogs")


def test_a_folder_is_found_from_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    animals(tmp_path / "photos")
    assert data.facts("~/photos").source == str(tmp_path / "photos")


def test_paths_that_are_no_folder(tmp_path):
    (tmp_path / "photos.zip").write_bytes(b"PK")
    with pytest.raises(
        DataError, match=r"photos\.zip is a file; give the folder in which each class has a folder of"
    ):
        data.source(tmp_path / "photos.zip")
    with pytest.raises(UnknownNameError, match=r"a folder of pictures: .*nowhere does not exist"):
        data.source(tmp_path / "nowhere")


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
