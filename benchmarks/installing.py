"""The peers' packages, pinned in peers/versions.toml and kept below build/bench-peers; nothing is installed
on the system. What cannot be had is an `Unavailable` with the reason."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.programs import ROOT

PEERS = Path(__file__).with_name("peers")
_HOME = ROOT / "build" / "bench-peers"
_VERSIONS = PEERS / "versions.toml"
_WITHIN_S = 240
#: What was tried in this run already, and why it did not work.
_failed: dict[str, str] = {}


class Unavailable(Exception):
    """A peer cannot be had here; the message says why."""


@dataclass(frozen=True, slots=True)
class Nchan:
    nginx: Path
    module: Path
    unshare: str  # begins a command line whose program has mounts of its own
    versions: str


def wanted(part: str) -> dict[str, Any]:
    """What is pinned: packages and versions of one installer."""
    found: dict[str, Any] = tomllib.loads(_VERSIONS.read_text("utf-8"))[part]
    return found


def _run(command: Sequence[str], folder: Path) -> str:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=_WITHIN_S
        )
    except FileNotFoundError:
        raise Unavailable(f"there is no {command[0]} here") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]} took longer than {_WITHIN_S} s") from None
    if done.returncode != 0:
        lines = [line for line in (done.stderr or done.stdout).strip().splitlines() if line]
        raise Unavailable(f"{Path(command[0]).name}: {lines[-1][:200] if lines else done.returncode}")
    return done.stdout


def _once(name: str, packages: object, make: Callable[[Path], None]) -> Path:
    """A folder that `make` fills; filled anew when something else is wanted."""
    folder = _HOME / name
    mark = folder / "made.txt"
    key = hashlib.sha256(repr((packages, sys.version)).encode()).hexdigest()
    if name in _failed:
        raise Unavailable(_failed[name])
    if not mark.exists() or mark.read_text("ascii") != key:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        print(f"installing the peers' {name} packages", flush=True)
        try:
            make(folder)
        except Unavailable as reason:
            _failed[name] = str(reason)
            raise
        mark.write_text(key, "ascii")
    return folder


@cache
def python() -> Path:
    """An interpreter that has the pinned Python packages. Raises Unavailable."""
    packages = [f"{name}=={version}" for name, version in wanted("pip").items()]

    def make(folder: Path) -> None:
        _run([sys.executable, "-m", "venv", str(folder / "venv")], folder)
        _run([str(folder / "venv/bin/python"), "-m", "pip", "install", "--quiet", *packages], folder)

    return _once("pip", packages, make) / "venv/bin/python"


@cache
def node_modules() -> Path:
    """A folder with the pinned packages of Node. Raises Unavailable."""
    packages = wanted("npm")
    _run(["node", "--version"], PEERS)

    def make(folder: Path) -> None:
        package = {"name": "peers", "private": True, "dependencies": packages}
        (folder / "package.json").write_text(json.dumps(package), "utf-8")
        _run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"], folder)

    return _once("npm", packages, make) / "node_modules"


@cache
def nchan() -> Nchan:
    """nginx and its module, from the distribution's packages. Raises Unavailable."""
    packages = wanted("apt")["packages"]

    def make(folder: Path) -> None:
        _run(["apt-get", "download", *packages], folder)
        for package in folder.glob("*.deb"):
            _run(["dpkg-deb", "--extract", str(package), str(folder)], folder)

    folder = _once("apt", packages, make)
    nginx, module = folder / "usr/sbin/nginx", folder / "usr/lib/nginx/modules/ngx_nchan_module.so"
    if not (nginx.exists() and module.exists()):
        raise Unavailable("the distribution's packages have no nginx with the nchan module")
    for program in ("setpriv", "taskset", "unshare"):
        if shutil.which(program) is None:
            raise Unavailable(f"util-linux ({program}) is not installed")
    _run([str(nginx), "-V"], folder)  # its libraries may be missing
    unshare = "unshare --mount" if os.geteuid() == 0 else "unshare --user --map-root-user --mount"
    _run([*unshare.split(), "mount", "-t", "tmpfs", "none", "/var/lib"], folder)
    versions = sorted(file.name.split("_")[1].replace("%3a", ":") for file in folder.glob("*.deb"))
    return Nchan(nginx, module, unshare, ", ".join(versions))
