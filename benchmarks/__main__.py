"""`make bench`: every measurement, one after the other; tables on the terminal and in RESULTS.md."""

from __future__ import annotations

import argparse
import asyncio
import sys

from benchmarks import results, start, votes

#: In the order in which they run and stand in RESULTS.md.
SECTIONS = {"start": start.measure, "votes": votes.measure}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="name", help=f"any of: {' '.join(SECTIONS)}")
    wanted = parser.parse_args().sections or list(SECTIONS)
    if unknown := [name for name in wanted if name not in SECTIONS]:
        parser.error(f"no such measurement: {' '.join(unknown)} (there are: {' '.join(SECTIONS)})")
    met = True
    for name in wanted:
        print(f"{name}: {(sys.modules[SECTIONS[name].__module__].__doc__ or '').splitlines()[0]}", flush=True)
        section = asyncio.run(SECTIONS[name]())
        results.write(name, section, list(SECTIONS))
        print(f"\n{section.text}\n{'' if section.met else 'Not every aim was met.'}\n", flush=True)
        met = met and section.met
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
