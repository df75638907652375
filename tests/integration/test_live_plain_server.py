"""`/live` under an ordinary ASGI server, which lends no socket: slower, and right all the same."""

from __future__ import annotations

import asyncio
import json

import pytest
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from server.live import asgi_line, client, guest
from sql.ids import uuid7
from sql.pool import Database
from tests.integration.live_rig import Viewer, house, make_campaign, make_overlay, poll_board, until
from tests.integration.test_live_slow import show, watching


async def test_a_show_from_hello_to_restart(database: Database) -> None:
    engine = await make_campaign(database)
    link = await make_overlay(database, engine.campaign_id)
    board = str(uuid7())
    async with house(database, ws=WebSocketsSansIOProtocol) as live:
        viewer = await live.overlay(link).open()
        await until(lambda: viewer.seq == 0, "the snapshot")
        for votes in range(1, 30):
            live.hub.publish(await engine.commit({board: poll_board(votes)}, events=({"id": f"e{votes}"},)))
        await until(lambda: viewer.boards == {board: poll_board(29)}, "all of it")
        assert viewer.gaps == 0
        assert viewer.events == [f"e{n}" for n in range(1, 30)]
        await viewer.say({"op": "resync", "why": "test"})
        await until(lambda: viewer.ops().count("snapshot") == 2, "it is heard")
        await viewer.close()
        live.hub.publish(await engine.commit({board: poll_board(30)}))
        await viewer.open()
        await until(lambda: viewer.ops() == ["snapshot"] and viewer.seq == 59, "resumed, with its layout")
        live.hub.close()
        assert await viewer.ended() == 1012
        assert viewer.ops()[-1] == "bye"
        await until(lambda: live.hub.sizes()["clients"] == 0, "it has left")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (["x"], 4400),
        ([b"{}"], 4400),
        ([json.dumps({"op": "ack", "seq": 0})] * 20, 4429),
        ([json.dumps({"op": "ack", "seq": 0}).ljust(4097)], 4400),
    ],
)
async def test_the_same_rules(database: Database, said: list[str | bytes], code: int) -> None:
    engine = await make_campaign(database)
    async with house(database, ws=WebSocketsSansIOProtocol) as live:
        viewer = await watching(live, engine)
        for frame in said:
            await viewer.say(frame)
        assert await viewer.ended() == code
        assert viewer.frames[-1]["code"] == code
        refused = await Viewer(live.url, viewer._hello | {"key": "ovl_wrong"}).open()
        assert await refused.ended() == 4401


async def test_who_does_not_read_holds_nobody_else_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "STUCK_S", 1.5)
    engine = await make_campaign(database)
    # The kernel lends such a server up to 4 MiB for each client: that has to be full first.
    async with house(database, ws=WebSocketsSansIOProtocol, frame_every_s=0.005) as live:
        good, stuck = await watching(live, engine), await watching(live, engine, slowly=True)
        stuck.stop_reading()
        async with show(live, engine, 0.004):
            await until(lambda: live.hub.figures.cut == 1, "cut", 15)
            await until(lambda: live.hub.sizes()["clients"] == 1, "forgotten")
        pauses = [b - a for a, b in zip(good.arrived, good.arrived[1:], strict=False)]
        assert max(pauses) < 1, "no hole"
        assert good.gaps == 0
        stuck.read_again()
        await asyncio.gather(stuck.close(), good.close())


async def test_who_is_refused_at_once_and_does_not_read_holds_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asgi_line, "LAST_WORDS_S", 0.2)

    async def never(message: object = None) -> asgi_line.Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def take_nothing(message: asgi_line.Message) -> None:
        await never()

    line = asgi_line.AsgiLine(never, take_nothing, guest.Visitor())
    line.finish(4429, "too many failed attempts from this address")
    async with asyncio.timeout(5):
        await line.run()
