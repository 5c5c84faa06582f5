"""The options of a command, each with a value for a quick run."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Option:
    """An option of a command.

    Attributes
    ----------
    name : str
        Without its dashes.
    full, quick : object
        Its value if it is not given, without and with ``--quick``. A flag has none.
    help : str
        What it does.
    read : callable
        Makes the value of the text, such as `int`; `bool` makes a flag.
    """

    name: str
    full: Any
    quick: Any
    help: str
    read: Any = int

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Add this option to a command's parser."""
        if self.read is bool:
            parser.add_argument(f"--{self.name}", action="store_true", help=self.help)
            return
        default = f"default {_shown(self.full)}, quick {_shown(self.quick)}"
        parser.add_argument(
            f"--{self.name}", type=self.read, help=f"{self.help} ({default})"
        )


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "all"
    return str(value)


def names(text: str) -> tuple[str, ...]:
    """Read a list of names between commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def fill_in(options: argparse.Namespace, declared: Sequence[Option]) -> None:
    """Give the options that were left out their values, in place."""
    for option in declared:
        name = option.name.replace("-", "_")
        if getattr(options, name) is None:
            setattr(options, name, option.quick if options.quick else option.full)
