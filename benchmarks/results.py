"""RESULTS.md: one section a measurement, each with its table and what it was taken on."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

FILE = Path(__file__).with_name("RESULTS.md")
_HEAD = "# Measured\n\nBy `make bench`. `make bench ARGS=votes` measures that section anew."
_SECTION = re.compile(r"^## (\S+)\n.*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Section:
    """What one measurement found: Markdown below a heading, and whether every aim was met."""

    text: str
    met: bool = True


@dataclass(frozen=True, slots=True)
class Aim:
    """What a figure should be (issue 3), and whether it is."""

    what: str
    figure: str
    wanted: str
    met: bool


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(percent / 100 * len(ordered)))]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def aims(judged: Iterable[Aim]) -> str:
    """A table of them."""
    rows = [(aim.what, aim.figure, aim.wanted, "yes" if aim.met else "**no**") for aim in judged]
    return table(("aim", "figure", "wanted", "met"), rows)


def machine() -> str:
    """What a figure was taken on."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("uvicorn", "asyncpg", "redis"))
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {packages}"
    )


def write(name: str, section: Section, order: Sequence[str]) -> None:
    """Put a section into RESULTS.md in place of an older one of its name, in the given order."""
    old = FILE.read_text("utf-8") if FILE.exists() else ""
    sections = {found[1]: found[0].rstrip() for found in _SECTION.finditer(old)}
    sections[name] = f"## {name}\n\n{section.text}\n\n{machine()}"
    kept = [sections[known] for known in order if known in sections]
    FILE.write_text("\n\n".join([_HEAD, *kept]) + "\n", "utf-8")
