"""The versions that the project's files state agree with each other."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]


def declared():
    """Return the requirements of the package and of its extras."""
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    found = [Requirement(line) for lines in lists for line in lines]
    return [requirement for requirement in found if requirement.name != "mtlearn"]


def pins(name):
    """Return the version of each package in a constraints file."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and line[0] != "#"]
    return {pin.name: Version(str(pin.specifier).removeprefix("==")) for pin in found}


@pytest.mark.parametrize("requirement", declared(), ids=lambda each: each.name)
def test_the_lowest_pin_is_the_declared_bound(requirement):
    bound = re.fullmatch(r">=(\S+)", str(requirement.specifier))

    assert bound is not None
    assert pins("constraints-lowest.txt")[requirement.name] == Version(bound[1])


@pytest.mark.parametrize("requirement", declared(), ids=lambda each: each.name)
def test_the_tested_version_is_allowed(requirement):
    assert pins("constraints.txt")[requirement.name] in requirement.specifier


def test_pre_commit_runs_the_tested_ruff():
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    versions = {Version(found) for found in re.findall(r"ruff==([\d.]+)", text)}

    assert versions == {pins("constraints.txt")["ruff"]}
