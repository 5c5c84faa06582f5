"""One file of a few named parts, each with its checksum."""

import hashlib
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from mtlearn._utils._files import write_atomically
from mtlearn.exceptions import ModelFormatError

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Format:
    """What a file holds.

    Attributes
    ----------
    name : str
        In the manifest.
    version : int
        The newest one that this package knows, which it writes.
    origin : str
        Who writes such files, for messages.
    """

    name: str
    version: int
    origin: str


def write_archive(
    path: str | os.PathLike[str],
    parts: dict[str, bytes],
    about: dict[str, Any],
    form: Format,
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
    form : Format
        What the file holds.
    """
    manifest = {
        "format": form.name,
        "version": form.version,
        **about,
        "parts": {name: _signature(part) for name, part in parts.items()},
    }

    def write(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
            for name, part in parts.items():
                archive.writestr(name, part)

    write_atomically(path, write)


def read_archive(
    path: str | os.PathLike[str], names: set[str], form: Format
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Read the parts of a file, and what its manifest says.

    Parameters
    ----------
    path : str or path-like
        A file that `write_archive` has written.
    names : set of str
        The parts that it must have.
    form : Format
        What the file must hold.

    Returns
    -------
    parts : dict of str to bytes
        By name, each with the checksum that the manifest names.
    manifest : dict
        The manifest; its version may be an older one.

    Raises
    ------
    ModelFormatError
        If the file is not whole, or of a newer format.
    """
    with Path(path).open("rb") as file:
        try:
            parts, manifest = _read_parts(file, names, form)
        except ModelFormatError as error:
            raise ModelFormatError(_unreadable(path, error, form)) from None
        except Exception as error:  # a torn zip raises errors of many kinds
            raise ModelFormatError(_unreadable(path, error, form)) from error
    return parts, manifest


def _signature(part: bytes) -> dict[str, Any]:
    return {"size": len(part), "sha256": hashlib.sha256(part).hexdigest()}


def _read_parts(
    file: BinaryIO, names: set[str], form: Format
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Read parts that are what the manifest says they are."""
    with zipfile.ZipFile(file) as archive:
        size = os.fstat(file.fileno()).st_size
        _check_entries(archive.infolist(), size, {MANIFEST, *names})
        manifest = json.loads(archive.read(MANIFEST))
        _check_version(manifest, form)
        parts = {name: archive.read(name) for name in names}
    for name, part in parts.items():
        if manifest["parts"][name] != _signature(part):
            raise ModelFormatError(f"its part {name!r} is not what was written")
    return parts, manifest


def _unreadable(path: str | os.PathLike[str], error: Exception, form: Format) -> str:
    return (
        f"The file {str(path)!r} cannot be loaded: {error}. It must be a whole file "
        f"that {form.origin} has written."
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


def _check_version(manifest: Any, form: Format) -> None:
    if not isinstance(manifest, dict) or manifest.get("format") != form.name:
        raise ModelFormatError(f"its {MANIFEST} is none of {form.name}")
    version = manifest.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ModelFormatError(f"its format has the version {version!r}")
    if version > form.version:
        raise ModelFormatError(
            f"its format has version {version}, newer than {form.version}, which this "
            "mtlearn knows. Upgrade: python -m pip install -U mtlearn"
        )
