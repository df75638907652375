"""Fixtures on real servers: PostgreSQL and Valkey once a session, a fresh database for every test.

| fixture | scope | what |
|---|---|---|
| `short_dir` | function | a folder with a short path (sockets!), removed afterwards |
| `servers` | session | an `Embedded` with both servers |
| `postgres_url` | session | the migrated database that others are copied from; never write to it |
| `database_url`, `database` | function | a copy of it; the same, opened |
| `redis_url` | function | the session's Valkey, emptied |
| `prepared` | session | a data directory that `start_hubbub` copies; never write to it |
| `start_hubbub`, `hubbub` | function | the real program: a factory taking settings; one with none |
| `browser`, `page` | function | the worker's Chromium; a page that fails the test on an uncaught error |
| `tables` | function | Foundry worlds and their browsers, on Node with the real socket.io-client |
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio
import structlog
from playwright.async_api import Browser, Page, async_playwright
from redis.asyncio import Redis

from server import postgres_child
from server.embedded import Embedded
from sql.ids import uuid7
from sql.migrate import migrate
from sql.pool import Database
from tests.acceptance.foundry_tables import Tables
from tests.servers import BROWSER_FLAGS, Hubbub, StartHubbub, new_folder
from tools import find_chromium

# What a test logs is read when it fails. Tracebacks with the values of all variables, the default where there
# is a library for it, take a tenth of a second each: longer than what many a test measures.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=True),
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)

_WITHOUT_BROWSER = pytest.StashKey[list[str]]()
_WITHOUT_NODE = pytest.StashKey[list[str]]()


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """Pytest's own tmp_path may be longer than a socket's path can be, and lies on a disk."""
    folder = new_folder()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def servers() -> Iterator[Embedded]:
    """Started once, on the main thread. No test pulls the plug on it: it need not wait for the disk."""
    folder = new_folder()
    with pytest.MonkeyPatch.context() as quick:
        for option in ("fsync", "full_page_writes"):
            quick.setitem(postgres_child._OPTIONS, option, "off")
        with Embedded(folder / "data", postgres=True, redis=True) as embedded:
            quick.undo()
            yield embedded
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_url(servers: Embedded) -> str:
    """Migrated once; a thread of its own keeps the loops of the tests out of it."""
    assert servers.database_url is not None
    with ThreadPoolExecutor(1) as apart:
        apart.submit(asyncio.run, migrate(servers.database_url)).result()
    return servers.database_url


@pytest.fixture
async def database_url(postgres_url: str) -> AsyncIterator[str]:
    """A database of this test alone, about 20 ms."""
    name = f"test_{uuid7().hex}"
    parts = urlsplit(postgres_url)

    def url_of(database: str) -> str:
        return f"{parts.scheme}:///{database}?{parts.query}"  # urlunsplit would drop the empty host

    manager = await asyncpg.connect(url_of("postgres"))
    try:
        await manager.execute(f'CREATE DATABASE "{name}" TEMPLATE "{parts.path[1:]}"')
        yield url_of(name)
        await manager.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await manager.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The pool that the program itself would use."""
    opened = await Database.open(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def redis_url(servers: Embedded) -> str:
    """Emptied before the test, so that a failed one leaves its traces for a look."""
    assert servers.redis_url is not None
    async with Redis.from_url(servers.redis_url) as client:
        await client.flushall()
    return servers.redis_url


@pytest.fixture(scope="session")
def prepared() -> Iterator[Path]:
    """A data directory with an empty database: what a first start makes in two seconds of processor.

    The first start itself is tried by acceptance/test_make_run.py and integration/test_embedded.py.
    """
    folder = new_folder()
    with Embedded(folder / "data", postgres=True, redis=False) as embedded, ThreadPoolExecutor(1) as apart:
        assert embedded.database_url is not None
        apart.submit(asyncio.run, migrate(embedded.database_url)).result()
    yield folder / "data"
    shutil.rmtree(folder)


@pytest.fixture
def start_hubbub(short_dir: Path, prepared: Path) -> Iterator[StartHubbub]:
    """`start_hubbub(HUBBUB_DEMO="1")` → a running program; all are stopped at the end."""
    started: list[Hubbub] = []

    def start(**settings: str) -> Hubbub:
        folder = short_dir / f"h{len(started)}"
        folder.mkdir()
        if "DATABASE_URL" not in settings:
            # By cp, because the cluster may belong to another user, and must go on belonging to them.
            subprocess.run(["cp", "-a", prepared, folder / "data"], check=True)
        program = Hubbub(folder, settings)
        started.append(program)
        program.start()
        return program

    yield start
    for program in started:
        program.stop()


@pytest.fixture
def hubbub(start_hubbub: StartHubbub) -> Hubbub:
    """One running program with embedded servers and an empty database."""
    return start_hubbub()


@pytest.fixture(scope="session")
def chromium_path() -> str | None:
    """CHROME_BIN, PATH, or Playwright's own; `make test` has installed one if it could."""
    return find_chromium.find()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(chromium_path: str | None) -> AsyncIterator[Callable[[], Awaitable[Browser]]]:
    """The Chromium of this worker, started when first asked for, and again when a test has crashed it."""
    running: list[Browser] = []
    async with async_playwright() as playwright:

        async def living() -> Browser:
            if not running or not running[-1].is_connected():
                opened = await playwright.chromium.launch(executable_path=chromium_path, args=BROWSER_FLAGS)
                running.append(opened)
            return running[-1]

        yield living
        for browser in running:
            await browser.close()


@pytest.fixture
def _function_scoped_runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    """pytest-asyncio's loop for one test, except for tests with a browser: these share the session's loop.

    What Playwright gives out belongs to the loop it was started on, and to start it and Chromium for every
    test took most of the processor time of the whole suite. A test still ends like one with a loop of its
    own: what it left running is cancelled.
    """
    if "browser" not in request.fixturenames:
        yield request.getfixturevalue("_function_scoped_runner")
        return
    request.getfixturevalue("chromium")  # its tasks are there before we look which are
    runner: asyncio.Runner = request.getfixturevalue("_session_scoped_runner")
    kept = asyncio.all_tasks(runner.get_loop())
    yield runner
    runner.run(_end_all_but(kept))


async def _end_all_but(kept: set[asyncio.Task[Any]]) -> None:
    left = [task for task in asyncio.all_tasks() - kept if task is not asyncio.current_task()]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


@pytest.fixture
async def browser(
    chromium_path: str | None,
    chromium: Callable[[], Awaitable[Browser]],
    request: pytest.FixtureRequest,
) -> AsyncIterator[Browser]:
    """Chromium; each context in it is as good as a new browser, and those that a test made end with it."""
    if chromium_path is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs a browser and there is none: set CHROME_BIN", pytrace=False)
        request.config.stash.setdefault(_WITHOUT_BROWSER, []).append(request.node.nodeid)
        pytest.skip("no Chromium on this machine: set CHROME_BIN")
    opened = await chromium()
    yield opened
    for context in opened.contexts:
        await context.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page of 1920×1080; an uncaught error in it fails the test at its end."""
    context = await browser.new_context(viewport={"width": 1920, "height": 1080})
    opened = await context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    await context.close()
    assert not errors, f"uncaught in the page: {errors}"


@pytest.fixture
async def tables(request: pytest.FixtureRequest) -> AsyncIterator[Tables]:
    """A Node of this test alone, about a quarter of a second."""
    if missing := Tables.missing():
        request.config.stash.setdefault(_WITHOUT_NODE, []).append(request.node.nodeid)
        pytest.skip(missing)
    async with Tables.opened() as opened:
        yield opened


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """A suite without its browser tests must not look like a green one; trials tell their figures."""
    if trials := _trials(terminalreporter):
        terminalreporter.section("Promises tried (docs/developer.md, Chaos)")
        for line in trials:
            terminalreporter.line(line)
    if missing := config.stash.get(_WITHOUT_BROWSER, []):
        terminalreporter.section("BROWSER TESTS DID NOT RUN", sep="!", red=True, bold=True)
        terminalreporter.line(f"{len(missing)} tests need Chromium; install one, or set CHROME_BIN.")
    if missing := config.stash.get(_WITHOUT_NODE, []):
        terminalreporter.section("TESTS OF THE FOUNDRY MODULE DID NOT RUN", sep="!", red=True, bold=True)
        terminalreporter.line(f"{len(missing)} tests did not: {Tables.missing()}.")


def _trials(terminalreporter: pytest.TerminalReporter) -> list[str]:
    """The table of tests/chaos: promise, what became of it, figures, seed."""
    reports = [
        report
        for group in terminalreporter.stats.values()
        for report in group
        if isinstance(report, pytest.TestReport)
    ]
    failed = {report.nodeid for report in reports if report.failed}
    skipped = {report.nodeid for report in reports if report.skipped}
    found = []
    for report in reports:
        told = dict(report.user_properties).get("chaos")
        if report.when == "teardown" and isinstance(told, str):
            outcome = "FAILED" if report.nodeid in failed else "-" if report.nodeid in skipped else "kept"
            found.append(f"{outcome:6} {told}")
    return sorted(found, key=lambda line: line[7:])
