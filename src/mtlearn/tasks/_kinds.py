"""The kinds that there are."""

import inspect

from mtlearn.tasks._base import Task


def kinds() -> tuple[type[Task], ...]:
    """Give the kinds of this package, which files may name."""
    found: list[type[Task]] = []
    families = [Task]
    for family in families:
        for each in family.__subclasses__():
            if each.__module__.startswith("mtlearn."):
                families.append(each)
                found += [] if inspect.isabstract(each) else [each]
    return tuple(found)
