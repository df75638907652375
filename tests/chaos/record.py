"""What happened, line by line: every call, answer, frame and fault of a trial, appended to a JSONL file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any


class Record:
    """Append-only. `at` of a line is in seconds since 1970, `kind` says what it is about."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = 0
        self._file = path.open("a", encoding="utf-8")

    def note(self, kind: str, **facts: Any) -> None:
        """Add a line; facts are what JSON can say, anything else by its `str`."""
        line = {"at": round(time.time(), 4), "kind": kind, **facts}
        self._file.write(json.dumps(line, default=str) + "\n")
        self.lines += 1

    def flush(self) -> None:
        """Have everything so far in the file, for who reads it."""
        self._file.flush()

    def close(self) -> None:
        self._file.close()
