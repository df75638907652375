"""Everybody who takes part in the fan-out: how each is started and spoken to, and who is missing, why."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks import installing, machine, processes
from benchmarks.ground import Ground
from benchmarks.installing import PEERS, Unavailable
from benchmarks.load import Load, Speech
from benchmarks.machine import pinned
from benchmarks.native import NoCompiler, compiled
from benchmarks.programs import ROOT, Program
from benchmarks.show import Show

_START_S = 40.0
_BEGIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Start:
    """How a program is started."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Contender:
    """A fan-out program. `start` raises Unavailable."""

    name: str
    start: Callable[[Ground], Start]
    speech: Speech = field(default_factory=Speech)
    #: One round of the fan-out is enough: no aim is measured by it.
    is_aside: bool = False
    #: Too large, or too slow in connecting, for 15,000 clients.
    is_heavy: bool = False


class Running:
    """A contender that listens."""

    def __init__(self, contender: Contender, program: Program) -> None:
        self.contender = contender
        self._program = program
        _, port, pid, *helpers = program.answer("ready ", _START_S).split()
        self.port, self.pid = int(port), int(pid)
        self._helpers = [int(helper) for helper in helpers]

    def publish(self, count: int, per_second: float, size: int) -> int:
        """Begin to publish; when the first message is due, in ns. Raises Broken."""
        self._program.order(f"publish {count} {per_second:g} {size}")
        return int(self._program.answer("began ", _BEGIN_S).split()[1])

    def figures(self) -> Mapping[str, int]:
        """What the program counted itself."""
        self._program.order("figures")
        found: dict[str, int] = json.loads(self._program.answer("figures ", 10).removeprefix("figures "))
        return found

    def kill(self) -> None:
        """The power cut."""
        self._program.kill()

    def family(self) -> set[int]:
        """The processes that serve."""
        return processes.family(processes.table(), self.pid) - self.beside()

    def beside(self) -> set[int]:
        """Processes of it that do something else."""
        entries = processes.table()
        return {pid for helper in self._helpers for pid in processes.family(entries, helper)}


@contextmanager
def running(contender: Contender, ground: Ground) -> Iterator[tuple[Running, Load]]:
    """The program and its clients, of whom none is connected yet. Raises Unavailable, Broken."""
    start = contender.start(ground)
    with Program(start.command, start.environment) as program:
        server = Running(contender, program)
        with Load(server.port, contender.speech) as load:
            yield server, load


def ours(
    name: str,
    show: Show,
    *,
    kind: str = "boards",
    most_overlays: int = 20_000,
    frame_every_s: float = 0.1,
    port: int = 0,
) -> Contender:
    """Hubbub, showing something in the first room of `show`."""
    room = show.rooms[0]

    def start(ground: Ground) -> Start:
        options = {
            "--campaign": room.campaign_id,
            "--board": room.board_id,
            "--kind": kind,
            "--port": port,
            "--data": ground.folder / "hub",
            "--most-overlays": most_overlays,
            "--frame-every": frame_every_s,
        }
        words = [str(word) for option in options.items() for word in option]
        command = [*pinned("server"), str(ROOT / ".venv/bin/python"), "-m", "benchmarks.hub_server", *words]
        return Start(command, ground.environment())

    return Contender(name, start, Speech("/live", show.hellos, greeting=1, acks=True))


def _c(mode: str) -> Callable[[Ground], Start]:
    def start(_: Ground) -> Start:
        try:
            return Start([*pinned("server"), str(compiled(PEERS / "c")), mode])
        except NoCompiler as error:
            raise Unavailable(str(error)) from None

    return start


def _nchan(_: Ground) -> Start:
    found = installing.nchan()
    environment = {
        "PEER_NGINX": str(found.nginx),
        "PEER_MODULE": str(found.module),
        "PEER_UNSHARE": found.unshare,
        "PEER_CORE": str(machine.core("server") or 0),
        "PYTHONPATH": str(ROOT),
    }
    script = str(PEERS / "nchan" / "server.py")
    return Start([*pinned("clients"), str(ROOT / ".venv/bin/python"), script], environment)


def _node(name: str) -> Callable[[Ground], Start]:
    def start(ground: Ground) -> Start:
        environment = {"NODE_PATH": str(installing.node_modules()), "PEER_REDIS_SOCKET": ground.redis_socket}
        return Start([*pinned("server"), "node", str(PEERS / name / "server.js")], environment)

    return start


def _python(name: str) -> Callable[[Ground], Start]:
    def start(ground: Ground) -> Start:
        environment = {"PYTHONPATH": str(ROOT), "PEER_REDIS_SOCKET": ground.redis_socket}
        command = [*pinned("server"), str(installing.python()), str(PEERS / name / "server.py")]
        return Start(command, environment)

    return start


#: In the order of the tables. The greeting of socket.io is its open packet and the answer to ours.
PEERS_OF_OURS = (
    Contender("C, joined writes", _c("join")),
    Contender("C, one send() a message", _c("single"), is_aside=True),
    Contender("nchan (nginx)", _nchan),
    Contender("Node ws, prepared frames", _node("node-ws")),
    Contender("websockets.broadcast", _python("websockets-broadcast"), is_aside=True, is_heavy=True),
    Contender(
        "socket.io + Redis adapter",
        _node("socket.io"),
        Speech("/socket.io/?EIO=4&transport=websocket", greeting=2, socket_io=True),
        is_aside=True,
        is_heavy=True,
    ),
    Contender("Starlette, send_text per client", _python("starlette-naive"), is_aside=True, is_heavy=True),
    Contender("Django Channels", _python("django-channels"), is_aside=True, is_heavy=True),
)


def available(ground: Ground) -> tuple[list[Contender], dict[str, str]]:
    """Peers that can be had here, and why each of the others cannot; installs what is not there yet."""
    here, reasons = [], {}
    for contender in PEERS_OF_OURS:
        try:
            contender.start(ground)
        except Unavailable as reason:
            reasons[contender.name] = str(reason)
        else:
            here.append(contender)
    return here, reasons


def versions() -> str:
    """What is measured beside ours, where it can be had."""
    pinned_ones = [
        f"{name} {version}" for part in ("pip", "npm") for name, version in installing.wanted(part).items()
    ]
    return ", ".join(pinned_ones)
