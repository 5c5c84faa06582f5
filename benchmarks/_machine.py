"""What the figures were measured on."""

import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

# What decides how fast convolutions and matrix products are on a CPU.
_CAPABILITIES = ("avx2", "avx512_f", "avx512_bf16", "amx_bf16")
_PACKAGES = (
    "mtlearn",
    "torch",
    "skorch",
    "scikit-learn",
    "numpy",
    "keras",
    "tensorflow",
    "tensorflow-cpu",
    "kornia",
)


def describe(threads: int | None) -> Iterator[str]:
    """Yield lines on the time, the machine and the versions.

    Parameters
    ----------
    threads : int or None
        Torch threads that the command asks for; None is torch's own count.
    """
    yield f"date      {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    yield f"processor {cpu_model()}, {os.cpu_count()} logical cores, {capabilities()}"
    yield f"memory    {memory()}; load average {load()}"
    yield f"system    {platform.system()} {platform.machine()}"
    yield f"python    {platform.python_version()}; {versions()}"
    yield f"threads   {threads or torch.get_num_threads()}"


def cpu_model() -> str:
    """Return the name of the processor."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def capabilities() -> str:
    """Return which instructions for matrix products the processor has."""
    # A lent machine may have an older torch than mtlearn asks for.
    known = getattr(torch.cpu, "get_capabilities", dict)()
    return ", ".join(
        f"{name.upper()} {'yes' if known.get(name) else 'no'}" for name in _CAPABILITIES
    )


def memory() -> str:
    """Return how much memory there is."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return "unknown"
    return f"{size / 2**30:.1f} GiB"


def load() -> str:
    """Return how busy the machine was in the last minute, 5 and 15 minutes."""
    try:
        return " ".join(f"{value:.2f}" for value in os.getloadavg())
    except (AttributeError, OSError):
        return "unknown"


def versions() -> str:
    """Return the versions of the packages that are installed."""
    found = []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
