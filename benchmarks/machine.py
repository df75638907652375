"""What the measurements have of this machine: a core for the servers, one for their clients, open files."""

from __future__ import annotations

import os
import resource
import shutil
from functools import cache
from typing import Literal


@cache
def core(of: Literal["server", "clients"]) -> int | None:
    """The first processor this program may use for what is measured, the last for what measures.

    None where there is only one: then they share it, and every figure is worse than it is.
    """
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        return None
    return usable[0] if of == "server" else usable[-1]


def pinned(of: Literal["server", "clients"]) -> list[str]:
    """The beginning of a command line that keeps a program on its core."""
    number = core(of)
    if number is None or shutil.which("taskset") is None:
        return []
    return ["taskset", "-c", str(number)]


def allow_many_files() -> int:
    """Raise this program's limit of open files, which its children inherit; answers the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 1_048_576 if hard == resource.RLIM_INFINITY else hard
    if wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(soft, wanted)
