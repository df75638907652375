"""A real cluster of the embedded server's binary: three primaries on loopback, made in about two seconds."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from server import valkey_child
from tests.integration.live_rig import until
from tests.servers import spawn

_SLOTS = 16384


def _free_port() -> int:
    """A port that is free together with the one 10,000 above it, which the nodes use among themselves."""
    while True:
        with socket.socket() as data, socket.socket() as bus:
            data.bind(("127.0.0.1", 0))
            port: int = data.getsockname()[1]
            try:
                bus.bind(("127.0.0.1", port + 10_000))
            except (OSError, OverflowError):
                continue
            return port


async def say(node: Any, *words: object) -> Any:
    """A command that the client has no method for."""
    return await node.execute_command(*words)


class ValkeyCluster:
    """Start it, kill nodes, move slots, stop it."""

    def __init__(self, folder: Path, nodes: int = 3) -> None:
        self._folder = folder
        self.ports = [_free_port() for _ in range(nodes)]
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        return f"redis+cluster://127.0.0.1:{self.ports[0]}"

    def node(self, number: int) -> Redis:
        """A client of one node alone."""
        return Redis(host="127.0.0.1", port=self.ports[number], decode_responses=True)

    async def start(self) -> None:
        """Until every node says that the cluster is whole."""
        self._processes = [self._start_node(port) for port in self.ports]
        await until(self._all_answer, "the nodes answer", 10)
        share = _SLOTS // len(self.ports) + 1
        for number in range(len(self.ports)):
            async with self.node(number) as node:
                last = min((number + 1) * share, _SLOTS) - 1
                await say(node, "CLUSTER ADDSLOTSRANGE", number * share, last)
                await say(node, "CLUSTER SET-CONFIG-EPOCH", number + 1)
        # Only now: who has met somebody takes no epoch any more, and meeting is quick.
        for number in range(len(self.ports)):
            async with self.node(number) as node:
                for port in self.ports:
                    await say(node, "CLUSTER MEET", "127.0.0.1", port)
        await until(self._is_whole, "the cluster is whole", 20)

    def _start_node(self, port: int) -> subprocess.Popen[bytes]:
        folder = self._folder / str(port)
        folder.mkdir()
        return spawn(
            [
                str(valkey_child.find_program()),
                *("--port", str(port), "--bind", "127.0.0.1", "--cluster-enabled", "yes"),
                *("--cluster-node-timeout", "1000", "--save", "", "--appendonly", "no"),
            ],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    async def _all_answer(self) -> bool:
        try:
            for number in range(len(self.ports)):
                async with self.node(number) as node:
                    await node.ping()
        except RedisError:
            return False
        return True

    async def _is_whole(self) -> bool:
        for number in range(len(self.ports)):
            async with self.node(number) as node:
                info = await say(node, "CLUSTER INFO")
                if (info["cluster_state"], int(info["cluster_size"])) != ("ok", len(self.ports)):
                    return False
        return True

    async def move_slot(self, slot: int, start: int, goal: int) -> None:
        """Give an empty slot of node `start` to node `goal`."""
        async with self.node(goal) as there, self.node(start) as here:
            goal_id = await say(there, "CLUSTER MYID")
            start_id = await say(here, "CLUSTER MYID")
            await say(there, "CLUSTER SETSLOT", slot, "IMPORTING", start_id)
            await say(here, "CLUSTER SETSLOT", slot, "MIGRATING", goal_id)
            await say(there, "CLUSTER SETSLOT", slot, "NODE", goal_id)
            await say(here, "CLUSTER SETSLOT", slot, "NODE", goal_id)

    async def stop(self) -> None:
        for process in self._processes:
            process.kill()
        await asyncio.gather(*(asyncio.to_thread(process.wait) for process in self._processes))
