"""A PostgreSQL that hangs: callers are told within seconds, and the program still ends in time."""

from __future__ import annotations

import os
import signal
import time

import httpx2

from tests.acceptance.processes import servers_of
from tests.servers import Hubbub, wait_until


def test_a_hanging_database_is_told_and_does_not_keep_the_program(hubbub: Hubbub) -> None:
    # The postmaster first, so that no backend is born while the others are stopped.
    os.kill(servers_of(hubbub.data_dir, "postgres")[0], signal.SIGSTOP)
    databases = servers_of(hubbub.data_dir, "postgres")
    for pid in databases:
        os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        answer = httpx2.get(f"{hubbub.base_url}/api/v1/campaigns", headers=hubbub.headers, timeout=30)
        assert answer.status_code == 503
        assert time.monotonic() - began < 8
        began = time.monotonic()
        hubbub.stop()
        assert time.monotonic() - began < 10
    finally:
        for pid in databases:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                continue
        wait_until(lambda: not servers_of(hubbub.data_dir, "postgres"), "PostgreSQL has ended")
