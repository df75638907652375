"""The processes behind a running program, found as an operator would find them: by where they live."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tests.servers import is_alive


def children_in(folder: Path) -> dict[int, str]:
    """Living processes that work in a folder or below, or name it: process id → command line."""
    found: dict[int, str] = {}
    for pid in _all_pids():
        try:
            title = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            place = os.readlink(f"/proc/{pid}/cwd")
        except OSError:  # gone meanwhile, or not ours to look at
            continue
        if (f"{place}/".startswith(f"{folder}/") or str(folder) in title) and is_alive(pid):
            found[pid] = title.strip()
    return found


def servers_of(data_dir: Path, program: str) -> list[int]:
    """The embedded servers of a data directory by program (`valkey-server`, `postgres`), oldest first."""
    return sorted(pid for pid, title in children_in(data_dir).items() if program in title)


def _all_pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
