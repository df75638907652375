"""`make bench`: every measurement, one after the other; a table on the terminal and in RESULTS.md."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from playwright.async_api import async_playwright

from benchmarks import votes
from benchmarks.start import Start, start
from tests.servers import BROWSER_FLAGS, Hubbub

_RESULTS = Path(__file__).parent / "RESULTS.md"


def machine() -> str:
    """What the figures were taken on."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("uvicorn", "asyncpg", "redis"))
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {packages}"
    )


async def measure(folder: Path, rate: int, seconds: float) -> tuple[votes.Result, Start, Start]:
    """Everything, one after the other, with one browser."""
    chromium = os.environ.get("CHROME_BIN", "/usr/bin/chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(BROWSER_FLAGS))
        first = await start(browser, folder)
        second = await start(browser, folder)
        server = Hubbub(folder, {})
        server.start()
        try:
            return await votes.run(server, browser, rate, seconds), first, second
        finally:
            server.stop()
            await browser.close()


def report(result: votes.Result, rate: int, first: Start, second: Start) -> str:
    """The table, as Markdown."""
    p50, p99 = votes.percentile(result.delays_ms, 50), votes.percentile(result.delays_ms, 99)
    rows = [
        ("first start → links printed (dependencies installed)", f"{first.link_s:.2f} s", ""),
        ("first start → first vote painted", f"{first.first_vote_s:.2f} s", "≤ 30 s"),
        ("second start → links printed", f"{second.link_s:.2f} s", ""),
        ("second start → first vote painted", f"{second.first_vote_s:.2f} s", "≤ 3 s"),
        ("votes asked for", f"{rate}/s for {result.seconds:.0f} s", ""),
        ("votes reached", f"{result.sent / result.seconds:.0f}/s", ""),
        ("votes lost", str(result.sent - result.counted), "0"),
        ("vote → painted bar, p50", f"{p50:.0f} ms", "≤ 120 ms"),
        ("vote → painted bar, p99", f"{p99:.0f} ms", "≤ 250 ms"),
        *(
            (f"CPU of {name}", f"{share:.0%} of a core", "")
            for name, share in sorted(result.cpu_share.items(), key=lambda item: -item[1])
            if share >= 0.005
        ),
    ]
    lines = ["| what | figure | aim |", "|---|---|---|"]
    lines += [f"| {what} | {figure} | {aim} |" for what, figure, aim in rows]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rate", type=int, default=2000, help="votes per second")
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hubbub-bench-") as folder:
        result, first, second = asyncio.run(measure(Path(folder), given.rate, given.seconds))
    text = report(result, given.rate, first, second)
    print(text)
    _RESULTS.write_text(
        f"# Measured\n\nBy `make bench` on {machine()}. The load comes from the same cores.\n\n{text}\n",
        "utf-8",
    )
    return 0 if result.sent == result.counted else 1


if __name__ == "__main__":
    sys.exit(main())
