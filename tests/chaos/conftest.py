"""The long variants of the acceptance tests: minutes instead of seconds, so they are asked for by name.

CHAOS=1 make test ARGS=tests/chaos
"""

from __future__ import annotations

import os

collect_ignore_glob = [] if os.environ.get("CHAOS") else ["test_*.py"]
