"""`/live` as the contract says it, on real servers: who is let in, what they get, what is refused."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from datetime import datetime
from uuid import UUID, uuid4

import pytest
from websockets.exceptions import ConnectionClosed

from server.live.attempts import MOST_FAILURES
from server.live.close_codes import return_window_ms
from server.live.frames import MOST_CLIENT_FRAME
from sql.ids import uuid7
from sql.pool import Database
from tests.integration.live_rig import (
    ORIGIN,
    Viewer,
    house,
    make_campaign,
    make_overlay,
    poll_board,
    until,
)


def board_id() -> str:
    return str(uuid7())


async def seen(viewer: Viewer, seq: int) -> Viewer:
    await until(lambda: viewer.seq is not None and viewer.seq >= seq, f"position {seq}")
    return viewer


# --- what a client gets ------------------------------------------------------------------------------


async def test_a_new_overlay_gets_a_snapshot_with_its_layout(database: Database) -> None:
    engine = await make_campaign(database)
    link = await make_overlay(database, engine.campaign_id, theme="paper", scale=1.2)
    shown = board_id()
    await engine.commit({shown: poll_board(3)})
    async with house(database) as live:
        viewer = await seen(await live.overlay(link).open(), 1)
        (snapshot,) = viewer.frames
        assert set(snapshot) == {"op", "epoch", "seq", "at", "boards", "layout", "skipped", "build"}
        assert snapshot["boards"] == {shown: poll_board(3)}
        assert (snapshot["skipped"], snapshot["build"]) == (0, "test")
        assert snapshot["layout"]["overlay_id"] == str(link.id)
        assert (snapshot["layout"]["theme"], snapshot["layout"]["scale"]) == ("paper", 1.2)
        assert set(snapshot["layout"]) == {
            *("overlay_id", "name", "stage", "theme", "anchor", "scale", "motion", "widgets", "lang")
        }
        assert abs(datetime.fromisoformat(snapshot["at"]).timestamp() - time.time()) < 1
        await viewer.close()


async def test_a_program_and_a_desk_get_a_snapshot_without_a_layout(database: Database) -> None:
    engine = await make_campaign(database)
    async with house(database) as live:
        program = await seen(await live.program(engine.campaign_id).open(), 0)
        assert program.layout == {}
        desk = Viewer(
            live.url,
            {"op": "hello", "proto": 1, "key": f"tkt_{engine.campaign_id}", "client": {"kind": "desk"}},
            origin=ORIGIN,
        )
        await seen(await desk.open(), 0)
        await program.close()
        await desk.close()


async def test_changes_arrive_at_once_and_then_ten_times_a_second(database: Database) -> None:
    engine = await make_campaign(database)
    shown = board_id()
    async with house(database) as live:
        viewer = await seen(await live.program(engine.campaign_id).open(), 0)
        await asyncio.sleep(0.2)
        change = await engine.commit({shown: poll_board(1)})
        start = time.monotonic()
        live.hub.publish(change)
        await seen(viewer, 1)
        assert viewer.arrived[-1] - start < 0.09, "a quiet room waits for nothing"
        count = len(viewer.frames)
        start, votes = time.monotonic(), 1
        while time.monotonic() - start < 1:
            votes += 1
            live.hub.publish(await engine.commit({shown: poll_board(votes)}))
            await asyncio.sleep(0.005)
        await seen(viewer, votes)
        deltas = viewer.frames[count:]
        assert 5 <= len(deltas) <= 13, "merged"
        assert viewer.gaps == 0
        assert viewer.boards == {shown: poll_board(votes)}
        await viewer.close()


async def test_an_event_comes_once_before_the_step_that_counts_it(database: Database) -> None:
    engine = await make_campaign(database)
    async with house(database) as live:
        viewer = await seen(await live.program(engine.campaign_id).open(), 0)
        live.hub.publish(await engine.commit(events=({"id": "e1", "data": {"n": 20}},)))
        await seen(viewer, 1)
        event, delta = viewer.frames[1:]
        assert event == {
            "op": "event",
            "epoch": viewer.epoch,
            "seq": 1,
            "id": "e1",
            "kind": "overlay.test",
            "data": {"n": 20},
            "ttl_ms": 8000,
        }
        assert (delta["op"], delta["from"], delta["to"], delta["set"]) == ("delta", 0, 1, {})
        await viewer.close()


async def test_who_was_away_for_a_moment_misses_nothing(database: Database) -> None:
    engine = await make_campaign(database)
    kept, gone = board_id(), board_id()
    await engine.commit({kept: poll_board(1), gone: poll_board(1)})
    async with house(database) as live:
        viewer = await seen(await live.program(engine.campaign_id).open(), 2)
        await viewer.close()
        live.hub.publish(await engine.commit({kept: poll_board(2)}, (gone,), ({"id": "e"},)))
        await seen(await viewer.open(), 5)
        assert viewer.ops() == ["event", "delta"]
        assert viewer.boards == {kept: poll_board(2)}
        await viewer.close()
        await viewer.open()
        await until(lambda: bool(viewer.frames), "something at once")
        assert viewer.ops() == ["ping"], "nothing missed"
        await viewer.close()


async def test_a_resumed_overlay_gets_what_it_missed_and_its_layout(database: Database) -> None:
    engine = await make_campaign(database)
    link = await make_overlay(database, engine.campaign_id)
    async with house(database) as live:
        viewer = await seen(await live.overlay(link).open(), 0)
        await viewer.close()
        async with database.connection() as connection:
            await connection.execute("""UPDATE overlay_configs SET layout = '{"theme": "arcade"}'""")
        live.hub.publish(await engine.commit({board_id(): poll_board(1)}, events=({"id": "e"},)))
        await seen(await viewer.open(), 2)
        assert viewer.ops() == ["event", "snapshot"]
        assert viewer.frames[-1]["skipped"] == 0
        assert viewer.layout["theme"] == "arcade"
        await viewer.close()


async def test_a_restarted_server_still_knows_what_somebody_missed(database: Database) -> None:
    engine = await make_campaign(database)
    async with house(database) as live:
        viewer = await seen(await live.program(engine.campaign_id).open(), 0)
        await viewer.close()
    await engine.commit({board_id(): poll_board(1)}, events=({"id": "e1"}, {"id": "e2"}))
    async with house(database) as live:
        again = live.program(engine.campaign_id)
        again.epoch, again.seq = viewer.epoch, viewer.seq
        await seen(await again.open(), 3)
        assert again.ops() == ["event", "event", "delta"]
        await again.close()


async def test_who_was_away_too_long_gets_a_snapshot_that_says_so(database: Database) -> None:
    engine = await make_campaign(database)
    async with house(database) as live:
        viewer = await seen(await live.program(engine.campaign_id).open(), 0)
        await viewer.close()
    shown = board_id()
    await engine.commit({shown: poll_board(1)}, events=({"id": "e1"},))
    async with database.connection() as connection:  # housekeeping took the steps away
        await connection.execute("DELETE FROM board_events")
    await engine.commit({shown: poll_board(2)})
    async with house(database) as live:
        again = live.program(engine.campaign_id)
        again.epoch, again.seq = viewer.epoch, viewer.seq
        await seen(await again.open(), 3)
        assert again.ops() == ["snapshot"]
        assert again.frames[0]["skipped"] == 3
        assert again.boards == {shown: poll_board(2)}
        await again.close()


@pytest.mark.parametrize("position", [{"epoch": "other", "seq": 0}, {"epoch": "same", "seq": 99}])
async def test_a_position_that_never_was_gets_a_snapshot(
    database: Database, position: dict[str, object]
) -> None:
    engine = await make_campaign(database)
    async with house(database) as live:
        viewer = await seen(await live.program(engine.campaign_id).open(), 0)
        await viewer.close()
        viewer.epoch = viewer.epoch if position["epoch"] == "same" else str(uuid4())
        viewer.seq = int(str(position["seq"]))
        await viewer.open()
        await until(lambda: bool(viewer.frames), "an answer")
        assert viewer.ops() == ["snapshot"]
        assert viewer.frames[0]["skipped"] >= 1
        await viewer.close()


async def test_a_late_event_says_how_long_it_is_still_worth_showing(database: Database) -> None:
    engine = await make_campaign(database)
    async with house(database) as live:
        viewer = await seen(await live.program(engine.campaign_id).open(), 0)
        await viewer.close()
        live.hub.publish(await engine.commit(events=({"id": "e", "ttl_ms": 1500}, {"id": "f"})))
        await asyncio.sleep(1.6)
        await seen(await viewer.open(), 2)
        first, second = viewer.frames[:2]
        assert first["ttl_ms"] == 0, "over, yet told: a part would be worse"
        assert 6000 < second["ttl_ms"] < 6600
        await viewer.close()


async def test_ping_every_five_seconds_with_the_position(database: Database) -> None:
    engine = await make_campaign(database)
    async with house(database) as live:
        viewer = await seen(await live.program(engine.campaign_id).open(), 0)
        await until(lambda: "ping" in viewer.ops(), "a ping", 6)
        assert set(viewer.frames[-1]) == {"op", "epoch", "seq", "at"}
        assert (viewer.frames[-1]["epoch"], viewer.frames[-1]["seq"]) == (viewer.epoch, viewer.seq)
        assert 4.5 < viewer.arrived[-1] - viewer.arrived[0] < 5.7
        await viewer.close()


async def test_resync_gives_a_snapshot_but_one_in_two_seconds(database: Database) -> None:
    engine = await make_campaign(database)
    async with house(database) as live:
        viewer = await seen(await live.program(engine.campaign_id).open(), 0)
        start = time.monotonic()
        for _ in range(15):
            await viewer.say({"op": "resync", "why": "test"})
        await until(lambda: viewer.ops().count("snapshot") == 2, "the first answer")
        assert time.monotonic() - start < 1
        await until(lambda: viewer.ops().count("snapshot") == 3, "one answer for all the others")
        assert 1.9 < viewer.arrived[-1] - viewer.arrived[-2] < 2.6
        await asyncio.sleep(2.3)
        assert viewer.ops().count("snapshot") == 3
        await viewer.close()


# --- what is refused ---------------------------------------------------------------------------------


async def refused(viewer: Viewer, code: int, seconds: float = 5) -> None:
    """The connection ends with this code, after a `bye` that says the same."""
    assert await viewer.ended(seconds) == code
    bye = viewer.frames[-1]
    assert bye["op"] == "bye"
    assert bye["code"] == code
    assert set(bye) == {"op", "code", "reason", "retry_ms"}


@pytest.mark.parametrize(
    ("origin", "overlay_code", "ticket_code"),
    [
        (ORIGIN, None, None),
        (None, None, 4403),
        ("null", 4403, 4403),
        ("http://evil.example.org", 4403, 4403),
        ("http://a.show.example.org", 4403, 4403),
        ("http://show.example.org.evil.net", 4403, 4403),
        ("http://show.example.org:8080", 4403, 4403),
        ("https://show.example.org", 4403, 4403),
        ("HTTP://SHOW.EXAMPLE.ORG", 4403, 4403),
        ("http://show.example.org/", 4403, 4403),
        ("", 4403, 4403),
    ],
)
async def test_pages_of_others_are_not_let_in(
    database: Database, origin: str | None, overlay_code: int | None, ticket_code: int | None
) -> None:
    engine = await make_campaign(database)
    link = await make_overlay(database, engine.campaign_id)
    async with house(database) as live:
        ticket = {"op": "hello", "proto": 1, "key": f"tkt_{engine.campaign_id}", "client": {"kind": "desk"}}
        for viewer, code in (
            (live.overlay(link, origin=origin), overlay_code),
            (Viewer(live.url, ticket, origin=origin), ticket_code),
        ):
            await viewer.dial()
            if code is None or origin is None:
                await viewer.say(viewer._hello)
            if code is None:
                await seen(viewer, 0)
                await viewer.close()
            else:
                await refused(viewer, code)
                assert viewer.ops() == ["bye"], "not a byte of a board"


@pytest.mark.parametrize("key", ["ovl_wrong", "ovl_", "tkt", "hb_wrong", "xyz_1", "ovl_" + "é" * 20])
async def test_unknown_keys_all_get_the_same_answer(database: Database, key: str) -> None:
    engine = await make_campaign(database)
    async with house(database) as live:
        hello = live.program(engine.campaign_id)._hello | {"key": key}
        viewer = await Viewer(live.url, hello).open()
        await refused(viewer, 4401)
        assert viewer.frames == [{"op": "bye", "code": 4401, "reason": "key not accepted", "retry_ms": 0}]


async def test_a_key_opens_its_own_campaign_only(database: Database) -> None:
    mine, other = await make_campaign(database), await make_campaign(database, "Other")
    link = await make_overlay(database, mine.campaign_id)
    async with house(database) as live:
        viewer = live.overlay(link)
        viewer._hello["campaign"] = str(other.campaign_id)
        await viewer.open()
        await refused(viewer, 4401)
        unknown = await live.program(UUID(int=0)).open()
        await refused(unknown, 4401)


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        b"\x00\x01",
        json.dumps({"op": "ack", "seq": 1}),
        json.dumps({"op": "resync", "why": "before hello"}),
        json.dumps({"op": "hello", "proto": 1, "key": "hb_x", "client": {"kind": "api"}}),  # no campaign
        json.dumps({"op": "hello", "proto": 9, "key": "hb_x", "client": {"kind": "api"}}),
    ],
)
async def test_a_first_frame_that_is_no_hello_ends_it(database: Database, frame: str | bytes) -> None:
    engine = await make_campaign(database)
    async with house(database) as live:
        viewer = live.program(engine.campaign_id)
        await viewer.dial()
        await viewer.say(frame)
        await refused(viewer, 4400)


@pytest.mark.parametrize("frame", ["x", b"x", '{"op":"ack","seq":-1}', "second hello", '{"op":"subscribe"}'])
async def test_a_bad_frame_later_ends_it_too(database: Database, frame: str | bytes) -> None:
    engine = await make_campaign(database)
    async with house(database) as live:
        viewer = await seen(await live.program(engine.campaign_id).open(), 0)
        await viewer.say(json.dumps(viewer._hello) if frame == "second hello" else frame)
        await refused(viewer, 4400)


@pytest.mark.parametrize(("size", "code"), [(-1, None), (0, None), (1, 4400), (40_000, 4400)])
async def test_a_client_frame_may_have_four_kib(database: Database, size: int, code: int | None) -> None:
    engine = await make_campaign(database)
    async with house(database) as live:
        viewer = await seen(await live.program(engine.campaign_id).open(), 0)
        await viewer.say('{"op":"ack","seq":0}'.ljust(MOST_CLIENT_FRAME + size))
        if code is None:
            await viewer.say({"op": "resync", "why": "still here"})
            await until(lambda: viewer.ops().count("snapshot") == 2, "it was taken")
            await viewer.close()
        else:
            await refused(viewer, code)


async def test_a_giant_frame_is_refused_before_it_has_come(database: Database) -> None:
    engine = await make_campaign(database)
    async with house(database) as live:
        viewer = await seen(await live.program(engine.campaign_id).open(), 0)
        with contextlib.suppress(ConnectionClosed):
            await viewer.say(" " * MOST_CLIENT_FRAME * 1000)
        await refused(viewer, 4400)


@pytest.mark.parametrize(("frames", "code"), [(18, None), (19, None), (20, 4429), (100, 4429)])
async def test_twenty_frames_in_ten_seconds_hello_included(
    database: Database, frames: int, code: int | None
) -> None:
    engine = await make_campaign(database)
    async with house(database) as live:
        viewer = await seen(await live.program(engine.campaign_id).open(), 0)
        with contextlib.suppress(ConnectionClosed):
            for _ in range(frames):
                await viewer.say({"op": "ack", "seq": 0})
        if code is None:
            live.hub.publish(await engine.commit({board_id(): poll_board(1)}))
            await seen(viewer, 1)
            await viewer.close()
        else:
            await refused(viewer, code)


async def test_hello_has_to_come_in_time(database: Database) -> None:
    engine = await make_campaign(database)
    async with house(database, hello_within_s=0.5) as live:
        viewer = live.program(engine.campaign_id)
        await viewer.dial()
        await asyncio.sleep(0.3)
        await viewer.say(viewer._hello)
        await seen(viewer, 0)
        await asyncio.sleep(0.4)
        assert viewer.code is None, "the time is for the hello only"
        silent = live.program(engine.campaign_id)
        await silent.dial()
        start = time.monotonic()
        await refused(silent, 4400)
        assert 0.4 < time.monotonic() - start < 1.5
        await viewer.close()


async def test_a_campaign_has_so_many_overlay_sockets_and_no_more(database: Database) -> None:
    engine = await make_campaign(database)
    link = await make_overlay(database, engine.campaign_id)
    async with house(database, most_overlays=3) as live:
        viewers = [await seen(await live.overlay(link).open(), 0) for _ in range(3)]
        extra = await live.overlay(link).open()
        await refused(extra, 4429)
        program = await seen(await live.program(engine.campaign_id).open(), 0)
        await viewers.pop().close()
        await until(lambda: live.hub.sizes()["overlays"] == 2, "the place is free")
        viewers.append(await seen(await live.overlay(link).open(), 0))
        for viewer in (*viewers, program):
            await viewer.close()
        await until(lambda: live.hub.sizes()["clients"] == 0, "all have left")


async def test_an_address_that_failed_ten_times_has_to_wait(database: Database) -> None:
    engine = await make_campaign(database)
    async with house(database) as live:
        for _ in range(MOST_FAILURES):
            await refused(await live.program(engine.campaign_id, "hb_wrong").open(), 4401)
        blocked = live.program(engine.campaign_id)
        await blocked.dial()
        await refused(blocked, 4429)
        assert blocked.frames[-1]["retry_ms"] == 60_000


async def test_nine_failures_do_no_harm(database: Database) -> None:
    engine = await make_campaign(database)
    async with house(database) as live:
        for _ in range(MOST_FAILURES - 1):
            await refused(await live.program(engine.campaign_id, "hb_wrong").open(), 4401)
        viewer = await seen(await live.program(engine.campaign_id).open(), 0)
        await viewer.close()


@pytest.mark.parametrize(
    ("clients", "within_ms"),
    [(0, 300), (1, 300), (1_000, 300), (2_000, 600), (5_000, 1_500), (100_000, 1_500)],
)
def test_the_more_clients_the_longer_their_return_takes(clients: int, within_ms: int) -> None:
    assert return_window_ms(clients) == (20, within_ms)


async def test_a_restart_says_when_to_be_back(database: Database) -> None:
    engine = await make_campaign(database)
    async with house(database) as live:
        viewers = [await seen(await live.program(engine.campaign_id).open(), 0) for _ in range(8)]
        live.hub.close()
        waits = set()
        for viewer in viewers:
            await refused(viewer, 1012)
            waits.add(viewer.frames[-1]["retry_ms"])
            assert 20 <= viewer.frames[-1]["retry_ms"] <= 300
        assert len(waits) > 1, "not all at once"
        late = await live.program(engine.campaign_id).open()
        await refused(late, 1012)


async def test_without_a_database_nobody_is_turned_away_for_good(
    database: Database, database_url: str
) -> None:
    engine = await make_campaign(database)
    link = await make_overlay(database, engine.campaign_id)
    away = await Database.open(database_url)
    async with house(away) as live:
        await away.close()
        for _ in range(MOST_FAILURES + 1):
            await refused(await live.overlay(link).open(), 1013)
        await refused(await live.program(engine.campaign_id).open(), 1013)


async def test_a_fault_of_ours_closes_one_connection_and_says_so(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = await make_campaign(database)
    async with house(database) as live:
        viewer = await seen(await live.program(engine.campaign_id).open(), 0)

        async def broken(key: str) -> None:
            raise RuntimeError("broken")

        live.doorman.overlay = broken  # type: ignore[method-assign]
        hello = viewer._hello | {"key": "ovl_x"}
        await refused(await Viewer(live.url, hello).open(), 1011)
        assert viewer.code is None
        assert "live_connection_failed" in capsys.readouterr().out
        await viewer.close()


async def test_open_sources_are_noted_and_taken_back(database: Database) -> None:
    engine = await make_campaign(database)
    link = await make_overlay(database, engine.campaign_id)

    async def noted() -> list[tuple[str, str, int, int]]:
        async with database.connection() as connection:
            rows = await connection.fetch("SELECT name, obs, width, height FROM overlay_sources")
        return [tuple(row) for row in rows]

    async with database.connection() as connection:  # left behind by a process that was killed
        await connection.execute(
            "INSERT INTO overlay_sources VALUES ($1, $2, 'old', '', 1, 1, now(), now() - interval '16 s')",
            link.id,
            uuid7(),
        )

    async def is_noted(*expected: tuple[str, str, int, int]) -> bool:
        return await noted() == list(expected)

    async with house(database) as live:
        viewer = await seen(await live.overlay(link, name="Scene 1").open(), 0)
        await until(lambda: is_noted(("Scene 1", "31.0", 1920, 1080)), "noted, the old one gone", 6)
        await viewer.close()
        await until(is_noted, "taken back", 6)
        second = await seen(await live.overlay(link).open(), 0)
        await until(lambda: is_noted(("OBS", "31.0", 1920, 1080)), "noted again", 6)
        async with database.connection() as connection:
            await connection.execute("DELETE FROM overlay_configs")
        await asyncio.sleep(2.2)
        assert second.code is None, "a deleted overlay does not stop the noting"
        third_link = await make_overlay(database, engine.campaign_id)
        third = await seen(await live.overlay(third_link).open(), 0)
        await until(lambda: is_noted(("OBS", "31.0", 1920, 1080)), "others are noted still", 6)
        await third.close()
    assert await noted() == []
