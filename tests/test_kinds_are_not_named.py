"""No module outside of the tasks' room names a kind, or asks for one."""

import ast

import pytest

from mtlearn.tasks import kinds
from test_imports import SOURCE

# Public docs, data and recipes may: they are about tasks that are there.
FREE = {"tasks", "datasets", "recipes"}
NAMES = {kind.__name__ for kind in kinds()}
WORDS = {kind.kind for kind in kinds()}


def modules():
    """Return every module that is not free to name kinds."""
    root = SOURCE / "mtlearn"
    return [
        path
        for path in sorted(root.rglob("*.py"))
        if path.relative_to(root).parts[0] not in FREE and path.parent != root
    ]


def named(source):
    """Return the lines of code, not of docstrings or messages, that name a kind."""
    found = []
    for node in ast.walk(ast.parse(source)):
        name = getattr(node, "id", None) or getattr(node, "attr", None)
        is_import = isinstance(node, ast.alias)
        if (node.name if is_import else name) in NAMES:
            found.append(node.lineno)
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            words = {part.value for side in sides for part in ast.walk(side)
                     if isinstance(part, ast.Constant)}  # fmt: skip
            if words & WORDS or _is_of_a_task(sides):
                found.append(node.lineno)
    return sorted(set(found))


def _is_of_a_task(sides):
    """Tell `task.kind` from numpy's `dtype.kind` and inspect's `parameter.kind`."""
    owners = [side.value for side in sides if getattr(side, "attr", None) == "kind"]
    return any(ast.unparse(owner).endswith(("task", "target")) for owner in owners)


def test_kinds_are_found():
    assert {"Classification", "Regression"} <= NAMES
    assert len(modules()) > 100


def test_a_name_is_seen():
    source = "from mtlearn.tasks import Regression\nisinstance(task, Regression)\n"
    assert named(source) == [1, 2]
    assert named("task.kind == other.task.kind") == [1]
    assert named('if kind == "classification": pass') == [1]
    assert named('array.dtype.kind == "f"') == []


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.stem)
def test_no_kind_is_named(path):
    assert named(path.read_text()) == []
