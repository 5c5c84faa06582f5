"""Names of files, as users have them."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from mtlearn._utils._masks import refuse_mask
from mtlearn._utils._short import short
from mtlearn.exceptions import DataTypeError, InvalidDataError, ParameterTypeError

# What the files of a folder must end in to be taken for images.
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")


def read_paths(files: Any, root: Any = None) -> np.ndarray:
    """Return names of files as one array of text.

    Parameters
    ----------
    files : array-like of shape (n_files,)
        Names or paths: a list, an array, a Series, or a DataFrame of one column.
    root : path or None, default=None
        Folder that names are relative to.

    Returns
    -------
    ndarray of shape (n_files,)
        Of dtype object.

    Raises
    ------
    DataTypeError
        If a name is missing, or is no text.
    ParameterTypeError
        If `root` is no name of a folder.
    InvalidDataError
        If there are several columns.
    """
    refuse_mask(files, "'files'", "Leave out what is masked.")
    if isinstance(files, str | bytes | os.PathLike):
        raise DataTypeError(
            f"'files' must be a list, array or column of names of files. Got one name, "
            f"{short(files)}, instead. Pass [{short(files)}], or read a folder with "
            "ImageFiles.from_folder."
        )
    folder = _read_root(root)
    column = np.asarray(files, dtype=object)
    if column.ndim == 0:  # a dict, a set, what is read once
        raise DataTypeError(
            "'files' must be a list, array or column of names of files. Got "
            f"{short(files)} instead. Pass list(...) of it."
        )
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    if column.ndim != 1:
        raise InvalidDataError(
            "'files' must be one column of names of files. Got the shape "
            f"{column.shape} instead. Pass that column."
        )
    names = np.empty(len(column), dtype=object)
    for row, name in enumerate(column):
        if not isinstance(name, str | bytes | os.PathLike):
            raise DataTypeError(
                f"'files' must hold names of files. Row {row} has {short(name)} "
                "instead. Leave it out."
            )
        text = os.fsdecode(name)
        names[row] = os.path.join(folder, text)
    return names


def _read_root(root: Any) -> str:
    if root is None:
        return ""
    if isinstance(root, str | bytes | os.PathLike):
        return os.fsdecode(root)
    raise ParameterTypeError(
        "The 'root' parameter must be None or the name of a folder. Got "
        f"{short(root)} instead."
    )


def list_folder(folder: Any) -> tuple[list[str], list[str]]:
    """Find the images of a tree, by the sub-folder that they lie in.

    Parameters
    ----------
    folder : path
        Has a folder for each label, with images at any depth.

    Returns
    -------
    files, labels : list of str
        In the order of their names. Hidden files and folders are left out, and files
        whose name does not end like that of an image.

    Raises
    ------
    InvalidDataError
        If there is no folder, or none with an image.
    """
    top = Path(folder)
    if not top.is_dir():
        raise InvalidDataError(
            f"from_folder reads a folder that has one for each label. There is no "
            f"folder {str(top)!r}."
        )
    found = sorted(
        path
        for path in top.rglob("*")
        if path.suffix.lower() in SUFFIXES and path.is_file() and _is_seen(path, top)
    )
    below = [path for path in found if path.parent != top]
    if not below:
        where = "only directly in it" if found else "none at all"
        raise InvalidDataError(
            f"from_folder reads a folder that has one for each label. In the folders "
            f"of {str(top)!r} are no images ({', '.join(SUFFIXES)}); there are "
            f"{where}. Pass the list of files to ImageFiles, and labels as y."
        )
    return [str(path) for path in below], [
        path.relative_to(top).parts[0] for path in below
    ]


def _is_seen(path: Path, top: Path) -> bool:
    return not any(part.startswith(".") for part in path.relative_to(top).parts)
