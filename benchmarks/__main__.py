"""`make bench`: every measurement, one after the other; tables on the terminal and in RESULTS.md."""

from __future__ import annotations

import argparse
import asyncio
import inspect
import signal
import sys
import time
import traceback
from collections.abc import Awaitable, Callable

from benchmarks import dice, fanout, ingest, memory, reconnect, results, start, votes
from benchmarks.results import Section

#: In the order in which they run and stand in RESULTS.md.
SECTIONS: dict[str, Callable[[], Section | Awaitable[Section]]] = {
    "start": start.measure,
    "votes": votes.measure,
    "fanout": fanout.measure,
    "memory": memory.measure,
    "reconnect": reconnect.measure,
    "ingest": ingest.measure,
    "dice": dice.measure,
}


def _about(name: str) -> str:
    return (sys.modules[SECTIONS[name].__module__].__doc__ or "").splitlines()[0]


async def _awaited(found: Awaitable[Section]) -> Section:
    return await found


def _measure(name: str) -> Section:
    found = SECTIONS[name]()
    return asyncio.run(_awaited(found)) if inspect.isawaitable(found) else found


def main() -> int:
    """0 when every aim was met; 130 when it was interrupted: all that was started is ended by then."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _run()
    except KeyboardInterrupt:
        print("\nInterrupted; sections that had ended are in RESULTS.md.", flush=True)
        return 130


def _run() -> int:
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="name", help=f"any of: {' '.join(SECTIONS)}")
    wanted = parser.parse_args().sections or list(SECTIONS)
    if unknown := [name for name in wanted if name not in SECTIONS]:
        parser.error(f"no such measurement: {' '.join(unknown)} (there are: {' '.join(SECTIONS)})")
    met = True
    for name in wanted:
        print(f"{name}: {_about(name)}", flush=True)
        began = time.monotonic()
        try:
            section = _measure(name)
        except Exception:
            traceback.print_exc()
            print(f"\n{name} failed; what RESULTS.md says of it is older.\n", flush=True)
            met = False
            continue
        results.write(name, section, list(SECTIONS))
        print(f"\n{section.text}\n{'' if section.met else 'Not every aim was met.'}", flush=True)
        print(f"{name} took {time.monotonic() - began:.0f} s\n", flush=True)
        met = met and section.met
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
