"""Files of older formats, brought to the present one step by step."""

from collections.abc import Callable
from typing import Any

# What takes the record of a format to the next one, by the version that it takes. A
# change of the format raises FORMAT.version and adds a step here, and never changes an
# older step: tests load a file of each version.
STEPS: dict[int, Callable[[Any], Any]] = {}


def migrate(record: Any, written: int, known: int) -> Any:
    """Bring a record to the present format.

    Parameters
    ----------
    record : object
        The JSON of a file.
    written : int
        Version of the format that it was written in.
    known : int
        The present one, not below.

    Returns
    -------
    object
        The JSON as this version would write it.
    """
    for version in range(written, known):
        record = STEPS[version](record)
    return record
