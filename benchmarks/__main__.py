"""Run a benchmark: ``python -m benchmarks NAME [options]`` from the repository root.

This module imports nothing heavy: every process that a benchmark starts imports it,
and TensorFlow and torch are not to meet in one of them.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from importlib import import_module

# "import" is a word of Python's, so that its module needs another name.
COMMANDS = {
    "training": "training",
    "prediction": "prediction",
    "scaling": "scaling",
    "memory": "memory",
    "import": "imports",
    "accuracy": "accuracy",
    "profile": "profile",
    "augmentation": "augmentation",
    "files": "files",
    "ensemble": "ensemble",
    "vectorized": "vectorized",
    "processes": "processes",
    "batch-norms": "batch_norms",
    "open-set": "open_set",
    "penalties": "penalties",
    "aggregation": "aggregation",
    "balancing": "balancing",
    "multitask": "multitask",
    "tables": "tables",
    "defaults": "defaults",
    "gpu": "gpu",
    "exported": "exported",
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure what mtlearn costs."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="NAME")
    for name, module_name in COMMANDS.items():
        module = import_module(f"benchmarks.{module_name}")
        command = commands.add_parser(
            name,
            help=module.__doc__.splitlines()[0],
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_argument(
            "--quick", action="store_true", help="tiny sizes, to see that it runs"
        )
        command.add_argument("--threads", type=int, help="default: torch's own count")
        command.add_argument(
            "--save",
            action="store_true",
            help=f"write what is printed to benchmarks/results/{name}.txt",
        )
        for option in module.OPTIONS:
            option.add_to(command)
        command.set_defaults(module=module)
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name."""
    from benchmarks._machine import describe
    from benchmarks._options import fill_in
    from benchmarks._report import Report

    arguments = sys.argv[1:] if arguments is None else list(arguments)
    options = build_parser().parse_args(arguments)
    fill_in(options, options.module.OPTIONS)
    report = Report()
    report.line(f"$ {shlex.join(['python', '-m', 'benchmarks', *arguments])}")
    for line in describe(options.threads):
        report.line(line)
    report.line()
    options.module.run(options, report)
    if options.save:
        report.save(options.command)


if __name__ == "__main__":
    main()
