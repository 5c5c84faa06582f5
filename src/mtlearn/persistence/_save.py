"""Estimators in files that hold numbers and names, and run nothing."""

import json
import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from mtlearn._utils._archive import Format, read_archive, write_archive
from mtlearn._utils._short import short
from mtlearn.exceptions import ModelFormatError, ParameterTypeError
from mtlearn.persistence._decode import Decoder
from mtlearn.persistence._encode import Encoder
from mtlearn.persistence._migrate import migrate
from mtlearn.persistence._registry import is_object

FORMAT = Format("mtlearn", 1, "mtlearn.save")
OBJECT, ARRAYS = "object.json", "arrays.safetensors"
_VERSIONS = ("mtlearn", "torch", "scikit-learn", "skorch", "numpy")


def versions() -> dict[str, str]:
    """Give the versions that an estimator's numbers come from, by package.

    Returns
    -------
    dict of str to str
        Of this package, and of those it computes with.
    """
    return {name: version(name) for name in _VERSIONS}


def save(estimator: Any, path: str | os.PathLike[str]) -> None:
    """Write an estimator to one file, from which `load` makes it again.

    The file holds parameters and what was learned, as numbers and names. It has no
    pickle and nothing else that could run. The optimiser's state is not in it.

    Parameters
    ----------
    estimator : estimator
        An estimator, ensemble, transformer or task of this package, fitted or not, or a
        Pipeline of such.
    path : str or path-like
        Where to. A file that is there is replaced once the new one is whole.

    Raises
    ------
    ParameterTypeError
        If it is nothing of this package.
    InvalidParameterError
        If something in it cannot be saved, such as a callback, a lambda or a
        `RandomState`; the message names it.

    See Also
    --------
    load : Reads the file.

    Notes
    -----
    The file is an uncompressed zip of JSON and of a safetensors file. `joblib.dump`
    works too, but whoever loads such a file runs what is in it.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from mtlearn import MultiTaskEstimator, Regression, load, save
    >>> from mtlearn.datasets import load_wine_quality
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> estimator = MultiTaskEstimator(Regression(), max_epochs=1).fit(X, y)
    >>> with TemporaryDirectory() as folder:
    ...     save(estimator, Path(folder) / "wine.mtlearn")
    ...     again = load(Path(folder) / "wine.mtlearn")
    >>> bool((again.predict(X) == estimator.predict(X)).all())
    True
    """
    if not is_object(estimator):
        raise ParameterTypeError(
            "The 'estimator' parameter of save must be an estimator of mtlearn, or a "
            f"Pipeline of such. Got {short(estimator)} instead."
        )
    encoder = Encoder()
    record = encoder.encode(estimator, type(estimator).__name__)
    arrays = {
        name: np.asarray(array, array.dtype.newbyteorder("="), order="C")
        for name, array in encoder.arrays.items()
    }
    parts = {
        OBJECT: json.dumps(record, allow_nan=False).encode(),
        ARRAYS: save_arrays(arrays),
    }
    about = {
        "class": type(estimator).__name__,
        "versions": {**versions(), "python": platform.python_version()},
    }
    write_archive(path, parts, about, FORMAT)


def load(
    path: str | os.PathLike[str], *, custom_objects: Mapping[str, Any] | None = None
) -> Any:
    """Read an estimator from a file that `save` has written.

    Nothing that the file says is imported or run: it names classes, which come from
    this package or from you. It predicts on the CPU; more training moves it to its
    `device`.

    Parameters
    ----------
    path : str or path-like
        The file.
    custom_objects : mapping of str to class or function, default=None
        Your own backbones, heads, losses and augmentations, by their names. Loading
        calls them, so pass what you trust.

    Returns
    -------
    estimator
        As it was saved.

    Raises
    ------
    ParameterTypeError
        If `custom_objects` is no mapping.
    OSError
        If there is no such file, or it cannot be read.
    ModelFormatError
        If the file is not whole, is of a newer format, refers to a class that is
        neither of this package nor in `custom_objects`, or does not fit together.

    See Also
    --------
    save : Writes the file.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from mtlearn import load, save
    >>> from mtlearn.preprocessing import GlobalMaxScaler
    >>> scaler = GlobalMaxScaler().fit([[[0.0, 4.0]]])
    >>> with TemporaryDirectory() as folder:
    ...     save(scaler, Path(folder) / "scaler.mtlearn")
    ...     load(Path(folder) / "scaler.mtlearn").max_
    4.0
    """
    if not isinstance(custom_objects, Mapping | None):
        raise ParameterTypeError(
            "The 'custom_objects' parameter of load must be None or a mapping of names "
            f"to classes and functions. Got {short(custom_objects)} instead."
        )
    parts, manifest = read_archive(path, {OBJECT, ARRAYS}, FORMAT)
    try:
        arrays = load_arrays(parts[ARRAYS])
        decoder = Decoder(arrays, custom_objects or {})
        record = json.loads(parts[OBJECT])
        made = decoder.decode(migrate(record, manifest["version"], FORMAT.version))
        if not is_object(made):
            raise ModelFormatError(f"it holds {short(made)}")
        return made
    except Exception as error:
        raise ModelFormatError(
            f"The file {str(path)!r} cannot be loaded: {error}. Its parts are whole, "
            "but do not make an estimator of this mtlearn."
        ) from error
