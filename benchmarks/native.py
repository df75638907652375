"""The programs in C, compiled when they are needed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from benchmarks.programs import ROOT

_MADE = ROOT / "build" / "bench"


class NoCompiler(Exception):
    """There is no C compiler here, or it refused; the message says which."""


def compiled(source: Path) -> Path:
    """The program of a C file, made anew when the file is newer. Raises NoCompiler."""
    program = _MADE / f"{source.parent.name}-{source.stem}"
    if program.exists() and program.stat().st_mtime >= source.stat().st_mtime:
        return program
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NoCompiler("no C compiler: install gcc or clang")
    _MADE.mkdir(parents=True, exist_ok=True)
    fresh = program.with_suffix(".new")
    done = subprocess.run(
        [compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(fresh), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise NoCompiler(f"{compiler} refused {source.name}: {done.stderr[:400]}")
    fresh.replace(program)
    return program
