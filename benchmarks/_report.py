"""What a command prints, and keeps to save."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks._timing import Seconds, ratios, spread

RESULTS = Path(__file__).parent / "results"


class Report:
    """Prints lines and tables as they come, and remembers them."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str = "") -> None:
        """Print a line, or several."""
        print(text, flush=True)
        self.lines.extend(text.split("\n"))

    def table(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print a Markdown table, and an empty line."""
        self.line(markdown_table(header, rows) + "\n")

    def progress(self, text: str) -> None:
        """Print a line to stderr that is not kept."""
        print(text, file=sys.stderr, flush=True)

    def save(self, name: str) -> Path:
        """Write all lines to the folder of results; return the file."""
        RESULTS.mkdir(parents=True, exist_ok=True)
        path = RESULTS / f"{name}.txt"
        path.write_text("\n".join(self.lines).strip("\n") + "\n", encoding="utf-8")
        return path

    def seconds(
        self,
        seconds: Seconds[str],
        reference: str,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """Print a table of durations, with ratios to one of the contenders.

        Parameters
        ----------
        seconds : mapping of str to list of float
            Seconds of each contender in each round.
        reference : str
            The contender that the last column divides by.
        extra : mapping of str to str, default=None
            What stands behind the name of a contender.
        """
        against = f"/ {reference}"
        rows = []
        for name, values in seconds.items():
            found = spread(values)
            cells = [f"{part:.4g}" for part in (found.median, found.low, found.high)]
            both = ratios(seconds, name, reference)
            ratio = "-" if both is None else f"{both.median:.3f}"
            rows.append([name + (extra or {}).get(name, ""), *cells, ratio])
        self.table(["", "median s", "min s", "max s", against], rows)

    def ratio(self, seconds: Seconds[str], name: str, reference: str) -> None:
        """Print the median ratio of two contenders over the rounds."""
        found = ratios(seconds, name, reference)
        text = "not measured"
        if found is not None:
            text = f"{found.median:.3f} ({found.low:.3f} to {found.high:.3f})"
        self.line(f"{name} / {reference}: {text}")


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table whose columns are also aligned for the eye.

    The first column is text; the others are figures.

    Parameters
    ----------
    header : sequence of str
        Names of the columns.
    rows : iterable of sequence of str
        Cells.

    Returns
    -------
    str
        Lines, the last one without a line break.
    """
    table = [list(header), *(list(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [
        [row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in table
    ]
    lines.insert(1, rule)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
