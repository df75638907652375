"""PostgreSQL and Valkey of an operator's own, for tests that end them: Hubbub does not end with them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from server import valkey_child
from server.embedded import Embedded
from tests.servers import spawn, wait_until


class OwnValkey:
    """It ends, and is started again on the same socket, empty."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "own-valkey.sock"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}?db=0"

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)  # of one that was killed
        command = [str(valkey_child.find_program()), "--port", "0", "--unixsocket", self.socket.name]
        command += ["--save", "", "--appendonly", "no", "--loglevel", "warning"]
        self._process = spawn(command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_until(self.socket.exists, "Valkey listens")

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill9(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(10)
            self._process = None


class OwnPostgres:
    """A cluster of its own, kept by a process of its own; its URL stays the same over restarts.

    The keeper is needed because the program's own starter works on a main thread only, and ends its
    server with the process that started it: here the keeper, so that nothing of it is left behind.
    """

    def __init__(self, folder: Path) -> None:
        self.url = ""
        self._keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.own_servers", str(folder / "own-postgres")],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self) -> None:
        """Ready when this returns, after a crash too."""
        self.url = self._say("start")

    def kill9(self) -> None:
        """As the kernel does when memory is short: the head is gone at once, its workers follow."""
        self._say("kill9")

    def close(self) -> None:
        """Stop it; there is no start after this."""
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.close()
        self._keeper.wait(15)
        self._keeper.stdout.close()

    def _say(self, command: str) -> str:
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.write(f"{command}\n")
        self._keeper.stdin.flush()
        answer = self._keeper.stdout.readline().strip()
        assert answer, f"the keeper of PostgreSQL died at {command}"
        return answer


def _keep(folder: Path) -> None:
    """Do as told on standard input, until its end."""
    with ExitStack() as stack:
        embedded = Embedded(folder, postgres=True, redis=False)
        for command in sys.stdin:
            if command.strip() == "start":
                embedded = stack.enter_context(Embedded(folder, postgres=True, redis=False))
                print(embedded.database_url, flush=True)
            else:
                os.kill(embedded.pids()["postgres"], signal.SIGKILL)
                stack.close()
                print("killed", flush=True)


if __name__ == "__main__":
    _keep(Path(sys.argv[1]))
