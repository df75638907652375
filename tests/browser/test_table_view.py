"""The table's pure parts, asked in the browser they run in: views, director, places."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from playwright.async_api import Page

from server.rules import dice_stage
from tests.browser.overlay_harness import OverlayServer, ask, overlay_server
from tests.browser.table_scenes import ASKED, NATURAL_1, OTHERS, roll, secret, verdict, view
from tests.unit.dice_stages import NOW, after, instants, seen

Json = dict[str, Any]

_SEEN = """
return a.asked.map(([board, at]) => {
  const view = m.diceView(board, at, {lang: 'en'});
  const on = (list) => list.filter((one) => !one.leaving);
  const id = (one) => one.key.split('|')[1];
  return [on(view.cards).map(id), on(view.rows).map((row) => [row.place, id(row)]), view.visible, view.nextChange];
});
"""


async def test_the_page_sees_at_every_instant_what_the_rule_has_decided(page: Page) -> None:
    """Boards of the rule, seen by the rule's own test and by the page, from the first instant to the last."""
    chance = random.Random(7)
    asked: list[tuple[Json, float]] = []
    wanted: list[list[Any]] = []
    for _ in range(30):
        stage, now = dice_stage.EMPTY, NOW
        for n in range(chance.randint(1, 14)):
            now += timedelta(milliseconds=chance.choice((0, 30, 400, 1200, 3000)))
            judged = verdict() if chance.random() < 0.3 else None
            shown = (
                secret(f"s{n}") if chance.random() < 0.2 else view(roll("1d20", 7, roll_id=f"r{n}"), judged)
            )
            stage = dice_stage.add(stage, shown, now)
        board = dice_stage.board(stage)
        assert board is not None
        for at in sorted(instants(stage, now, now + timedelta(minutes=2))):
            cards, rows = seen(stage, at)
            asked.append((dict(board), at.timestamp() * 1000))
            wanted.append([cards, [list(row) for row in sorted(rows.items())]])
    async with overlay_server() as server:
        found = await ask(page, server, "dice_view", _SEEN, {"asked": asked})
    assert [[cards, sorted(rows)] for cards, rows, _, _ in found] == wanted
    assert len(wanted) > 200


async def test_every_view_depends_on_nothing_but_board_and_time(page: Page) -> None:
    modules = {"dice": "diceView", "party": "partyView", "initiative": "initiativeView", "card": "cardView"}
    async with overlay_server() as server:
        for scene in (*ASKED, *OTHERS):
            for kind, board in scene.boards(server).items():
                same = await ask(
                    page,
                    server,
                    f"{kind}_view",
                    """
                    const freeze = (x) => {
                      if (x && typeof x === 'object') Object.values(Object.freeze(x)).forEach(freeze);
                    };
                    freeze(a.board);
                    const view = (at, lang) => JSON.stringify(m[a.name](a.board, at, {lang}));
                    const at = Date.now();
                    const first = view(at, 'en');
                    view(at + 5000, 'de');
                    return first === view(at, 'en');
                    """,
                    {"board": board, "name": modules[kind]},
                )
                assert same, (scene.name, kind)


async def test_a_broken_board_never_breaks_a_view(page: Page) -> None:
    broken: list[Any] = [
        {},
        {"showings": None, "members": None, "rows": None, "more": {"count": "x", "until": "soon"}},
        {
            "showings": [None, {}, {"form": "row", "place": 9, "starts_at": 3}],
            "members": [None, {}],
            "rows": [None],
        },
        {
            "members": [{"hit_points": {"current": "x"}, "conditions": [3, None], "news": {"at": "x"}}],
            "figures": 3,
        },
    ]
    bare: Json = {
        "type": "dice.roll",
        "id": 3,
        "groups": [None, {"dice": [None, {"value": "x"}], "sides": []}],
    }
    times = {
        "starts_at": after(0).isoformat(),
        "settles_at": after(1).isoformat(),
        "ends_at": after(9).isoformat(),
    }
    broken.append({"showings": [{"form": "card", "place": 0, "row_at": None, "roll": bare, **times}]})
    async with overlay_server() as server:
        for module, name in (("dice", "diceView"), ("party", "partyView"), ("initiative", "initiativeView"),
                             ("card", "cardView")):  # fmt: skip
            body = "return a.boards.every((board) => typeof m[a.name](board, a.at, {}) === 'object')"
            asked = {"boards": broken, "name": name, "at": after(2).timestamp() * 1000}
            assert await ask(page, server, f"{module}_view", body, asked)


async def _texts(page: Page, server: OverlayServer, shown: Json, lang: str = "en") -> Json:
    found: Json = await ask(page, server, "roll_view", f"return m.rollView(a, '{lang}')", shown)
    return found


async def test_nothing_is_said_that_the_tabletop_did_not_say(page: Page) -> None:
    async with overlay_server() as server:
        silent = await _texts(page, server, view(roll("1d20", 25)))
        assert (silent["verdict"], silent["verdictText"], silent["critical"], silent["note"]) == (
            None,
            "",
            None,
            "",
        )
        assert (await _texts(page, server, NATURAL_1))["verdictText"] == "Failure"
        unsure = view(roll("1d20", 25, verified=False))
        assert (await _texts(page, server, unsure))["note"] == "unverified"
        assert (await _texts(page, server, unsure | {"inconsistent": True}))["note"] == "dice ≠ total"
        withheld = await _texts(page, server, unsure | {"total": None, "successes": None, "notation": ""})
        assert (withheld["figure"]["text"], withheld["formula"]) == ("", "")
        notice = await _texts(page, server, secret())
        assert notice["figure"]["text"] == ""
        assert notice["tiles"]["list"] == []


async def test_a_rule_that_has_a_short_name_of_its_own_is_called_by_it(page: Page) -> None:
    async with overlay_server() as server:

        async def word(
            label: str, category: str, type_: Any = "success", lang: str = "en"
        ) -> tuple[str, str]:
            critical = (await _texts(page, server, view(roll("1d20", 20), verdict(type_, "major", label, category)),
                                     lang))["critical"]  # fmt: skip
            return critical["word"], critical["label"]

        assert await word("Triumph", "triumph") == ("TRIUMPH", "")
        assert await word("Double glitch on the bridge", "glitch", "failure") == (
            "FUMBLE",
            "Double glitch on the bridge",
        )
        assert await word("Critical success", "generic_success") == ("CRITICAL", "")
        assert await word("Critical failure", "generic_failure", "failure", "de") == ("PATZER", "")


async def test_a_thousand_dice_are_some_tiles_and_a_count(page: Page) -> None:
    async with overlay_server() as server:
        many = next(scene for scene in OTHERS if scene.name == "many").boards(server)
        tiles = (await _texts(page, server, many["dice"]["showings"][0]["roll"]))["tiles"]
        assert len(tiles["list"]) + tiles["rest"] == 1000
        assert 6 <= len(tiles["list"]) <= 20


async def test_the_loudest_has_the_floor_and_of_equals_the_first(page: Page) -> None:
    async with overlay_server() as server:
        who = await ask(
            page,
            server,
            "director",
            """
            const claim = (urgency, start, end) => ({urgency, start, end});
            const actors = [
              {id: 'poll', claims: [claim('tick', 0, Infinity), claim('reveal', 100, 200)]},
              {id: 'dice', claims: [claim('alert', 50, 90), claim('critical', 150, 180), claim('alert', 300, 350)]},
              {id: 'boss', claims: [claim('hit', 80, 120), claim('alert', 310, 340)]},
              {id: 'card', claims: [claim('quiet', 0, 400), claim('alert', 300, 340)]},
            ];
            const seen = [0, 60, 85, 100, 150, 180, 200, 310, 345].map((at) => m.floor(actors, at));
            return [seen, m.nextHandover(actors, 120), m.nextHandover(actors, 400), m.floor([], 1)];
            """,
        )
        assert who[0] == ["poll", "dice", "boss", "poll", "dice", "poll", "poll", "card", "dice"]
        assert who[1:] == [150, None, None]


async def test_no_widget_covers_another_wherever_the_poll_stands(page: Page) -> None:
    async with overlay_server() as server:
        overlaps = await ask(
            page,
            server,
            "place",
            """
            const sizes = {
              party: [1720, 84], poll: [560, 440], initiative: [348, 456], dice: [810, 340], card: [480, 300],
            };
            const wrong = [];
            for (const upright of [false, true]) for (const anchor of [...m.ANCHORS, null]) for (const scale of [0.6, 1, 1.6]) {
              const room = upright ? {width: 972, height: 1459} : {width: 1728, height: 972};
              const items = Object.entries(sizes).map(([kind, [width, height]]) => {
                const [w, h] = upright ? {party: [860, 176], dice: [420, 590], poll: [760, 440]}[kind] ?? [width, height]
                  : [width, height];
                return {kind, width: w, height: h, scale, homes: m.homes(kind, {anchor, upright, alone: false})};
              });
              const boxes = m.arrange(room, items).map((found) => found.box);
              boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b, j) => {
                if (a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height) {
                  wrong.push(`${items[i].kind} and ${items[i + 1 + j].kind} at ${anchor} × ${scale} ${upright}`);
                }
              }));
              for (const b of boxes) {
                if (b.x < -1 || b.y < -1 || b.x + b.width > room.width + 1 || b.y + b.height > room.height + 1) {
                  wrong.push(`outside at ${anchor} × ${scale} ${upright}`);
                }
              }
            }
            return wrong;
            """,
        )
        assert overlaps == []


async def test_an_anchor_is_for_the_only_widget_of_a_source_and_else_for_the_poll(page: Page) -> None:
    async with overlay_server() as server:
        first = await ask(
            page,
            server,
            "place",
            """
            const home = (kind, anchor, alone = false, upright = false) => m.homes(kind, {anchor, alone, upright})[0];
            return [home('dice', 'top-left', true), home('dice', null, true), home('dice', 'top-left'),
              home('poll', 'bottom-right'), home('dice', 'bottom-right'), home('initiative', 'right'),
              home('initiative', null), home('party', 'top'), home('dice', null, false, true)];
            """,
        )
        assert first == [
            "top-left", "bottom-right", "bottom-right",
            "bottom-right", "bottom-left", "top-left",
            "top-right", "bottom", "top-left",
        ]  # fmt: skip
