"""The measuring program measures: its clients in C against the real hub, and against the server in C."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from pathlib import Path

import pytest

from benchmarks import contenders, show
from benchmarks.contenders import Contender
from benchmarks.ground import Ground
from benchmarks.load import Delivered, Storm

pytestmark = pytest.mark.skipif(
    not (shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")), reason="no C compiler here"
)

CLIENTS, MESSAGES, SIZE = 20, 10, 400


def _deliver(contender: Contender, ground: Ground) -> tuple[Delivered, int]:
    with contenders.running(contender, ground) as (server, load):
        load.connect(CLIENTS)
        load.measure(CLIENTS * MESSAGES, 20)
        began = server.publish(MESSAGES, 50, SIZE)
        return load.measured(), began


def _check(found: Delivered, began_ns: int) -> None:
    assert found.complete
    assert found.deliveries == CLIENTS * MESSAGES
    assert found.disorder == 0
    assert found.lost == 0
    assert 0 < found.p50_ms <= found.p99_ms <= found.max_ms * 1.01
    took_ms = (found.last_ns - began_ns) / 1e6
    assert took_ms >= (MESSAGES - 1) * 20, "the last message is not due before"
    assert found.bytes >= found.deliveries * SIZE


def _standing(folder: Path, database_url: str, redis_url: str) -> Ground:
    return Ground(folder, database_url, redis_url, {}, secrets.token_hex(32))


@pytest.mark.parametrize("kind", ["boards", "events"])
async def test_every_message_reaches_every_client_of_the_hub(
    kind: str, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    ground = _standing(tmp_path, database_url, redis_url)
    stage = await asyncio.to_thread(show.make, database_url, tmp_path / "hellos", 2, CLIENTS)
    hub = contenders.ours("Hubbub", stage, kind=kind, most_overlays=CLIENTS, frame_every_s=0.001)
    _check(*await asyncio.to_thread(_deliver, hub, ground))


async def test_who_was_cut_is_right_when_the_new_server_shows_its_own_room(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    ground = _standing(tmp_path, database_url, redis_url)
    stage = await asyncio.to_thread(show.make, database_url, tmp_path / "hellos", 4, CLIENTS // 4)
    first = contenders.ours("Hubbub", stage, most_overlays=CLIENTS // 4)

    def storm() -> tuple[Storm, int]:
        with contenders.running(first, ground) as (server, load):
            load.connect(CLIENTS)
            load.watch(20)
            server.kill()
            again = contenders.ours("Hubbub", stage, most_overlays=CLIENTS // 4, port=server.port)
            with contenders.running(again, ground) as (anew, _):
                return load.watched(), anew.figures()["snapshot_queries"]

    found, queries = await asyncio.to_thread(storm)
    assert (found.right, found.wrong, found.lost) == (CLIENTS, 0, CLIENTS)
    assert 0 < found.p50_ms <= found.all_ms
    assert queries == 4, "one for each room"


async def test_the_server_in_c_joins_and_does_not_lose(tmp_path: Path) -> None:
    joined = contenders.PEERS_OF_OURS[0]
    _check(*await asyncio.to_thread(_deliver, joined, _standing(tmp_path, "", "")))
