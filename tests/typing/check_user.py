"""Check `user.py` with mypy and pyright: they must find the wrong lines, and no other.

Run by the tox environment `type`: ``python tests/typing/check_user.py``
"""

import json
import subprocess
import sys
from pathlib import Path

USER = Path(__file__).with_name("user.py")


def expected():
    """Return the numbers of the lines that are wrong."""
    lines = USER.read_text().splitlines()
    return {n for n, line in enumerate(lines, 1) if line.endswith("# error")}


def run(*command):
    """Return what a checker prints, which fails where there are errors."""
    done = subprocess.run(
        [sys.executable, "-m", *command, str(USER)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.stdout


def found_by_mypy():
    """Return the numbers of the lines that mypy finds wrong, with what it says."""
    printed = run("mypy", "--config-file=", "--ignore-missing-imports")
    errors = [line for line in printed.splitlines() if ": error: " in line]
    return {int(line.split(":")[1]): line for line in errors}


def found_by_pyright():
    """Return the numbers of the lines that pyright finds wrong, with what it says."""
    report = json.loads(run("pyright", "--outputjson"))
    return {
        each["range"]["start"]["line"] + 1: each["message"]
        for each in report["generalDiagnostics"]
        if each["severity"] == "error"
    }


def main():
    """Compare; exit with 1 where a checker finds too much or too little."""
    failed = False
    for checker in (found_by_mypy, found_by_pyright):
        found, wanted = checker(), expected()
        for line in sorted(found.keys() - wanted):
            print(f"{checker.__name__}, line {line}: {found[line]}")
        for line in sorted(wanted - found.keys()):
            print(f"{checker.__name__}, line {line}: nothing, and it is wrong")
        failed = failed or found.keys() != wanted
        print(f"{checker.__name__}: {len(found)} wrong lines")
    sys.exit(failed)


if __name__ == "__main__":
    main()
