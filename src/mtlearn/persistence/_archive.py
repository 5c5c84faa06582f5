"""One file of a few named parts, each with its checksum."""

import hashlib
import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

from mtlearn.exceptions import ModelFormatError

FORMAT = "mtlearn"
VERSION = 1
MANIFEST = "manifest.json"


def write_archive(
    path: str | os.PathLike[str], parts: dict[str, bytes], about: dict[str, Any]
) -> None:
    """Write a file of parts, whole or not at all.

    Parameters
    ----------
    path : str or path-like
        Where to; a file that is there is replaced at once.
    parts : dict of str to bytes
        By name.
    about : dict
        What else the manifest says, as JSON.
    """
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        **about,
        "parts": {
            name: {"size": len(part), "sha256": hashlib.sha256(part).hexdigest()}
            for name, part in parts.items()
        },
    }
    target = Path(path)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
                for part_name, part in parts.items():
                    archive.writestr(part_name, part)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_archive(
    path: str | os.PathLike[str], names: set[str]
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Read the parts of a file, and what its manifest says.

    Parameters
    ----------
    path : str or path-like
        A file that `write_archive` has written.
    names : set of str
        The parts that it must have.

    Returns
    -------
    parts : dict of str to bytes
        By name, each with the checksum that the manifest names.
    manifest : dict
        The manifest.

    Raises
    ------
    ModelFormatError
        If the file is not whole, or of a newer format.
    """
    with Path(path).open("rb") as file:
        try:
            parts, manifest = _read_parts(file, names)
        except ModelFormatError as error:
            raise ModelFormatError(_unreadable(path, error)) from None
        except Exception as error:  # a torn zip raises errors of many kinds
            raise ModelFormatError(_unreadable(path, error)) from error
    return parts, manifest


def _read_parts(
    file: BinaryIO, names: set[str]
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Read parts that are what the manifest says they are."""
    with zipfile.ZipFile(file) as archive:
        size = os.fstat(file.fileno()).st_size
        _check_entries(archive.infolist(), size, {MANIFEST, *names})
        manifest = json.loads(archive.read(MANIFEST))
        _check_version(manifest)
        parts = {name: archive.read(name) for name in names}
    for name, part in parts.items():
        found = {"size": len(part), "sha256": hashlib.sha256(part).hexdigest()}
        if manifest["parts"][name] != found:
            raise ModelFormatError(f"its part {name!r} is not what was written")
    return parts, manifest


def _unreadable(path: str | os.PathLike[str], error: Exception) -> str:
    return (
        f"The file {str(path)!r} cannot be loaded: {error}. It must be a whole file "
        "that mtlearn.save has written."
    )


def _check_entries(
    entries: list[zipfile.ZipInfo], size: int, expected: set[str]
) -> None:
    """Raise if there are other parts, or parts larger than the file, before reading."""
    found = [entry.filename for entry in entries]
    if len(found) != len(expected) or set(found) != expected:
        raise ModelFormatError(f"its parts are {sorted(found)[:9]}")
    for entry in entries:
        stored = entry.compress_type == zipfile.ZIP_STORED
        if not stored or entry.file_size != entry.compress_size:
            raise ModelFormatError(f"its part {entry.filename!r} is compressed")
    if sum(entry.file_size for entry in entries) > size:
        raise ModelFormatError("its parts are larger than the file")


def _check_version(manifest: Any) -> None:
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelFormatError(f"its {MANIFEST} is none of mtlearn")
    version = manifest.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ModelFormatError(f"its format has the version {version!r}")
    if version > VERSION:
        raise ModelFormatError(
            f"its format has version {version}, newer than {VERSION}, which this "
            "mtlearn knows. Upgrade: python -m pip install -U mtlearn"
        )
