"""`hubbub fake …`: a stand-in for a platform, for developers without accounts there.

The stand-ins belong to the tests, which an installed package does not have: they are looked for when asked
for, and never imported otherwise.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import Final

PLATFORMS: Final = ("twitch", "kick")
_WHERE: Final = "tests.fakes.by_hand"


def add_to(fake: argparse.ArgumentParser) -> None:
    """What `hubbub fake` takes."""
    fake.add_argument("platform", choices=PLATFORMS)
    fake.add_argument(
        "--webhook",
        default="http://127.0.0.1:8787/webhooks/kick",
        help="where Kick's deliveries go (default: %(default)s)",
    )


def run(given: argparse.Namespace) -> int:
    """Play a platform until `quit` or Ctrl-C; 2 where the stand-ins are not installed."""
    try:
        by_hand = importlib.import_module(_WHERE)
    except ModuleNotFoundError as missing:
        print(
            f"hubbub: the stand-ins need a source tree with its test packages ({missing.name} is missing): "
            "run 'make test' once in a clone, and this command from there",
            file=sys.stderr,
        )
        return 2
    try:
        by_hand.main(given.platform, given.webhook)
    except KeyboardInterrupt:
        return 0
    return 0
