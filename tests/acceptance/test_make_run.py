"""`make run` as a newcomer meets it: a fresh copy in an awkward place, two starts, no process left."""

from __future__ import annotations

import json
import secrets
import signal
import time
import urllib.request
from pathlib import Path

import pytest

from tests.clones import Make, copy_project


@pytest.fixture
def clone(short_dir: Path) -> Path:
    """A copy without anything made; its path has a space and, for root, a closed folder above it."""
    return copy_project(short_dir / "a streamer's" / "hub bub")


def fetch(url: str, key: str = "", body: object = None) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    data = None
    if body is not None:
        data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
    request = urllib.request.Request(url, data, headers)  # noqa: S310  (our own http:// address)
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return answer.status, answer.read()


def test_make_run_twice(clone: Path) -> None:
    key = "hb_" + secrets.token_urlsafe(32)
    settings = {"HUBBUB_API_KEY": key}

    first = Make(clone, settings)
    try:
        base = first.wait_until_ready(180)  # most of it is the package index
        assert fetch(f"{base}/livez")[0] == 200
        assert fetch(f"{base}/readyz")[0] == 200
        assert [p for p in ("/login#code=", "/o/", "/docs") if f"{base}{p}" not in first.said] == []
        status, _ = fetch(f"{base}/api/v1/campaigns", key, {"name": "Kept over night"})
        assert status in (200, 201)
    finally:
        began = time.monotonic()
        first.stop()
    assert time.monotonic() - began < 10

    began = time.monotonic()
    second = Make(clone, settings)
    try:
        base = second.wait_until_ready(20)
        assert time.monotonic() - began < 10, "a second start takes seconds"
        assert b"Kept over night" in fetch(f"{base}/api/v1/campaigns", key)[1]
    finally:
        second.stop(signal.SIGINT)  # Ctrl-C in the terminal
