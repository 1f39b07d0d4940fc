import sys
import threading
from pathlib import Path

import pytest

from deepen.data import download
from deepen.data.download import cache_folder, fetch, places
from deepen.errors import DataError, FileFormatError


def accept(path):
    pass


def only(content):
    def verify(path):
        if path.read_bytes() != content:
            raise FileFormatError(f"{path} is wrong")

    return verify


def test_the_cache_is_the_users_unless_another_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv("DEEPEN_CACHE", raising=False)
    assert cache_folder().is_absolute()
    assert cache_folder().name == "data"
    monkeypatch.setenv("DEEPEN_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path


def test_own_data_come_before_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("DEEPEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DEEPEN_DATA", str(tmp_path / "own"))
    assert places("mnist") == [tmp_path / "own" / "mnist", tmp_path / "cache" / "mnist"]
    monkeypatch.setenv("DEEPEN_DATA", "")
    assert places("mnist") == [tmp_path / "cache" / "mnist"]


def test_a_file_arrives_whole_and_alone(web, tmp_path):
    content = bytes(range(256)) * 1000
    web.answers["/a.gz"] = content
    fetch([f"{web.url}/a.gz"], tmp_path / "new" / "a.gz", only(content))
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.gz"]
    assert (tmp_path / "new" / "a.gz").read_bytes() == content


def test_the_second_mirror_helps_out(web, tmp_path):
    web.answers["/good/a"] = b"right"
    fetch([f"{web.url}/gone/a", f"{web.url}/good/a"], tmp_path / "a", only(b"right"))
    assert web.asked == ["/gone/a", "/good/a"]
    assert (tmp_path / "a").read_bytes() == b"right"


def test_the_first_good_mirror_ends_it(web, tmp_path):
    web.answers.update({"/1/a": b"right", "/2/a": b"right"})
    fetch([f"{web.url}/1/a", f"{web.url}/2/a"], tmp_path / "a", accept)
    assert web.asked == ["/1/a"]


def cut_off(request):
    request.send_response(200)
    request.send_header("Content-Length", "100")
    request.end_headers()
    request.wfile.write(b"only this")


def redirect(address):
    def answer(request):
        request.send_response(302)
        request.send_header("Location", address)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def test_every_failure_is_listed_and_nothing_stays(web, tmp_path):
    web.answers.update(
        {
            "/broken/a.gz": 500,
            "/wrong/a.gz": b"wrong",
            "/short/a.gz": cut_off,
            "/file/a.gz": redirect(Path(__file__).as_uri()),
            "/ftp/a.gz": redirect("ftp://127.0.0.1/a.gz"),
        }
    )
    mirrors = ["gone", "broken", "wrong", "short", "file", "ftp"]
    destination = tmp_path / "mnist" / "a.gz"
    with pytest.raises(DataError) as caught:
        fetch([f"{web.url}/{m}/a.gz" for m in mirrors], destination, only(b"right"))
    lines = str(caught.value).splitlines()
    assert lines[0] == "a.gz could not be downloaded:"
    for line, mirror, reason in zip(
        lines[1:7],
        mirrors,
        [
            "HTTP Error 404: Not Found",
            "HTTP Error 500: Internal Server Error",
            "what arrived is wrong",
            "the connection ended after 9 of 100 bytes",
            "HTTP Error 302: ",
            "unknown url type: ftp",
        ],
        strict=True,
    ):
        assert line.startswith(f"  {web.url}/{mirror}/a.gz: ")
        assert reason in line
    assert f"save it as {destination}" in str(caught.value)
    assert "$DEEPEN_DATA/mnist/a.gz" in str(caught.value)
    assert list(destination.parent.iterdir()) == []


@pytest.mark.parametrize("address", [Path(__file__).as_uri(), "ftp://127.0.0.1/a", "no address", "http://[/a"])
def test_only_the_web_is_asked(tmp_path, address):
    with pytest.raises(DataError, match="could not be downloaded"):
        fetch([address], tmp_path / "a", accept)
    assert list(tmp_path.iterdir()) == []


def test_a_refused_connection_is_a_failure_as_any(tmp_path, web):
    with pytest.raises(DataError, match="a could not be downloaded"):
        # Port 1 is reserved and answers nowhere.
        fetch(["http://127.0.0.1:1/a"], tmp_path / "a", accept)


def test_a_bad_download_leaves_the_old_file_alone(web, tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    web.answers["/a"] = b"wrong"
    with pytest.raises(DataError):
        fetch([f"{web.url}/a"], tmp_path / "a", only(b"right"))
    assert (tmp_path / "a").read_bytes() == b"old"


def test_an_interruption_leaves_nothing_behind(web, tmp_path):
    def interrupt(path):
        raise KeyboardInterrupt

    web.answers["/a"] = b"right"
    with pytest.raises(KeyboardInterrupt):
        fetch([f"{web.url}/a"], tmp_path / "a", interrupt)
    assert list(tmp_path.iterdir()) == []


def test_an_endless_answer_is_broken_off(web, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "MOST_BYTES", 10)
    web.answers["/a"] = bytes(11)
    with pytest.raises(DataError, match="more than 10 bytes arrived; broken off"):
        fetch([f"{web.url}/a"], tmp_path / "a", accept)
    assert list(tmp_path.iterdir()) == []


def test_two_downloads_at_once_do_not_harm_each_other(web, tmp_path):
    content = bytes(300_000)
    both = threading.Barrier(2, timeout=10)
    failures = []

    def answer(request):
        both.wait()
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    def work():
        try:
            fetch([f"{web.url}/a"], tmp_path / "a", only(content))
        except Exception as error:
            failures.append(error)

    web.answers["/a"] = answer
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == content


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match=r"file.mnist cannot be made: .*; set DEEPEN_CACHE to a folder"):
        fetch([], tmp_path / "file" / "mnist" / "a", accept)


def test_a_terminal_sees_a_bar_and_a_file_does_not(web, tmp_path, monkeypatch, capsys):
    web.answers["/digits.gz"] = b"right"
    fetch([f"{web.url}/digits.gz"], tmp_path / "a", accept)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    fetch([f"{web.url}/digits.gz"], tmp_path / "a", accept)
    out, err = capsys.readouterr()
    assert out == ""
    assert "digits.gz" in err
