"""Write the digits that come with the package: from scikit-learn's copy of them to two IDX files.

Run it where deepen and scikit-learn are installed (deepen does not need scikit-learn otherwise):

    python tools/make_digits.py src/deepen/data

It prints the SHA-256 of the unpacked files, which stand in src/deepen/data/digits.py.
"""

from __future__ import annotations

import gzip
import hashlib
import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from deepen.data.digits import IMAGES_FILE, LABELS_FILE
from deepen.data.idx import write_idx


def main() -> None:
    """Write both files into the folder that is given."""
    folder = Path(sys.argv[1])
    published = load_digits()
    for name, values in ((IMAGES_FILE, published.images), (LABELS_FILE, published.target)):
        array = values.astype(np.uint8)
        if not np.array_equal(array, values):
            sys.exit(f"{name}: the values are not whole numbers from 0 to 255")
        write_idx(folder / name, array)
        print(hashlib.sha256(gzip.decompress((folder / name).read_bytes())).hexdigest(), name)


if __name__ == "__main__":
    main()
