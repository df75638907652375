"""The overlay's pure parts, asked in the browser they run in: view, text, words, numbers, time, replica."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page

from server.rules.wiretime import from_wire
from tests.browser.overlay_harness import OverlayServer, ask, closed, overlay_server, poll_board, sealed
from tests.browser.overlay_scenes import SCENES, TWO_CHATS

Json = dict[str, Any]


async def _view(
    page: Page, server: OverlayServer, board: Json, seconds: float = 0, **settings: object
) -> Json:
    """The view of a board, so many seconds after its phase began."""
    began = from_wire(board["phase_started_at"]) if "phase_started_at" in board else server.now()
    at = (began.timestamp() + seconds) * 1000
    body = "return m.pollView(a.board, a.at, a.settings)"
    view: Json = await ask(page, server, "poll_view", body, {"board": board, "at": at, "settings": settings})
    return view


async def test_the_view_depends_on_nothing_but_board_and_time(page: Page) -> None:
    async with overlay_server() as server:
        for scene in SCENES:
            same = await ask(
                page,
                server,
                "poll_view",
                """
                const freeze = (x) => {
                  if (x && typeof x === 'object') Object.values(Object.freeze(x)).forEach(freeze);
                };
                freeze(a);
                const at = Date.now();
                const first = JSON.stringify(m.pollView(a, at, {lang: 'en'}));
                m.pollView(a, at + 5000, {lang: 'de'});
                return first === JSON.stringify(m.pollView(a, at, {lang: 'en'}));
                """,
                scene.board(server),
            )
            assert same, scene.name


async def test_a_reveal_is_as_far_as_its_time(page: Page) -> None:
    async with overlay_server() as server:
        board = closed(server, poll_board(server, age=64), ago=0, phase="revealed") | {"winner": 2}
        lead = 0.12
        before = await _view(page, server, board, lead - 0.05)
        assert [row["wins"] or row["loses"] for row in before["rows"]] == [False] * 3
        half = await _view(page, server, board, lead + 0.125)
        assert [row["wins"] for row in half["rows"]] == [False, True, False]
        assert half["rows"][0]["dim"] == pytest.approx(0.5, abs=0.05)
        after = await _view(page, server, board, lead + 3)
        assert (after["rows"][0]["dim"], after["rows"][1]["grow"]) == (1, 1)


async def test_a_secret_ballot_races_up_in_1600_ms_and_then_tells(page: Page) -> None:
    async with overlay_server() as server:
        hidden = await _view(page, server, closed(server, sealed(poll_board(server))))
        assert hidden["sealed"]
        assert hidden["jar"]["count"] == "1\u202f812"
        assert all(row["percent"] is None and row["count"] == "" for row in hidden["rows"])
        board = closed(server, poll_board(server, secret=True), ago=0, phase="revealed") | {"winner": 2}
        start = await _view(page, server, board, 0.12)
        assert [row["percent"] for row in start["rows"]] == [0, 0, 0]
        middle = await _view(page, server, board, 0.12 + 0.8)
        assert 40 < middle["rows"][1]["percent"] < 53
        assert not any(row["wins"] or row["loses"] for row in middle["rows"])
        end = await _view(page, server, board, 0.12 + 1.7)
        assert [row["percent"] for row in end["rows"]] == [23, 53, 24]
        assert end["rows"][1]["wins"]


async def test_an_open_poll_past_its_end_is_counting_without_being_told(page: Page) -> None:
    async with overlay_server() as server:
        board = poll_board(server, age=50)
        assert (await _view(page, server, board, 59.5))["ring"]["text"] == "1"
        late = await _view(page, server, board, 60.1)
        assert (late["phase"], late["status"]["kind"], late["ring"]) == ("closing", "counting", None)


async def test_the_next_change_is_the_next_second_and_nothing_when_nothing_is_due(page: Page) -> None:
    async with overlay_server() as server:
        ticking = await _view(page, server, board := poll_board(server), 12.25)
        opened = from_wire(board["opens_at"]).timestamp() * 1000
        assert ticking["ring"]["text"] == "48"
        assert ticking["nextChange"] == pytest.approx(opened + 13_000)
        minutes = await _view(page, server, board := poll_board(server, duration=3600), 90)
        opened = from_wire(board["opens_at"]).timestamp() * 1000
        assert minutes["ring"]["text"] == "59m"
        assert minutes["nextChange"] == pytest.approx(opened + 120_000)
        waiting = await _view(page, server, closed(server, poll_board(server)))
        assert waiting["nextChange"] is None


async def test_a_winner_that_a_rule_picked_stays_quiet_until_the_reveal(page: Page) -> None:
    async with overlay_server() as server:
        tie = {"rule": "random", "options": [1, 2], "pending": False, "commitment": "ab" * 32, "seed": None}
        board = closed(server, poll_board(server, (5, 5, 1), tie=tie)) | {"winner": 2}
        view = await _view(page, server, board)
        assert [row["tied"] for row in view["rows"]] == [True, True, False]
        assert not any(row["wins"] for row in view["rows"])


async def test_a_broken_board_never_breaks_the_view(page: Page) -> None:
    async with overlay_server() as server:
        for broken in (
            {},
            {"options": None, "channels": None, "tie": None, "closes_at": "soon"},
            {"options": [None, {}, {"index": "x", "label": 7, "share": "NaN", "votes": -1}]},
            poll_board(server) | {"phase": "later", "weighting": "bribes", "ends_at": None},
        ):
            view = await _view(page, server, broken)
            assert isinstance(view["rows"], list)


@pytest.mark.parametrize(
    ("weighting", "percents", "leads", "footers"),
    [
        ("sum", [54, 26, 20], [1], []),
        ("channel", [50, 0, 50], [1, 3], ["Each channel gives one point"]),
        ("capped", [39, 26, 35], [1], ["No channel counts for more than 60%"]),
        ("per_head", [35, 26, 39], [3], ["All channels weigh the same"]),
    ],
)
async def test_bars_follow_the_weight_and_counts_the_votes(
    page: Page, weighting: str, percents: list[int], leads: list[int], footers: list[str]
) -> None:
    async with overlay_server() as server:
        board = poll_board(server, tally=TWO_CHATS, weighting=weighting, cap_percent=60)
        view = await _view(page, server, board, 5)
        assert [row["percent"] for row in view["rows"]] == percents
        assert [row["count"] for row in view["rows"]] == ["216", "104", "82"]
        assert [row["index"] for row in view["rows"] if row["leads"]] == leads
        assert view["footers"] == footers


async def test_votes_for_channel_points_are_shown_on_their_own(page: Page) -> None:
    async with overlay_server() as server:
        board = closed(server, poll_board(server, (5, 3, 1))) | {"phase": "revealed", "winner": 1}
        board["channels"] = [
            {"platform": "twitch", "login": "ana", "votes": 5, "counts": "chat"},
            {"platform": "twitch", "login": "ana", "votes": 3, "counts": "points"},
            {"platform": "twitch", "login": "ben", "votes": 1, "counts": "points"},
        ]
        view = await _view(page, server, board, 30)
        said = [part["text"] for part in view["status"]["parts"]]
        assert said[:3] == ["9 votes", "1 channel", "4 by channel points"]


async def test_every_language_says_everything(page: Page) -> None:
    async with overlay_server() as server:
        shapes = await ask(
            page,
            server,
            "words",
            """
            const shape = (x) => typeof x === 'string' ? (x.trim() ? 'text' : 'EMPTY')
              : Object.fromEntries(Object.keys(x).sort().map((k) => [k, shape(x[k])]));
            return m.LANGUAGES.map((lang) => shape(m.words(lang)));
            """,
        )
        assert len(shapes) == 5
        assert all(shape == shapes[0] for shape in shapes)
        assert "EMPTY" not in str(shapes)
        asked = ["de-AT", "PT_br", "fr", "xx", None, "__proto__"]
        known = await ask(page, server, "words", "return a.map((tag) => m.language(tag))", asked)
        assert known == ["de", "pt", "fr", "en", "en", "en"]


#: What somebody wrote, and what the screen shows, cut at 80 graphemes.
TEXTS = {
    "  Left\t\n  door ": "Left door",
    "a\u202eb\u2066c\u200fd": "abcd",
    "Z\u0351\u0343\u0310\u036b\u0300o": "Z\u0351\u0313o",
    "x\u0000\u0007\u009by": "xy",
    "a\u200bb\ufeffc\U000e0041": "abc",
    "👩‍👩‍👧‍👦": "👩‍👩‍👧‍👦",
    "می‌خواهم": "می‌خواهم",
    "e\u0301": "é",
    "<b>bold</b>": "<b>bold</b>",
    "a\u2028b": "a b",
    "x" * 81: "x" * 79 + "…",
    "👍🏽" * 90: "👍🏽" * 79 + "…",
    "": "",
}


async def test_text_is_made_fit_for_the_screen(page: Page) -> None:
    async with overlay_server() as server:
        body = "return a.map((raw) => m.displayText(raw, 80))"
        assert await ask(page, server, "text", body, list(TEXTS)) == list(TEXTS.values())


async def test_numbers_read_the_same_for_equal_values(page: Page) -> None:
    async with overlay_server() as server:
        body = (
            "return [m.grouped(1812), m.short(999999, 'en'), m.short(1234567, 'de'), m.percent(1/3), "
            "m.percent(57/200), m.percent(2), m.countdown(99), "
            " m.countdown(100), m.countdown(599), m.countdown(600), m.percentSign('fr')]"
        )
        assert await ask(page, server, "format", body) == [
            "1\u202f812", "999\u202f999", "1,2\u202fM", 33, 29, 100, "99", "1:40", "9:59", "10m", "\u202f%",
        ]  # fmt: skip


async def test_the_clock_believes_the_quickest_frame(page: Page) -> None:
    async with overlay_server() as server:
        offsets = await ask(
            page,
            server,
            "clock",
            """
            const o = new m.ServerOffset(), seen = [];
            seen.push(o.sample(10_000, 9_000));              // first: +1000
            seen.push(o.sample(15_000, 14_400));             // late by 400: not believed
            for (let i = 0; i < 30; i++) o.sample(20_000 + i, 19_000 + i - 100); // really +1100: slewed there
            seen.push(Math.round(o.value));
            seen.push(o.sample(NaN, 1));
            seen.push(o.sample(90_000, 30_000));             // a clock was set: jump
            return seen;
            """,
        )
        assert offsets[:2] == [1000, 1000]
        assert abs(offsets[2] - 1100) <= 1
        assert offsets[4] == 60_000


async def test_a_replica_takes_only_what_fits(page: Page) -> None:
    async with overlay_server() as server:
        verdicts = await ask(
            page,
            server,
            "replica",
            """
            const r = new m.Replica();
            const delta = (from, to, set = {}, unset = [], epoch = 'e') =>
              r.apply({op: 'delta', epoch, from, to, set, unset});
            const out = [delta(0, 1)];
            out.push(r.apply({op: 'snapshot', epoch: 'e', seq: 5, boards: {a: 1, b: 2}, layout: {}}));
            out.push(delta(5, 6, {a: 2}), delta(5, 6, {a: 9}), delta(4, 8, {c: 3}, ['b']));
            out.push(delta(9, 10, {a: 7}));
            out.push(delta(8, 9, {a: 8}, [], 'other'));
            out.push(r.apply({op: 'ping', epoch: 'e', seq: 8}), r.apply({op: 'ping', epoch: 'e', seq: 9}));
            out.push(r.apply({op: 'ping', epoch: 'x', seq: 8}), r.apply({op: 'news'}));
            return [out, r.boards, r.seq];
            """,
        )
        assert verdicts[0] == [
            "gap", "changed", "changed", "gap", "changed", "gap", "gap", "same", "behind", "gap", "same",
        ]  # fmt: skip
        assert verdicts[1:] == [{"a": 2, "c": 3}, 8]


async def test_retries_have_full_jitter_from_a_quarter_second_to_ten(page: Page) -> None:
    async with overlay_server() as server:
        delays = await ask(
            page,
            server,
            "live",
            "return [0, 100, 300, 2000, 6e4].map((n) => [0, 1].map((x) => m.retryDelay(n, () => x)))",
        )
        assert delays == [[0, 250], [0, 250], [0, 300], [0, 2000], [0, 10_000]]


async def test_the_newest_poll_is_on_stage_and_the_loudest_has_the_floor(page: Page) -> None:
    async with overlay_server() as server:
        old = closed(server, poll_board(server, age=90), phase="revealed")
        boards = {"old": old, "new": poll_board(server, age=1), "odd": {"kind": "kraken"}, "nil": None}
        body = """
          const widgets = {poll: {age: (b) => Date.parse(b.opens_at), claims: m.pollClaims}};
          return m.cast(a, widgets, null, Date.now()).map((x) => [x.id, x.attention]);
        """
        assert await ask(page, server, "director", body, boards) == [["new", True]]


async def test_confetti_is_the_same_for_everybody(page: Page) -> None:
    async with overlay_server() as server:
        body = """
          const s = (x) => JSON.stringify(m.pieces(x));
          return [s('a') === s('a'), s('a') === s('b'), m.pieces('a').length];
        """
        assert await ask(page, server, "confetti", body) == [True, False, 24]
