"""Several channels in one poll: bars follow the weight, the small numbers are the votes, the rule is told.

The votes and what each rule makes of them are the example of docs/game-master.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from playwright.async_api import Page

from tests.acceptance.painted import (
    Complaints,
    counts,
    percents,
    phase,
    picture,
    settled,
    shows_counts,
)
from tests.acceptance.show import Json, Show, chat, eventually, now_ms
from tests.servers import Hubbub

OPTIONS = ["The red door", "The iron door", "The one that hums"]
CHATS = {"ana": (212, 95, 61), "ben": (4, 9, 21)}
VOTES = [216, 104, 82]
#: How much of its lane each bar covers.
FILLS = """() => Array.from(document.querySelectorAll('hb-poll .hb-row'), (row) => {
  const lane = row.querySelector('.hb-lane').getBoundingClientRect();
  return (row.querySelector('.hb-fill').getBoundingClientRect().right - lane.left) / lane.width;
})"""


@dataclass(frozen=True, slots=True)
class Rule:
    """A weighting, and what the example says of it."""

    name: str
    percents: list[int]
    top: list[int]
    footers: list[str]


RULES = (
    Rule("sum", [54, 26, 20], [1], []),
    Rule("channel", [50, 0, 50], [1, 3], ["Each channel gives one point"]),
    Rule("capped", [39, 26, 35], [1], ["No channel counts for more than 60%"]),
    Rule("per_head", [35, 26, 39], [3], ["All channels weigh the same"]),
)


def ballots(poll_id: str, channel: str) -> list[Json]:
    """Every viewer of a channel writes the number of an option."""
    choices = [str(option) for option, votes in enumerate(CHATS[channel], 1) for _ in range(votes)]
    return [
        chat(f"{poll_id}-{channel}-{n}", f"{channel}-{n}", text, now_ms(), channel=channel)
        for n, text in enumerate(choices)
    ]


async def marked(page: Page, mark: str) -> list[int]:
    """The options whose row has a mark."""
    rows = page.locator(f"hb-poll .hb-row.{mark}")
    return [int(option) for option in await rows.evaluate_all("all => all.map((row) => row.dataset.option)")]


async def paints(page: Page, poll: Json, rule: Rule) -> None:
    """Percents and bars are the weighted shares of the API, numbers are its votes."""
    shares = [option["share"] for option in poll["options"]]
    # The page rounds halves up.
    assert [floor(100 * share + 0.5 + 1e-9) for share in shares] == rule.percents
    assert [option["votes"] for option in poll["options"]] == VOTES

    async def there() -> bool:
        return await percents(page) == rule.percents

    await shows_counts(page, VOTES)
    await eventually(there, f"the bars say {rule.percents} %")
    await settled(page)
    assert await counts(page) == VOTES
    fills = await page.evaluate(FILLS)
    assert all(abs(fill - share) < 0.01 for fill, share in zip(fills, shares, strict=True)), fills
    footers = await page.locator("hb-poll .hb-footer").all_inner_texts()
    assert footers[: len(rule.footers)] == rule.footers


async def test_bars_follow_the_weight_and_numbers_the_votes(hubbub: Hubbub, page: Page) -> None:
    complaints = Complaints(page)
    async with Show.on(hubbub) as show:
        for login in CHATS:
            await show.channel(login)
        await page.goto(await show.overlay())
        for rule in RULES:
            settings = {"weighting": rule.name, "cap_percent": 60, "tie": "none", "grace_s": 0, "hold_s": 60}
            poll = await show.launch("Which door?", OPTIONS, **settings)
            for login in CHATS:
                sent = ballots(poll["id"], login)
                assert (await show.send(sent))["accepted"] == len(sent)
            await paints(page, await show.poll(poll["id"]), rule)
            assert await page.locator("hb-poll .hb-footer").count() == len(rule.footers)
            assert await marked(page, "hb-leads") == rule.top

            await show.act(poll["id"], "close")
            await show.until_state(poll["id"], "closed")
            revealed = await show.act(poll["id"], "reveal")
            await phase(page, "revealed")
            winner = rule.top[0] if len(rule.top) == 1 else None
            assert revealed["winner"] == winner
            if winner is None:
                assert revealed["tied"] == rule.top
                await page.wait_for_selector("hb-poll .hb-row.hb-tied")
                assert await marked(page, "hb-tied") == rule.top
                assert await marked(page, "hb-wins") == []
            else:
                await page.wait_for_selector("hb-poll .hb-row.hb-wins")
                assert await marked(page, "hb-wins") == [winner]
            await paints(page, revealed, rule)
            await picture(page, f"weights-{rule.name}")
            await show.act(poll["id"], "dismiss")
            await page.wait_for_selector("hb-poll", state="detached")
        assert await complaints.of(page) == []
