"""Tables of figures, as text and as HTML."""

from collections.abc import Sequence
from html import escape


def format_figure(value: float, is_error: bool) -> str:
    """Give three decimals, but three digits to errors that have units of their own."""
    if is_error and value and not 0.01 <= abs(value) < 1e6:
        return f"{value:.3g}"
    return f"{value:z.3f}"


def text_table(head: Sequence[str], lines: Sequence[Sequence[str]], aligns: str) -> str:
    """Lay out cells in columns.

    Parameters
    ----------
    head : sequence of str
        Names of the columns.
    lines : sequence of sequence of str
        Cells.
    aligns : str
        ``<`` or ``>`` for each column.

    Returns
    -------
    str
        A line for the head and for each of `lines`.
    """
    table = [head, *lines]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(
            f"{cell:{align}{width}}"
            for cell, align, width in zip(line, aligns, widths, strict=True)
        ).rstrip()
        for line in table
    )


def html_table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Lay out cells as an HTML table.

    Parameters
    ----------
    head : sequence of str
        Names of the columns, which may be a user's.
    lines : sequence of sequence of str
        Cells. All of it is escaped.

    Returns
    -------
    str
        A ``table`` element.
    """
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>"
        for line in lines
    )
    return f"<table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>"
