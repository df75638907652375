"""The table's pure parts, asked in the browser they run in: views, texts, director, places."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from playwright.async_api import Page

from server.rules import dice_stage, party_board
from tests.browser.overlay_harness import Json, OverlayServer, ask, open_overlay, overlay_server, shows
from tests.browser.table_scenes import (
    ASKED,
    NATURAL_1,
    OTHERS,
    dice,
    held,
    members,
    played,
    roll,
    secret,
    verdict,
    view,
)
from tests.unit.dice_stages import NOW, after, instants, seen

VIEWS = {"dice": "diceView", "party": "partyView", "initiative": "initiativeView", "card": "cardView"}

_SEEN = """
return a.map(([board, at]) => {
  const view = m.diceView(board, at, {lang: 'en'});
  const on = (list) => list.filter((one) => !one.leaving);
  const id = (one) => one.key.split('|')[1];
  return [on(view.cards).map(id), on(view.rows).map((row) => [row.place, id(row)])];
});
"""


async def test_the_page_sees_at_every_instant_what_the_rule_has_decided(page: Page) -> None:
    """Boards of the rule, seen by the rule's own test and by the page, from the first instant to the last."""
    chance = random.Random(7)  # noqa: S311 - the same boards every time
    asked: list[tuple[Json, float]] = []
    wanted: list[list[Any]] = []
    for _ in range(40):
        stage, now = dice_stage.EMPTY, NOW
        for n in range(chance.randint(1, 14)):
            now += timedelta(milliseconds=chance.choice((0, 30, 400, 1200, 3000)))
            judged = verdict() if chance.random() < 0.3 else None
            shown = view(roll("1d20", 7, roll_id=f"r{n}"), judged)
            stage = dice_stage.add(stage, secret(f"s{n}") if chance.random() < 0.2 else shown, now)
        board = dice_stage.board(stage)
        assert board is not None
        for at in sorted(instants(stage, now, now + timedelta(minutes=2))):
            cards, rows = seen(stage, at)
            asked.append((dict(board), at.timestamp() * 1000))
            wanted.append([cards, [list(row) for row in sorted(rows.items())]])
    async with overlay_server() as server:
        found = await ask(page, server, "dice_view", _SEEN, asked)
    assert [[cards, sorted(rows)] for cards, rows in found] == wanted
    assert len(wanted) > 120


_SAME = """
const freeze = (x) => {
  if (x && typeof x === 'object') Object.values(Object.freeze(x)).forEach(freeze);
};
freeze(a.boards);
const at = a.at ?? Date.now();
return a.boards.every((board) => {
  const view = (at, lang) => JSON.stringify(m[a.name](board, at, {lang}));
  const first = view(at, 'en');
  view(at + 5000, 'de');
  return first === view(at, 'en');
});
"""


async def test_a_view_depends_on_board_and_time_alone_and_no_board_breaks_it(page: Page) -> None:
    bare: Json = {
        "type": "dice.roll",
        "id": 3,
        "groups": [None, {"dice": [None, {"value": "x"}], "sides": []}],
    }
    times = {f"{name}_at": after(n).isoformat() for n, name in enumerate(("starts", "settles", "ends"))}
    strange: Json = {"hit_points": {"current": "x"}, "conditions": [3, None], "news": {"at": "x"}}
    broken: list[Any] = [
        {},
        {"showings": None, "members": None, "rows": None, "more": {"count": "x", "until": "soon"}},
        {"showings": [None, {}, {"form": "row", "place": 9}], "members": [None, {}], "rows": [None]},
        {"members": [strange], "figures": 3},
        {"showings": [{"form": "card", "place": 0, "row_at": None, "roll": bare, **times}]},
    ]
    async with overlay_server() as server:
        shown = [scene.boards(server) for scene in (*ASKED, *OTHERS)]
        for kind, name in VIEWS.items():
            real = [boards[kind] for boards in shown if kind in boards]
            assert await ask(page, server, f"{kind}_view", _SAME, {"boards": real, "name": name})
            at = after(1.5).timestamp() * 1000
            assert await ask(page, server, f"{kind}_view", _SAME, {"boards": broken, "name": name, "at": at})


async def _texts(page: Page, server: OverlayServer, shown: Json, lang: str = "en") -> Json:
    found: Json = await ask(page, server, "roll_view", f"return m.rollView(a, '{lang}')", shown)
    return found


async def test_a_card_says_what_the_tabletop_said_and_nothing_else(page: Page) -> None:
    async with overlay_server() as server:
        silent = await _texts(page, server, view(roll("1d20", 25)))
        assert (silent["verdict"], silent["verdictText"], silent["critical"]) == (None, "", None)
        assert silent["note"] == ""
        assert (await _texts(page, server, NATURAL_1))["verdictText"] == "Failure"
        unsure = view(roll("1d20", 25, verified=False))
        assert (await _texts(page, server, unsure))["note"] == "unverified"
        assert (await _texts(page, server, unsure | {"inconsistent": True}))["note"] == "dice ≠ total"
        withheld = await _texts(page, server, unsure | {"total": None, "successes": None, "notation": ""})
        assert (withheld["figure"]["text"], withheld["formula"]) == ("", "")
        notice = await _texts(page, server, secret())
        assert (notice["figure"]["text"], notice["tiles"]["list"]) == ("", [])
        many = next(scene for scene in OTHERS if scene.name == "many").boards(server)
        tiles = (await _texts(page, server, many["dice"]["showings"][0]["roll"]))["tiles"]
        assert len(tiles["list"]) + tiles["rest"] == 1000
        assert 6 <= len(tiles["list"]) <= 20

        async def word(label: str, category: str, type_: Any = "success", lang: str = "en") -> list[str]:
            judged = view(roll("1d20", 20), verdict(type_, "major", label, category))
            critical = (await _texts(page, server, judged, lang))["critical"]
            return [critical["word"], critical["label"]]

        # A rule that has a short name is called by it.
        long = "Double glitch on the bridge"
        assert await word("Triumph", "triumph") == ["TRIUMPH", ""]
        assert await word(long, "glitch", "failure") == ["FUMBLE", long]
        assert await word("Critical success", "generic_success") == ["CRITICAL", ""]
        assert await word("Critical failure", "generic_failure", "failure", "de") == ["PATZER", ""]


_FLOOR = """
const claim = (urgency, start, end) => ({urgency, start, end});
const actors = [
  {id: 'poll', claims: [claim('tick', 0, Infinity), claim('reveal', 100, 200)]},
  {id: 'dice', claims: [claim('alert', 50, 90), claim('critical', 150, 180), claim('alert', 300, 350)]},
  {id: 'boss', claims: [claim('hit', 80, 120), claim('alert', 310, 340)]},
  {id: 'card', claims: [claim('quiet', 0, 400), claim('alert', 300, 340)]},
];
const seen = [0, 60, 85, 100, 150, 180, 200, 310, 345].map((at) => m.floor(actors, at));
return [seen, m.nextHandover(actors, 120), m.nextHandover(actors, 400), m.floor([], 1)];
"""

_COVERED = """
const sizes = {party: [1720, 84], poll: [560, 440], initiative: [368, 456], dice: [810, 340]};
sizes.card = [480, 300];
const narrow = {...sizes, party: [860, 176], dice: [420, 590], poll: [760, 440]};
const beside = (a, b) => a.x >= b.x + b.width || a.y >= b.y + b.height;
const apart = (a, b) => beside(a, b) || beside(b, a);
const wrong = [];
for (const upright of [false, true]) {
  const room = upright ? {width: 972, height: 1459} : {width: 1728, height: 972};
  for (const anchor of [...m.ANCHORS, null]) {
    for (const scale of [0.6, 1, 1.6]) {
      const homes = (kind) => m.homes(kind, {anchor, upright, alone: false});
      const items = Object.entries(upright ? narrow : sizes)
        .map(([kind, [width, height]]) => ({kind, width, height, scale, homes: homes(kind)}));
      const boxes = m.arrange(room, items).map((found) => found.box);
      const where = `at ${anchor} × ${scale}, upright: ${upright}`;
      boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b, j) => {
        if (!apart(a, b)) wrong.push(`${items[i].kind} and ${items[i + 1 + j].kind} ${where}`);
      }));
      const {width, height} = room;
      const outside = (b) => b.x < -1 || b.y < -1 || b.x + b.width > width + 1 || b.y + b.height > height + 1;
      if (boxes.some(outside)) wrong.push(`outside ${where}`);
    }
  }
}
return wrong;
"""

_HOMES = """
const home = (kind, anchor, alone = false, upright = false) => m.homes(kind, {anchor, alone, upright})[0];
return [
  home('dice', 'top-left', true), home('dice', null, true), home('dice', 'top-left'),
  home('poll', 'bottom-right'), home('dice', 'bottom-right'), home('initiative', 'right'),
  home('initiative', null), home('party', 'top'), home('dice', null, false, true),
];
"""


async def test_one_has_the_floor_and_nobody_covers_another(page: Page) -> None:
    async with overlay_server() as server:
        who, *handovers = await ask(page, server, "director", _FLOOR)
        assert who == ["poll", "dice", "boss", "poll", "dice", "poll", "poll", "card", "dice"]
        assert handovers == [150, None, None]
        assert await ask(page, server, "place", _COVERED) == []
        # An anchor is for the only widget of a source, and else for the poll.
        assert await ask(page, server, "place", _HOMES) == [
            *("top-left", "bottom-right", "bottom-right"),
            *("bottom-right", "bottom-left", "top-left"),
            *("top-right", "bottom", "top-left"),
        ]


_BREAKS_ONCE = """() => {
  const dice = customElements.get("hb-dice").prototype;
  const draw = dice.render;
  window.tries = 0;
  dice.render = function render(board, ...more) {
    window.tries += 1;
    if (board.showings[0].roll.label === "Broken") throw new Error("no picture");
    return draw.call(this, board, ...more);
  };
}"""


async def test_a_board_that_cannot_be_drawn_is_left_alone_until_another_one_comes(page: Page) -> None:
    """Others stay on stage meanwhile; and one bad roll takes the dice off for no longer than itself."""
    async with overlay_server() as server:
        await open_overlay(page, server)
        await page.evaluate(_BREAKS_ONCE)
        broken = view(roll("1d20+1", 9, dice(20, 8), label="Broken"))
        await server.set(dice=held(server, played(server.now(), (2.4, broken))))
        await page.wait_for_function("() => window.tries > 0")
        assert await page.locator("hb-dice").count() == 0
        await server.set(party=party_board.board(members()))
        await shows(page, "Rook Feather")
        assert (
            await page.evaluate("() => window.tries") == 1
        )  # the stage was drawn again, and it was not tried
        whole = view(roll("1d20+2", 11, dice(20, 9), label="Stealth"))
        await server.set(dice=held(server, played(server.now(), (2.4, whole))))
        await shows(page, "Stealth")
        await page.wait_for_selector("hb-dice .hb-roll.hb-told")
