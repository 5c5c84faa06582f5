"""Sizes of files and functions, and what every public name must have."""

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import mtlearn

ROOT = Path(__file__).parents[1]
API_PAGE = ROOT / "docs" / "api.md"
MAX_FILE_LINES = 400
MAX_BODY_LINES = 50
FILES = sorted(
    path
    for folder in ("src", "tests", "examples", "benchmarks")
    for path in ROOT.glob(folder + "/**/*.py")
)
ROOMS = [
    "mtlearn",
    *(
        f"mtlearn.{module.name}"
        for module in pkgutil.iter_modules(mtlearn.__path__)
        if not module.name.startswith("_")
    ),
]
# What rooms export to each other and not to users: described, without an example.
INNER_ROOMS = {"mtlearn.data", "mtlearn.training"}
INNER_NAMES = {
    "InBulk",
    "InnerStream",
    "Stream",
    "in_step",
    "array_dtype",
    "in_arrays",
    "keeps_labels",
    "label_dtype",
    "Layout",
    "with_kinds",
    "suited_to",
    "join_codecs",
    "is_registered",
    "AroundOne",
    "HeldOut",
    "check_folds",
    "make_folds",
    "laid_out",
    "watched",
    "names_of_categories",
    "exported_scores",
    "may_hold",
    "known_targets",
    "open_targets",
    "SharedGenerator",
    "BaseMetaEstimator",
    "features_of",
    "vector_of",
    "MultiTaskMixin",
    "Codec",
    "EncodedTargets",
    "Decisions",
    "PresentLabels",
    "Strata",
    "Target",
    "with_label",
    "decode_rows",
    "has_label",
    "has_output",
    "only_known",
    "warn_unpredicted",
    "Task",
    "fit_codec",
    "kinds",
    "label_weights",
    "task_weights",
    "read_predictions",
    "read_scored",
    "TaskReader",
    "read_targets",
    "task_of_classes",
    "Figure",
    "LabelFigure",
    "ScoredLabels",
    "fitted_tasks",
    "format_figure",
    "metric_words",
    "html_table",
    "text_table",
    "scored_labels",
    "scored_decisions",
    "Resampling",
    "report_of",
    "calibration_error",
    "ScoredOutputs",
    "scored_outputs",
    "has_spread",
    "member_weights",
    "paired_columns",
    "task_spread",
    "calibration_bins",
    "reliability",
    "label_rows",
    "example_images",
    "Mistakes",
    "confidences",
    # What all ways to combine gradients are.
    "Aggregation",
    # For pictures and the page of unknown samples.
    "find_open_set",
    "unknown_sets",
}


def long_functions(source):
    """Return the functions whose body, docstring excluded, is too long."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        body = node.body if ast.get_docstring(node) is None else node.body[1:]
        if body and node.end_lineno - body[0].lineno + 1 > MAX_BODY_LINES:
            found.append(node.name)
    return found


def exported():
    """Return the classes and functions that each room lists, exceptions excluded."""
    names = []
    for room in ROOMS:
        module = importlib.import_module(room)
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            is_error = inspect.isclass(value) and issubclass(value, Exception)
            if (inspect.isclass(value) or inspect.isfunction(value)) and not is_error:
                names.append((room, name))
    return names


def for_users(names):
    """Return those of the names that users import."""
    return [
        (room, name)
        for room, name in names
        if room not in INNER_ROOMS and name not in INNER_NAMES
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_short(path):
    source = path.read_text(encoding="utf-8")

    assert len(source.splitlines()) <= MAX_FILE_LINES
    assert long_functions(source) == []


def test_a_long_function_is_seen():
    lines = ["    x = 1"] * MAX_BODY_LINES
    short = "\n".join(["def f():", '    """Doc."""', *lines])

    assert long_functions(short) == []
    assert long_functions(short + "\n    x = 2") == ["f"]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_lists_its_public_names(room):
    module = importlib.import_module(room)

    assert [name for name in module.__all__ if not hasattr(module, name)] == []
    assert len(set(module.__all__)) == len(module.__all__)


@pytest.mark.parametrize(("room", "name"), exported())
def test_a_listed_name_is_described_and_our_own(room, name):
    value = getattr(importlib.import_module(room), name)

    # Its own docstring: an inherited one describes another class.
    assert value.__doc__
    assert value.__module__.startswith("mtlearn.")


@pytest.mark.parametrize(("room", "name"), for_users(exported()))
def test_a_public_name_has_an_example_and_is_on_the_page(room, name):
    value = getattr(importlib.import_module(room), name)

    assert "Examples\n--------" in inspect.cleandoc(value.__doc__)
    assert f"`{name}`" in API_PAGE.read_text(encoding="utf-8")


def test_no_exemption_is_stale():
    assert {name for _, name in exported()} >= INNER_NAMES
    assert set(ROOMS) >= INNER_ROOMS
