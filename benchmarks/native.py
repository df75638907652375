"""The programs in C, compiled when they are needed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from benchmarks.programs import ROOT

_MADE = ROOT / "build" / "bench"


class NoCompiler(Exception):
    """There is no C compiler here, or it refused; the message says which."""


def compiled(folder: Path) -> Path:
    """The program of a folder's C files, made anew when one of them is newer. Raises NoCompiler."""
    program = _MADE / folder.name
    newest = max(file.stat().st_mtime for file in folder.glob("*.[ch]"))
    if program.exists() and program.stat().st_mtime >= newest:
        return program
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NoCompiler("no C compiler: install gcc or clang")
    _MADE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_MADE) as own:  # several tests may compile at the same time
        fresh = Path(own) / folder.name
        done = subprocess.run(
            [
                *(compiler, "-O2", "-o", str(fresh)),
                *sorted(str(file) for file in folder.glob("*.c")),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise NoCompiler(f"{compiler} refused {folder.name}: {done.stderr[:400]}")
        fresh.replace(program)
    return program
