"""What every display is, beside its numbers."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

from mtlearn._utils._listing import listed

_MOST_NAMED = 5
_LONGEST = 24  # letters of a name


class Display(ABC):
    """Numbers of tasks, and a picture of them.

    A notebook shows the picture by itself, and of the display one line.
    """

    @abstractmethod
    def _shown_tasks(self) -> Iterable[str]:
        """Give the names of the tasks."""

    def __repr__(self) -> str:
        names = [name for name in map(str, self._shown_tasks()) if name]
        about = f" of {listed(map(_cut, names), _MOST_NAMED)}" if names else ""
        hint = "" if hasattr(self, "figure_") else "; plot() draws it"
        return f"<{type(self).__name__}{about}{hint}>"


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
