import os
import sys

import numpy as np
from pictures import animals

from deepen.data import folder
from deepen.data.folder import open_folder
from deepen.data.parallel import threads_for


def test_large_pictures_are_read_by_several_threads_with_the_same_result(tmp_path, monkeypatch):
    animals(tmp_path, 9, 9, size=(300, 300), suffix=".jpg")
    alone = open_folder(tmp_path).load(32, 32)
    used = []

    def four(side):
        used.append(side)
        return 4

    monkeypatch.setattr(folder, "threads_for", four)
    together = open_folder(tmp_path).load(32, 32)
    assert used == [300]
    np.testing.assert_array_equal(together.train_images, alone.train_images)


def test_small_pictures_are_left_to_one_thread():
    assert threads_for(32) == 1
    assert threads_for(3000) == os.cpu_count()


def test_a_terminal_sees_a_bar(tmp_path, monkeypatch, capsys):
    source = open_folder(animals(tmp_path))
    source.load()
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    source.load()
    out, err = capsys.readouterr()
    assert out == ""
    assert "decoding" in err
    assert "10/10" in err
