"""CPU time of this machine's processes, by family: what each part of a run costs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Entry:
    pid: int
    parent: int
    name: str
    cpu_s: float


def table() -> dict[int, Entry]:
    """Every process by id; CPU includes children that have ended and were waited for."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            text = (folder / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        name, rest = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
        ticks = sum(int(value) for value in rest[11:15])
        found[int(folder.name)] = Entry(int(folder.name), int(rest[1]), name, ticks / _TICK)
    return found


def family(entries: dict[int, Entry], root: int) -> set[int]:
    """`root` and everything below it."""
    inside, grew = {root}, True
    while grew:
        more = {entry.pid for entry in entries.values() if entry.parent in inside} - inside
        inside |= more
        grew = bool(more)
    return inside


def cpu_by_name(entries: dict[int, Entry], pids: set[int], called: Mapping[int, str]) -> dict[str, float]:
    """CPU seconds by program name, or by what a process is `called`."""
    totals: dict[str, float] = {}
    for pid in pids & entries.keys():
        name = called.get(pid, entries[pid].name)
        totals[name] = totals.get(name, 0.0) + entries[pid].cpu_s
    return totals


def cpu_seconds(pids: set[int]) -> float:
    """CPU time of these processes' living threads, to the nanosecond where the kernel counts so."""
    total = 0.0
    for pid in pids:
        try:
            total += sum(_thread_cpu_s(thread) for thread in Path(f"/proc/{pid}/task").iterdir())
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended; whoever measures notices in other ways
    return total


def _thread_cpu_s(thread: Path) -> float:
    try:
        return int((thread / "schedstat").read_text().split()[0]) / 1e9
    except FileNotFoundError:
        text = (thread / "stat").read_text()
        return sum(int(value) for value in text.rpartition(")")[2].split()[11:13]) / _TICK


def resident_bytes(pids: set[int]) -> int:
    """Memory of these processes that is in RAM, the kernel's socket buffers not counted."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE")
