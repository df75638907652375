"""The overlay page and the live protocol: what it applies, when it asks again, how it comes back."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import Page

from server.live.fingerprint import fingerprint
from tests.browser.overlay_harness import (
    KEY,
    OVERLAY_ID,
    Json,
    OverlayServer,
    counts,
    open_overlay,
    overlay_server,
    poll_board,
    shows,
    shows_counts,
    until,
)

PERCENTS = "() => Array.from(document.querySelectorAll('.hb-number'), (e) => e.textContent)"


async def _freshness(page: Page) -> str | None:
    return await page.get_attribute("hb-stage", "data-hb-freshness")


async def _pass_time(page: Page, server: OverlayServer, seconds: int) -> None:
    """Let the page's clock run while the server goes on pinging it."""
    for _ in range(0, seconds, 5):
        heard = sum(len(visitor.heard("ack")) for visitor in server.visitors)
        before = len(server.visitors)
        await server.tell(server.ping())

        def answered(heard: int = heard, before: int = before) -> bool:
            acks = sum(len(visitor.heard("ack")) for visitor in server.visitors)
            return acks > heard or len(server.visitors) > before

        await until(answered, "the page answers a ping")
        await page.clock.run_for(5000)


def _delta(server: OverlayServer, first: int, last: int, board: Json, epoch: str | None = None) -> Json:
    frame = {"op": "delta", "epoch": epoch or server.epoch, "from": first, "to": last, "at": server.at(0)}
    return frame | {"set": {"b": board}, "unset": []}


async def test_hello_says_who_asks_and_the_key_is_in_no_request(page: Page) -> None:
    async with overlay_server() as server:
        server.boards = {"b": poll_board(server)}
        foreign: list[str] = []
        page.on("request", lambda request: foreign.append(request.url))
        complaints: list[str] = []
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type == "error" else None
        )
        await open_overlay(page, server, name="Scene 1")
        await shows(page, "Which door?")
        assert server.visitors[0].hello == {
            "op": "hello",
            "proto": 1,
            "key": KEY,
            "client": {"kind": "overlay", "name": "Scene 1", "viewport": {"w": 1920, "h": 1080}},
        }
        assert page.url.endswith(f"#k={KEY}")
        assert not [url for url in server.requests if KEY in url]
        assert not [
            url for url in foreign if not url.startswith((server.origin, server.origin.replace("http", "ws")))
        ]
        assert not [text for text in complaints if "Content Security Policy" in text or "Refused" in text]


async def test_deltas_are_applied_and_numbers_arrive(page: Page) -> None:
    async with overlay_server() as server:
        server.boards = {"b": poll_board(server, (1, 2, 3))}
        await open_overlay(page, server)
        await shows_counts(page, "1", "2", "3")
        await server.set(b=poll_board(server, (100, 2, 3)))
        await shows_counts(page, "100", "2", "3")
        await server.unset("b")
        await page.wait_for_selector("hb-poll", state="detached")


async def test_the_first_frame_shows_one_state_however_late_it_comes(page: Page) -> None:
    async with overlay_server() as server:
        server.boards = {"b": poll_board(server, (666, 351, 200, 124))}
        # A busy machine: messages come in, frames do not.
        await page.add_init_script(
            """const paint = window.requestAnimationFrame.bind(window);
            window.__waiting = [];
            window.requestAnimationFrame = (step) => window.__waiting.push(step);
            window.__paint = () => { window.requestAnimationFrame = paint; window.__waiting.map(paint); };"""
        )
        await open_overlay(page, server)
        await shows_counts(page, "666", "351", "200", "124")
        await server.set(b=poll_board(server, (666, 351, 258, 124)))
        await server.set(b=poll_board(server, (666, 351, 259, 124)))
        await server.tell(server.ping())
        await until(lambda: bool(server.visitors[0].heard("ack")), "both are taken in")
        assert await counts(page) == ["666", "351", "259", "124"]
        assert await page.evaluate(PERCENTS) == ["48", "25", "19", "9"]
        # From the first frame on numbers walk: none of them jumps to its end.
        await page.evaluate("window.__paint()")
        await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        await page.evaluate(
            """window.__steps = new Set();
            new MutationObserver(() => window.__steps.add(document.querySelector(".hb-count").textContent))
              .observe(document.querySelector(".hb-count"), {characterData: true, subtree: true});"""
        )
        await server.set(b=poll_board(server, (966, 351, 259, 124)))
        await shows_counts(page, "966", "351", "259", "124")
        assert await page.evaluate("window.__steps.size") > 2


async def test_a_gap_is_asked_about_and_never_guessed(page: Page) -> None:
    async with overlay_server() as server:
        server.boards = {"b": poll_board(server, (1, 2, 3))}
        await open_overlay(page, server)
        await shows_counts(page, "1", "2", "3")
        visitor = server.visitors[0]
        await visitor.send(_delta(server, server.seq + 1, server.seq + 2, poll_board(server, (9, 9, 9))))
        await until(lambda: len(visitor.heard("resync")) == 1, "a resync")
        assert await counts(page) == ["1", "2", "3"]
        server.seq += 2
        server.boards = {"b": poll_board(server, (4, 5, 6))}
        await visitor.send(server.snapshot())
        await shows_counts(page, "4", "5", "6")


async def test_another_epoch_is_asked_about(page: Page) -> None:
    async with overlay_server() as server:
        server.boards = {"b": poll_board(server, (1, 2, 3))}
        await open_overlay(page, server)
        await shows_counts(page, "1", "2", "3")
        visitor = server.visitors[0]
        other = "0198c0de-0000-7000-8000-0000000000ff"
        await visitor.send(_delta(server, server.seq, server.seq + 1, poll_board(server, (9, 9, 9)), other))
        await until(lambda: len(visitor.heard("resync")) == 1, "a resync")
        assert await counts(page) == ["1", "2", "3"]


async def test_a_ping_from_the_future_means_a_silent_gap_after_a_second(page: Page) -> None:
    async with overlay_server() as server:
        await open_overlay(page, server)
        visitor = server.visitors[0]
        await visitor.send(server.ping(server.seq + 3))
        await until(lambda: len(visitor.heard("ack")) == 1, "an ack")
        assert visitor.heard("ack")[0]["seq"] == server.seq
        assert visitor.heard("resync") == []
        await until(lambda: len(visitor.heard("resync")) == 1, "a resync", 3)


async def test_an_ack_says_what_is_shown_as_the_server_computes_it(page: Page) -> None:
    odd: Json = {
        "z": [1.0, 0.333333, 1e-6, 9.5e-6, 1e-7, -0.0, 1e20, 1.2345678901234567e20, 1e21, 123456789.125],
        "a": {'é\u2028\u0001"\\': None, "nested": [[], {}, True, "👾 ﬀ 𝒳"]},
        "10": 1,
        "9": 2,
    }
    async with overlay_server() as server:
        server.boards = {"b": poll_board(server, (100, 2, 3)), "a": odd}
        await open_overlay(page, server)
        visitor = server.visitors[0]
        for acks in (1, 2, 3):
            await server.tell(server.ping())
            await until(lambda acks=acks: len(visitor.heard("ack")) == acks, "an ack")  # type: ignore[misc]
            assert visitor.heard("ack")[-1] == {
                "op": "ack",
                "seq": server.seq,
                "hash": fingerprint(json.loads(json.dumps(server.boards))),
            }
            if acks == 1:
                await server.set(b=poll_board(server, (101, 2, 3)))
            else:
                await server.unset("a")


async def test_it_comes_back_after_a_cut_with_its_position(page: Page) -> None:
    async with overlay_server() as server:
        server.boards = {"b": poll_board(server, (1, 2, 3))}
        await open_overlay(page, server)
        await shows_counts(page, "1", "2", "3")
        epoch, seq = server.epoch, server.seq
        await server.stop()
        server.boards = {"b": poll_board(server, (7, 2, 3))}
        server.seq += 4
        assert await counts(page) == ["1", "2", "3"]
        await server.start()
        await until(lambda: bool(server.visitors), "a new connection", 12)
        assert (server.visitors[0].hello["epoch"], server.visitors[0].hello["seq"]) == (epoch, seq)
        await shows_counts(page, "7", "2", "3")


@pytest.mark.parametrize("code", [1012, 1011, 4400, 4408, 4429])
async def test_every_close_but_the_key_is_followed_by_a_new_try(page: Page, code: int) -> None:
    async with overlay_server() as server:
        await open_overlay(page, server)
        await server.visitors[0].close(code)
        await server.wait_for_visitor(2)


async def test_bye_says_how_long_to_stay_away(page: Page) -> None:
    async with overlay_server() as server:
        await page.clock.install()
        await open_overlay(page, server)
        bye = {"op": "bye", "code": 1012, "reason": "restarting", "retry_ms": 5000}
        await server.visitors[0].send(bye)
        await server.visitors[0].close(1012)
        await until(lambda: not server.visitors[0].open, "the close is through")
        await page.clock.run_for(4500)
        assert len(server.visitors) == 1
        await page.clock.run_for(1000)
        await server.wait_for_visitor(2)


async def test_who_was_told_when_to_be_back_adds_nothing_to_it(page: Page) -> None:
    """The server has drawn the moment: a frozen picture within 0.3 s is what operations.md promises."""
    async with overlay_server() as server:
        await page.add_init_script("Math.random = () => 1e6")
        await open_overlay(page, server)
        bye = {"op": "bye", "code": 1012, "reason": "restarting", "retry_ms": 300}
        await server.visitors[0].send(bye)
        await server.visitors[0].close(1012)
        await server.wait_for_visitor(2)


async def test_a_revoked_key_leaves_nothing_on_stream_and_is_not_tried_again(page: Page) -> None:
    async with overlay_server() as server:
        server.boards = {"b": poll_board(server)}
        await page.clock.install()
        await open_overlay(page, server)
        await shows(page, "Which door?")
        await server.visitors[0].close(4401)
        await page.wait_for_function(
            "() => !document.querySelector('hb-stage').textContent.includes('Which door?')"
        )
        await page.clock.run_for(1000)
        assert await page.locator("hb-poll").count() == 0
        await page.clock.run_for(60_000)
        assert len(server.visitors) == 1


async def test_a_wrong_key_shows_nothing_from_the_start(page: Page) -> None:
    async with overlay_server() as server:
        server.boards = {"b": poll_board(server)}
        server.refuse = 4401
        await page.clock.install()
        await open_overlay(page, server)
        await page.clock.run_for(60_000)
        assert len(server.visitors) == 1
        assert (await page.inner_text("body")).strip() == ""


async def test_a_dead_line_is_noticed_after_twelve_seconds(page: Page) -> None:
    async with overlay_server() as server:
        await page.clock.install()
        await open_overlay(page, server)
        await until(lambda: bool(server.visitors), "hello")
        server.mute = True
        await page.clock.run_for(13_500)
        await server.wait_for_visitor(2)


async def test_old_numbers_are_dimmed_then_taken_away_and_come_back(page: Page) -> None:
    async with overlay_server() as server:
        server.boards = {"b": poll_board(server, duration=300)}
        await page.clock.install()
        await open_overlay(page, server)
        await shows(page, "Which door?")
        server.mute = True
        await page.clock.run_for(14_000)
        assert await _freshness(page) == "live"
        await page.clock.run_for(3000)
        assert await _freshness(page) == "stale"
        await shows(page, "Which door?")
        await page.clock.run_for(16_000)
        assert await _freshness(page) == "lost"
        await page.wait_for_function(
            "() => getComputedStyle(document.querySelector('.hb-fill')).opacity === '0'"
        )
        await shows(page, "Which door?")
        server.mute = False
        for visitor in server.visitors:
            if visitor.open:
                await visitor.send(server.snapshot())
        await page.clock.run_for(15_000)

        async def fresh() -> bool:
            return await _freshness(page) == "live"

        await until(fresh, "live again")


async def test_a_server_that_has_lost_its_database_is_no_contact(page: Page) -> None:
    async with overlay_server() as server:
        server.boards = {"b": poll_board(server, duration=300)}
        await page.clock.install()
        await open_overlay(page, server)
        await shows(page, "Which door?")
        server.stale = True
        await _pass_time(page, server, 10)
        assert await _freshness(page) == "live"
        await _pass_time(page, server, 10)
        assert await _freshness(page) == "stale"
        await _pass_time(page, server, 15)
        assert await _freshness(page) == "lost"
        server.stale = False
        await server.tell(server.ping())

        async def fresh() -> bool:
            return await _freshness(page) == "live"

        await until(fresh, "live again")
        await _pass_time(page, server, 20)
        assert await _freshness(page) == "live"
        assert len(server.visitors) == 1, "the connection was never the matter"


async def test_timers_run_to_the_known_end_without_a_server(page: Page) -> None:
    async with overlay_server() as server:
        await page.clock.install()
        server.boards = {"b": poll_board(server, age=50)}
        await open_overlay(page, server)
        await shows(page, "Which door?")
        await server.stop()
        await page.clock.run_for(5000)
        assert await page.inner_text(".hb-ring-text") in ("4", "5")
        await page.clock.run_for(6000)
        await shows(page, "Counting last votes")


async def test_the_server_clock_counts_not_the_streamers(page: Page) -> None:
    async with overlay_server() as server:
        from datetime import timedelta

        server.skew = timedelta(hours=-3, seconds=17)
        server.boards = {"b": poll_board(server, age=30)}
        await open_overlay(page, server)
        await shows(page, "Which door?")
        assert 27 <= int(await page.inner_text(".hb-ring-text")) <= 30


async def test_events_happen_once_and_unknown_things_are_passed_over(page: Page) -> None:
    async with overlay_server() as server:
        await open_overlay(page, server)
        sample = poll_board(server, question="Sample?", simulated=True)
        event = {
            "op": "event",
            "epoch": server.epoch,
            "seq": server.seq,
            "id": "e1",
            "kind": "overlay.test",
            "ttl_ms": 600,
        }
        await server.tell({**event, "id": "e0", "kind": "boss.hit", "data": {}})
        await server.tell({**event, "data": {"overlay_id": "another", "board": sample}})
        await server.tell({"op": "firework"})
        await server.set(k={"kind": "kraken", "phase": "rising"})
        await server.tell({**event, "id": "e2", "data": {"overlay_id": OVERLAY_ID, "board": sample}})
        await shows(page, "Sample?")
        assert await page.inner_text(".hb-mark") == "TEST"
        await page.wait_for_selector("hb-poll", state="detached")
        await server.tell({**event, "id": "e2", "data": {"overlay_id": OVERLAY_ID, "board": sample}})
        await server.set(b=poll_board(server))
        await shows(page, "Which door?")
        assert "Sample?" not in await page.inner_text("body")


async def test_a_test_beside_a_real_poll_is_a_chip(page: Page) -> None:
    async with overlay_server() as server:
        server.boards = {"b": poll_board(server)}
        await open_overlay(page, server)
        await shows(page, "Which door?")
        data = {"overlay_id": OVERLAY_ID, "board": poll_board(server, question="Sample?")}
        frame = {
            "op": "event",
            "epoch": server.epoch,
            "seq": 1,
            "id": "e",
            "kind": "overlay.test",
            "data": data,
        }
        await server.tell({**frame, "ttl_ms": 700})
        await page.wait_for_selector(".hb-chip", state="visible")
        assert "overlay connected" in await page.inner_text(".hb-chip")
        assert "Sample?" not in await page.inner_text("body")
        await page.wait_for_selector(".hb-chip", state="hidden")


async def test_a_new_build_reloads_the_page_when_nothing_is_on_stage(page: Page) -> None:
    async with overlay_server() as server:
        await page.clock.install()
        server.boards = {"b": poll_board(server, duration=3000)}
        await open_overlay(page, server)
        await shows(page, "Which door?")
        server.build = "another"
        await server.tell(server.snapshot())
        await _pass_time(page, server, 60)
        assert len(server.visitors) == 1
        await server.unset("b")
        await _pass_time(page, server, 35)
        await server.wait_for_visitor(2)
        # The server still hands out the old page (a proxy's cache): no loop.
        await _pass_time(page, server, 60)
        assert len(server.visitors) == 2


async def test_the_kept_files_are_all_there_are(page: Page) -> None:
    async with overlay_server() as server:
        worker = server.assets.files["overlay/sw.js"].body.decode()
        for name in server.assets.files:
            wanted = name.startswith(("overlay/", "themes/")) and name != "overlay/sw.js"
            assert (f'"{name}"' in worker) == wanted, name
