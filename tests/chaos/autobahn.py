"""The Autobahn test-suite, which exists for Python 2.7 only (reliability M7): found, or made in build/."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_HOME = ROOT / "build" / "autobahn"
#: The last virtualenv that makes environments for Python 2.7.
_VIRTUALENV = "virtualenv==20.15.1"
_SUITE = "autobahntestsuite==25.10.1"
#: Without 9.* (speed), 12.* and 13.* (compression, which we decline).
CASES = ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*")


class NotHere(Exception):
    """The suite cannot be run on this machine; the message says why."""


def _run(*command: str | Path) -> None:
    try:
        subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True, timeout=300)
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip().splitlines()
        raise NotHere(f"{Path(command[0]).name} failed: {said[-1] if said else error}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotHere(str(error)) from None


def _pythons() -> Iterator[str]:
    if found := shutil.which("python2.7"):
        yield found
    yield from map(str, (Path.home() / ".pyenv" / "versions").glob("2.7*/bin/python2.7"))


def _python27() -> str:
    for python in _pythons():
        if subprocess.run([python, "--version"], capture_output=True, check=False).returncode == 0:
            return python
    raise NotHere("there is no Python 2.7")


def wstest() -> Path:
    """The suite's program. Raises NotHere."""
    program = _HOME / "suite" / "bin" / "wstest"
    if not program.exists():
        python = _python27()
        tools = _HOME / "tools"
        _run(sys.executable, "-m", "venv", tools)
        _run(tools / "bin" / "pip", "install", "-q", _VIRTUALENV)
        _run(tools / "bin" / "virtualenv", "-q", "-p", python, _HOME / "suite")
        _run(_HOME / "suite" / "bin" / "pip", "install", "-q", _SUITE)
    return program


def start(program: Path, url: str, folder: Path) -> subprocess.Popen[bytes]:
    """Run the cases against an echo at `url`; the report comes into `folder`."""
    spec = folder / "spec.json"
    servers = [{"agent": "Hubbub", "url": url, "options": {"version": 18}}]
    spec.write_text(
        json.dumps(
            {
                "outdir": str(folder / "report"),
                "servers": servers,
                "cases": list(CASES),
                "exclude-cases": [],
                "exclude-agent-cases": {},
            }
        )
    )
    command = [str(program), "-m", "fuzzingclient", "-s", str(spec)]
    with (folder / "wstest.log").open("wb") as log:
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)


def report(folder: Path) -> tuple[Counter[str], dict[str, Any]]:
    """How many cases went how, and those that went wrong: their number, and what was expected and seen."""
    results = json.loads((folder / "report" / "index.json").read_text())["Hubbub"]
    counts = Counter(case["behavior"] for case in results.values())
    closing = Counter(case["behaviorClose"] for case in results.values())
    counts.update({f"close {name}": n for name, n in closing.items()})
    fine = {"OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED"}
    failed = {
        number: case
        for number, case in results.items()
        if case["behavior"] not in fine or case["behaviorClose"] not in fine
    }
    return counts, failed
