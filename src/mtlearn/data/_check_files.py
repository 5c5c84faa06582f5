"""Finding the files that cannot be read, in one pass."""

from typing import NamedTuple

from mtlearn._utils._progress import progress
from mtlearn._utils._short import short
from mtlearn.data._image_files import ImageFiles
from mtlearn.exceptions import DataTypeError

_ROWS = 256  # between two movements of the bar


class BrokenFile(NamedTuple):
    """A file that cannot be read.

    Attributes
    ----------
    row : int
        Of X, from 0.
    file : str
        Its name.
    problem : str
        What is wrong with it.
    """

    row: int
    file: str
    problem: str


def check_files(X: ImageFiles, *, verbose: int = 1) -> list[BrokenFile]:
    """Read all images once, and list those that cannot be read.

    Parameters
    ----------
    X : ImageFiles
        Images.
    verbose : int, default=1
        Whether to show a bar.

    Returns
    -------
    list of BrokenFile
        In the order of X; empty if all can be read.

    Raises
    ------
    DataTypeError
        If X is something else.

    Examples
    --------
    >>> from mtlearn.data import ImageFiles, check_files
    >>> check_files(ImageFiles(["nowhere.jpg"], size=64), verbose=0)
    [BrokenFile(row=0, file='nowhere.jpg', problem='there is no such file')]
    """
    if not isinstance(X, ImageFiles):
        raise DataTypeError(
            f"X of check_files must be ImageFiles. Got {short(X)} instead. Pass "
            "ImageFiles(files, size=...)."
        )
    found = []
    with progress(len(X), "check_files", "image", bool(verbose)) as bar:
        for start in range(0, len(X), _ROWS):
            part = X[start : start + _ROWS]
            found += [
                BrokenFile(start + row, part.files[row], problem)
                for row, problem in part.problems()
            ]
            bar.update(len(part))
    return found
