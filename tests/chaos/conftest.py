"""The trials: `trial` and `world` for every test, and the table of what was found at the end.

Without CHAOS=1 the short forms run, in every test run; with it the long ones, which `make chaos` starts.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chaos.scale import Scale
from tests.chaos.trial import Trial, trying
from tests.chaos.world import World

#: What has no short form here, because other tests are that.
collect_ignore_glob = [] if os.environ.get("CHAOS") else ["test_long.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Short forms come first, those that may take longest before the others: they mostly wait, and one
    worker waits while the others work. Last, they would be all that is left."""
    if not Scale.of().is_long:
        items.sort(key=lambda item: -getattr(getattr(item, "function", None), "short_bound_s", 0.0))


@pytest.fixture
async def trial(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Trial]:
    """Seed, chance, record and figures of this test."""
    async with trying(request.node.name, tmp_path) as trial:
        yield trial
    request.node.user_properties.append(("chaos", f"{trial.promise:10} {trial.summary}"))


@pytest.fixture
async def world(trial: Trial, short_dir: Path, database_url: str, redis_url: str) -> AsyncIterator[World]:
    """An installation without processes yet, on a database of this test alone."""
    async with World(trial, short_dir, database_url, redis_url) as world:
        yield world
