"""What each room of mtlearn may import, checked in the source itself."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"

PURE_TORCH = {"networks", "losses"}
LEARNING = {
    "tasks",
    "data",
    "preprocessing",
    "augmentation",
    "training",
    *PURE_TORCH,
}

# The rooms of mtlearn that each room may import. A room that is not here fails.
# mtlearn.exceptions, which imports nothing of mtlearn, is open to all.
ROOMS: dict[str, set[str]] = {
    "exceptions": set(),
    "_utils": set(),
    "tasks": {"losses", "_utils"},
    "data": {"tasks", "losses", "_utils"},
    "preprocessing": {"data", "_utils"},
    "augmentation": {"_utils"},
    "networks": set(),
    # Values with parameters are as all others of the package.
    "losses": {"_utils"},
    "training": {"tasks", "data", "augmentation", "networks", "losses", "_utils"},
    "estimators": {*LEARNING, "_utils"},
    "ensemble": {*LEARNING, "estimators", "_utils"},
    "calibration": {*LEARNING, "estimators", "metrics", "model_selection", "_utils"},
    "openset": {*LEARNING, "estimators", "model_selection", "calibration", "_utils"},
    "metrics": {"tasks", "_utils"},
    "model_selection": {"tasks", "_utils"},
    "inspection": {
        "metrics",
        "model_selection",
        "tasks",
        "data",
        "training",
        "_utils",
    },
    "reporting": {"inspection", "metrics", "tasks", "data", "training", "_utils"},
    "pipeline": set(),
    "persistence": {
        *LEARNING,
        "estimators",
        "ensemble",
        "calibration",
        "openset",
        "pipeline",
        "_utils",
    },
    "datasets": {"_utils"},
    "recipes": {*LEARNING, "estimators", "pipeline", "_utils"},
}

# Packages that a room does without.
OUTSIDE: dict[str, set[str]] = {
    "preprocessing": {"torch", "skorch"},
    "augmentation": {"skorch"},
    **{room: {"sklearn", "skorch"} for room in PURE_TORCH},
}

OPTIONAL = {
    "pandas",
    "PIL",
    "simplejpeg",
    "matplotlib",
    "jinja2",
    "markupsafe",
    "dask",
    "distributed",
    "ray",
    "onnx",
    "onnxscript",
    "onnxruntime",
    "transformers",
    "huggingface_hub",
    "timm",
    "torchvision",
}
SKLEARN_COMPAT = "mtlearn._utils._sklearn_compat"


def test_contributing_describes_the_rooms():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    firsts = [line.split("|")[1] for line in text.splitlines() if line[:3] == "| `"]

    described = [name for first in firsts for name in re.findall("`(.+?)`", first)]
    assert sorted(described) == sorted(ROOMS)


def module_names():
    """Return the dotted name of every module of the package, with its file."""
    names = {}
    for path in sorted((SOURCE / "mtlearn").rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
        names[".".join(parts)] = path
    return names


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def imports(tree):
    """Yield the path of each imported name: its module's parts, then the name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ([*module.split("."), alias.name] for alias in node.names)


def imports_at_import_time(statements):
    """Yield the top-level packages that running these statements imports."""
    for node in statements:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from imports_at_import_time(node.orelse)
        else:
            yield from imports_at_import_time(ast.iter_child_nodes(node))


def own_fault(module, path):
    """Say what is wrong with an import of mtlearn's own, or return None."""
    room = module.split(".")[1]
    if len(path) == 1:
        return "imports the package from inside"
    target, rest = path[1], path[2:]
    if target not in ROOMS:
        return f"imports {target!r}, which is no room in the table"
    if target in {room, "exceptions"}:
        return None
    if target not in ROOMS[room]:
        return f"imports the room {target!r}, which {room!r} may not know"
    if target != "_utils" and any(is_private(name) for name in rest):
        return f"imports {'.'.join(path)}, which is private to {target!r}"
    return None


def outer_fault(module, path):
    """Say what is wrong with an import from another package, or return None."""
    room = module.split(".")[1]
    if path[0] == "":
        return "uses a relative import: write mtlearn's full names"
    if path[0] in OUTSIDE.get(room, set()):
        return f"imports {path[0]}, which {room!r} does without"
    private = path[0] == "sklearn" and any(is_private(name) for name in path)
    if private and module != SKLEARN_COMPAT:
        return f"imports {'.'.join(path)}, private to scikit-learn"
    return None


def faults(module, source):
    """Return what the imports of a module's source do against the rules."""
    tree = ast.parse(source)
    found = [
        f"imports {name}, an optional package, at module level"
        for name in imports_at_import_time(tree.body)
        if name in OPTIONAL
    ]
    if module == "mtlearn":
        return found
    room = module.split(".")[1]
    if room not in ROOMS:
        return [*found, f"is in {room!r}, which is no room in the table"]
    for path in imports(tree):
        check = own_fault if path[0] == "mtlearn" else outer_fault
        fault = check(module, path)
        if fault is not None:
            found.append(fault)
    return found


@pytest.mark.parametrize("module", module_names())
def test_imports_keep_to_the_table(module):
    source = module_names()[module].read_text(encoding="utf-8")

    assert faults(module, source) == []


@pytest.mark.parametrize(
    ("module", "source", "fault"),
    [
        ("mtlearn.tasks._a", "from mtlearn.networks import f", "may not know"),
        ("mtlearn.tasks._a", "import mtlearn.networks", "may not know"),
        ("mtlearn.tasks._a", "from mtlearn import networks", "may not know"),
        ("mtlearn.exceptions", "from mtlearn._utils import f", "may not know"),
        ("mtlearn._utils._a", "import mtlearn.tasks", "may not know"),
        ("mtlearn.networks._a", "from mtlearn._utils._b import f", "may not know"),
        ("mtlearn.metrics._a", "def f():\n import mtlearn.losses", "may not know"),
        ("mtlearn.metrics._a", "from mtlearn.tasks._b import f", "private to 'tasks'"),
        ("mtlearn.metrics._a", "from mtlearn.tasks import _b", "private to 'tasks'"),
        ("mtlearn.metrics._a", "import mtlearn", "from inside"),
        ("mtlearn.metrics._a", "from mtlearn import Tasks", "no room in the table"),
        ("mtlearn.attic._a", "", "no room in the table"),
        ("mtlearn.tasks._a", "from ._b import f", "relative import"),
        ("mtlearn.tasks._a", "from sklearn.utils._x import f", "private to scikit"),
        ("mtlearn.tasks._a", "from sklearn.utils import _f", "private to scikit"),
        ("mtlearn.tasks._a", "import sklearn._config", "private to scikit"),
        ("mtlearn.losses._a", "import sklearn.base", "does without"),
        ("mtlearn.preprocessing._a", "from torch import nn", "does without"),
        ("mtlearn", "import pandas as pd", "at module level"),
        ("mtlearn.tasks._a", "try:\n import pandas\nexcept E: f()", "at module level"),
        ("mtlearn.tasks._a", "class A:\n import matplotlib.pyplot", "at module level"),
        ("mtlearn.tasks._a", "if f:\n from pandas import NA", "at module level"),
    ],
)
def test_the_checker_sees_a_fault(module, source, fault):
    found = faults(module, source)

    assert len(found) == 1
    assert fault in found[0]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("mtlearn", "from mtlearn._utils._a import f\nimport mtlearn.tasks"),
        ("mtlearn.tasks._a", "from mtlearn.tasks._b import _f"),
        ("mtlearn.networks._a", "from mtlearn.exceptions import NetworkError"),
        ("mtlearn.metrics._a", "from mtlearn._utils._b import f"),
        ("mtlearn.metrics._a", "from mtlearn.tasks import Tasks"),
        (SKLEARN_COMPAT, "from sklearn.utils._x import _f"),
        ("mtlearn.tasks._a", "from sklearn import __version__"),
        ("mtlearn.tasks._a", "def f():\n import pandas"),
        ("mtlearn.tasks._a", "if TYPE_CHECKING:\n import pandas"),
    ],
)
def test_the_checker_lets_the_allowed_pass(module, source):
    assert faults(module, source) == []


IMPORT_ALL = """
import importlib, pkgutil, sys
import mtlearn
for room in pkgutil.iter_modules(mtlearn.__path__, "mtlearn."):
    importlib.import_module(room.name)
"""


def run_python(code):
    """Run code in a fresh interpreter and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_room_imports_without_the_optional_packages():
    block = "import sys\nsys.modules['pandas'] = sys.modules['matplotlib'] = None"
    # Bars for notebooks are imported on use. Looked for here too, as a process that
    # imports torch takes seconds.
    bars = "import mtlearn\nprint('tqdm.auto' in sys.modules)"

    printed = run_python(f"{block}\n{bars}\n{IMPORT_ALL}\nprint('done')")

    assert printed.splitlines() == ["False", "done"]


def test_mtlearn_imports_no_optional_package_by_itself():
    # scikit-learn imports pandas where it finds it: that is not ours to answer for.
    others = "import sklearn.base, sklearn.callback, skorch, torch, tqdm.auto, joblib"
    loaded = f"set({sorted(OPTIONAL)}) & sys.modules.keys()"
    code = f"import sys\n{others}\nbefore = {loaded}\n{IMPORT_ALL}\n"

    assert run_python(f"{code}print(before == ({loaded}))") == "True"
