import gzip
import hashlib
import os
from dataclasses import replace

import numpy as np
import pytest

from deepen import data
from deepen.data import load_mnist, mnist
from deepen.data.idx import write_idx
from deepen.errors import DataError, FileFormatError, UnknownNameError

NAMES = [f.name for f in mnist.MNIST.files]


@pytest.fixture(autouse=True)
def folders(monkeypatch, tmp_path):
    """Start with nothing: neither data of one's own nor a cache."""
    monkeypatch.setenv("DEEPEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DEEPEN_DATA", str(tmp_path / "own"))


@pytest.fixture
def tiny(tmp_path, web, monkeypatch):
    """MNIST and Fashion-MNIST with 20 training and 10 test images each, on two mirrors of a local server."""
    numbers = np.random.default_rng(0)
    (tmp_path / "published").mkdir()
    for name, attribute in (("mnist", "MNIST"), ("fashion_mnist", "FASHION_MNIST")):
        publication = getattr(mnist, attribute)
        files = []
        for file in publication.files:
            shape = (20 if "train" in file.name else 10, *file.shape[1:])
            path = tmp_path / "published" / f"{name}-{file.name}.gz"
            write_idx(path, numbers.integers(0, 10, shape, dtype=np.uint8))
            packed = path.read_bytes()
            for mirror in ("first", "second"):
                web.answers[f"/{mirror}/{name}/{file.name}.gz"] = packed
            files.append(
                replace(
                    file,
                    shape=shape,
                    unpacked_sha256=file.unpacked_sha256 and hashlib.sha256(gzip.decompress(packed)).hexdigest(),
                    gzip_md5=file.gzip_md5 and hashlib.md5(packed).hexdigest(),
                )
            )
        small = mnist.Publication(
            facts=replace(publication.facts, train_count=20, test_count=10),
            mirrors=(f"{web.url}/first/{name}/", f"{web.url}/second/{name}/"),
            files=tuple(files),
        )
        monkeypatch.setattr(mnist, attribute, small)
    return mnist


def place(tmp_path, folder, packed=True):
    """Put the published files of the tiny MNIST where a user would."""
    folder.mkdir(parents=True)
    for name in NAMES:
        content = (tmp_path / "published" / f"mnist-{name}.gz").read_bytes()
        if packed:
            (folder / f"{name}.gz").write_bytes(content)
        else:
            (folder / name).write_bytes(gzip.decompress(content))


@pytest.mark.parametrize("attribute", ["MNIST", "FASHION_MNIST"])
def test_it_is_downloaded_once(tiny, web, tmp_path, attribute):
    publication = getattr(tiny, attribute)
    assert mnist.find(publication) is None
    loaded = mnist.load(publication)
    assert loaded.train_images.shape == (20, 1, 28, 28)
    assert loaded.test_labels.dtype == np.int64
    assert mnist.find(publication) == tmp_path / "cache" / publication.facts.name
    assert web.asked == [f"/first/{publication.facts.name}/{name}.gz" for name in NAMES]
    again = mnist.load(publication)
    assert len(web.asked) == 4
    np.testing.assert_array_equal(loaded.train_images, again.train_images)


def test_only_the_lacking_files_are_downloaded(tiny, web, tmp_path):
    place(tmp_path, tmp_path / "cache" / "mnist")
    (tmp_path / "cache" / "mnist" / f"{NAMES[1]}.gz").unlink()
    mnist.load(tiny.MNIST)
    assert web.asked == [f"/first/mnist/{NAMES[1]}.gz"]


def test_a_file_placed_by_hand_completes_the_cache(tiny, web, tmp_path):
    place(tmp_path, tmp_path / "cache" / "mnist")
    (tmp_path / "own" / "mnist").mkdir(parents=True)
    for name in (f"{NAMES[0]}.gz", f"{NAMES[3]}.gz"):
        (tmp_path / "cache" / "mnist" / name).rename(tmp_path / "own" / "mnist" / name)
    assert mnist.find(tiny.MNIST) == tmp_path / "own" / "mnist"
    mnist.load(tiny.MNIST)
    assert web.asked == []


@pytest.mark.parametrize("packed", [True, False])
def test_files_of_ones_own_are_found(tiny, web, tmp_path, packed):
    place(tmp_path, tmp_path / "own" / "mnist", packed)
    assert mnist.find(tiny.MNIST) == tmp_path / "own" / "mnist"
    mnist.load(tiny.MNIST)
    assert web.asked == []


@pytest.mark.parametrize("attribute", ["MNIST", "FASHION_MNIST"])
def test_a_mirror_with_other_files_is_passed_over(tiny, web, attribute):
    publication = getattr(tiny, attribute)
    folder = publication.facts.name
    web.answers[f"/first/{folder}/{NAMES[0]}.gz"] = web.answers[f"/first/{folder}/{NAMES[2]}.gz"]
    web.answers[f"/first/{folder}/{NAMES[1]}.gz"] = web.answers[f"/first/{folder}/{NAMES[1]}.gz"][:-4]
    web.answers[f"/first/{folder}/{NAMES[2]}.gz"] = 404
    assert mnist.load(publication).train_images.shape == (20, 1, 28, 28)
    assert web.asked.count(f"/second/{folder}/{NAMES[0]}.gz") == 1
    assert len(web.asked) == 7


@pytest.mark.parametrize(
    ("attribute", "reason"),
    [("MNIST", "unpacked, its SHA-256 is"), ("FASHION_MNIST", "what arrived has the MD5")],
)
def test_wrong_bytes_everywhere_are_an_error(tiny, web, tmp_path, attribute, reason):
    publication = getattr(tiny, attribute)
    write_idx(tmp_path / "other.gz", np.ones((20, 28, 28), np.uint8))
    for mirror in ("first", "second"):
        web.answers[f"/{mirror}/{publication.facts.name}/{NAMES[0]}.gz"] = (tmp_path / "other.gz").read_bytes()
    with pytest.raises(DataError, match=rf"{NAMES[0]}.gz could not be downloaded") as caught:
        mnist.load(publication)
    assert str(caught.value).count(reason) == 2
    assert f"$DEEPEN_DATA/{publication.facts.name}/{NAMES[0]}.gz" in str(caught.value)
    assert list((tmp_path / "cache" / publication.facts.name).iterdir()) == []


def test_found_files_are_checked_too(tiny, tmp_path):
    place(tmp_path, tmp_path / "own" / "mnist", packed=False)
    path = tmp_path / "own" / "mnist" / NAMES[0]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=rf"{NAMES[0]} is damaged or not the published file"):
        mnist.load(tiny.MNIST)


@pytest.mark.parametrize(
    ("index", "array", "message"),
    [
        (0, np.zeros((20, 28, 27), np.uint8), r"holds an array \(20, 28, 27\), expected \(20, 28, 28\)"),
        (3, np.full(10, 10, np.uint8), "holds the label 10, expected 0 to 9"),
    ],
)
def test_the_structure_of_fashion_files_is_checked(tiny, index, array, message):
    mnist.load(tiny.FASHION_MNIST)
    folder = mnist.find(tiny.FASHION_MNIST)
    write_idx(folder / NAMES[index], array)
    with pytest.raises(FileFormatError, match=message):
        mnist.load(tiny.FASHION_MNIST)


def test_load_mnist_gives_the_forms_of_the_textbook(tiny):
    (x, t), (x_test, t_test) = load_mnist()
    assert (x.shape, x.dtype) == ((20, 1, 28, 28), np.uint8)
    assert (x_test.shape, t_test.shape) == ((10, 1, 28, 28), (10,))
    (flat, rows), _ = load_mnist(normalize=True, flatten=True, one_hot=True)
    assert (flat.shape, flat.dtype) == ((20, 784), np.float32)
    np.testing.assert_array_equal(flat, x.reshape(20, 784).astype(np.float32) / np.float32(255))
    assert (rows.shape, rows.dtype) == ((20, 10), np.float32)
    np.testing.assert_array_equal(rows.argmax(1), t)
    (fashion, _), _ = load_mnist(name="fashion_mnist")
    assert (fashion != x).any()


def test_load_mnist_knows_two_names():
    with pytest.raises(UnknownNameError, match="unknown data set 'digits'; known: fashion_mnist, mnist"):
        load_mnist(name="digits")


@pytest.fixture(scope="module")
def real():
    """The real MNIST, read once; `folders` has changed the environment of single tests only."""
    folder = os.environ.get("DEEPEN_DATA")
    if not folder or not mnist.find(mnist.MNIST):
        pytest.skip("no MNIST in $DEEPEN_DATA/mnist")
    return data.load("mnist")


def test_the_real_mnist(real):
    assert real.facts == data.facts("mnist")
    assert real.train_images.shape == (60_000, 1, 28, 28)
    assert real.test_images.shape == (10_000, 1, 28, 28)
    assert np.bincount(real.train_labels).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert real.train_labels[:5].tolist() == [5, 0, 4, 1, 9]


def test_a_tenth_of_the_real_mnist_is_exact(real):
    rest, part = data.stratified_split(real.train_labels, 0.1, 0)
    assert (len(rest), len(part)) == (54_000, 6_000)
