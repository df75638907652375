"""Processes without the `web` role tell their figures at a port of their own, and nothing else there."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx2
import pytest

from tests.servers import Hubbub

SECRET = "9f2c4b7e1a8d3056c7e4f1b2a9d80634"


def port_of(hubbub: Hubbub) -> int:
    """As the log says it."""
    ready = [json.loads(line) for line in hubbub.log.splitlines() if '"event": "ready"' in line]
    return int(ready[-1]["metrics_port"])


@pytest.mark.parametrize("role", ["connectors", "worker"])
async def test_a_process_without_web_can_be_watched(
    role: str, database_url: str, redis_url: str, short_dir: Path
) -> None:
    settings = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "HUBBUB_SECRET_KEY": SECRET,
        "HUBBUB_METRICS_PORT": "0",
    }
    process = Hubbub(short_dir, settings, role)
    await asyncio.to_thread(process.start)
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port_of(process)}") as prometheus:
            answer = await prometheus.get("/metrics")
            assert answer.status_code == 200
            for line in (
                f'roles="{role}"',
                "hubbub_database_up 1.0",
                "hubbub_lines_dropped_total 0.0",
                "hubbub_redis_up",
            ):
                assert line in answer.text
            assert "hubbub_probe_rounds_total" not in answer.text  # there is no overlay here to send it to
            assert (await prometheus.get("/readyz")).json()["status"] == "ready"
            assert (await prometheus.get("/livez")).status_code == 200
            for path in ("/", "/desk", "/api/v1/campaigns", "/openapi.json", "/live"):
                assert (await prometheus.get(path)).status_code == 404, path
    finally:
        assert await asyncio.to_thread(process.stop) == 0
