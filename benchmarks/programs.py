"""Programs that take orders line by line: started, asked with a time limit, ended whatever happens."""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

#: Given to a program for each way of asking it to end; those that are overloaded do not hear the first.
_END_S = 2.0
ROOT = Path(__file__).parents[1]


class Broken(Exception):
    """A program ended, or did not answer in time; the message has its last words."""


class Program:
    """A child whose stdin takes orders and whose stdout answers; `with` ends it.

    All of them end by themselves when their stdin does, so that nothing is left even if this program is
    killed.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start `command` in the project's folder with `environment` on top of ours."""
        self._command = command
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed in __exit__
        self._unread = b""
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | dict(environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.close()
            process.wait(_END_S)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            process.terminate()
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        finally:
            process.stdout.close()
            self._errors.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """The power cut."""
        self._process.kill()
        self._process.wait()

    def order(self, line: str) -> None:
        """Say something; raises Broken when nobody is there."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            raise Broken(f"{self._named} has ended: {self.last_words()}") from None

    def answer(self, begins: str, seconds: float) -> str:
        """The next line that begins like this, without those before it. Raises Broken."""
        until = time.monotonic() + seconds
        while True:
            line = self._line(until)
            if line.startswith(begins):
                return line

    def _line(self, until: float) -> str:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._unread:
            left = until - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise Broken(f"{self._named} did not answer in time: {self.last_words()}")
            read = os.read(descriptor, 65_536)
            if not read:
                raise Broken(f"{self._named} has ended: {self.last_words()}")
            self._unread += read
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode("utf-8", "replace")

    @property
    def _named(self) -> str:
        return Path(self._command[-1] if len(self._command) < 2 else self._command[-2]).name

    def last_words(self) -> str:
        """The end of what it said on stderr."""
        end = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, end - 600))
        said = self._errors.read().decode("utf-8", "replace").split("\n")
        return " ".join(line.strip() for line in said[-8:] if line.strip()) or "without a word"
