"""The Python of the README and of docs/ runs as it stands there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def python_blocks(text):
    """Return the code of each fenced block of Python, at its line in the text."""
    return [
        "\n" * text.count("\n", 0, match.start(1)) + match[1]
        for match in BLOCK.finditer(text)
    ]


def read(path):
    return path.read_text(encoding="utf-8")


def test_only_whole_blocks_of_python_are_found():
    text = "Text\n```python\na = 1\n```\n```sh\nls\n```\n```python no-run\nb\n```\n"

    assert python_blocks(text) == ["\n\na = 1\n"]


@pytest.mark.parametrize(
    "path",
    [path for path in PAGES if python_blocks(read(path))],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_the_blocks_of_a_page_run_in_order(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}

    for block in python_blocks(read(path)):
        exec(compile(block, str(path), "exec"), namespace)


def test_continuous_integration_runs_the_test_command_of_the_readme():
    script = read(ROOT / ".ci" / "run").splitlines()
    work = [line for line in script if not re.match(r"#|set |cd ", line)]

    assert work == ["python -m pip install tox && python -m tox"]
    assert work[0] in read(ROOT / "README.md").splitlines()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    targets = re.findall(r"\]\(([^)#\s]+)", read(path))
    local = [target for target in targets if "://" not in target]

    assert [link for link in local if not (path.parent / link).exists()] == []


def test_a_version_has_each_section_of_the_changelog_once():
    for version in read(ROOT / "CHANGELOG.md").split("\n## ")[1:]:
        sections = re.findall(r"^### (.*)$", version, re.MULTILINE)
        assert sections == sorted(set(sections))
