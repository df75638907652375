"""A reloaded overlay is right at once (R5): two hundred reloads in the middle of a running poll.

A script that is in the page before the page's own looks at every frame that is about to be painted and
notes the first one that has numbers, and any plate that had none. What was painted must be one state that
was really committed: at least as new as what was acknowledged before the reload, and not from the future.
"""

from __future__ import annotations

import asyncio
import time
from math import floor
from random import Random
from typing import Any

from playwright.async_api import Browser

from tests.acceptance.painted import Complaints, probe
from tests.acceptance.show import Json, Show, chat, eventually, ms_of, now_ms
from tests.servers import Hubbub

SEED = 20_261_121
VOTES_PER_S = 50
BATCH = 5
OPTIONS = ("North", "East", "South", "West")


class Voters:
    """About fifty votes a second through the API: new people, one in ten a changed mind."""

    def __init__(self, show: Show) -> None:
        self.show = show
        self.random = Random(SEED)  # noqa: S311
        self.people = 0
        self.acknowledged = 0
        self.running = True

    async def run(self) -> None:
        began = time.monotonic()
        sent = 0
        while self.running:
            batch = [self._vote(sent + index) for index in range(BATCH)]
            sent += BATCH
            receipt = await self.show.send(batch)
            assert receipt["accepted"] == BATCH, receipt
            self.acknowledged = self.people
            await asyncio.sleep(max(0, began + sent / VOTES_PER_S - time.monotonic()))

    def _vote(self, number: int) -> Json:
        if self.people < 20 or self.random.random() < 0.9:
            who = self.people
            self.people += 1
        else:
            who = self.random.randrange(self.people)
        choice = self.random.choices((1, 2, 3, 4), (5, 3, 2, 1))[0]
        return chat(f"r{number}", f"p{who}", str(choice), now_ms())


def faults(reload: Json, states: dict[tuple[int, ...], float]) -> list[str]:
    """What was wrong with one reload; `states` tells when each state was committed, ms."""
    first, known, numbers = reload["first"], reload["known"], tuple(reload["first"]["numbers"])
    total = sum(numbers)
    shares = [votes / max(total, 1) for votes in numbers]
    wrong = []
    if reload["bare"]:
        wrong.append(f"{reload['bare']} frames with an empty plate")
    if total < known:
        wrong.append(f"old: {total} votes, {known} were acknowledged before")
    if numbers not in states:
        wrong.append(f"{numbers} was never committed")
    elif states[numbers] > first["at"] + 5:
        wrong.append(f"{numbers} is from the future")
    # When a mind is changed the number that walks down may be rounded before the one that walks up.
    if min(reload["later"]) < known - 1:
        wrong.append(f"old numbers later: {reload['later']}, {known} were acknowledged")
    # The page rounds halves up.
    if first["percents"] != [floor(100 * share + 0.5 + 1e-9) for share in shares]:
        wrong.append(f"{first['percents']} % of {numbers}")
    if first["opacity"] < 1:
        wrong.append("rows are still fading in")
    if any(abs(fill - share) > 0.02 for fill, share in zip(first["fills"], shares, strict=True)):
        wrong.append(f"bars {first['fills']} at {numbers}")
    return wrong


async def test_200_reloads_show_the_right_numbers_at_once(hubbub: Hubbub, browser: Browser) -> None:
    await reload_again_and_again(hubbub, browser, 200)


async def reload_again_and_again(hubbub: Hubbub, browser: Browser, count: int) -> None:
    """So many reloads while votes come in, each compared with what was committed."""
    print(f"seed {SEED}")
    async with Show.on(hubbub) as show:
        await show.channel("deck")
        url = await show.overlay()
        poll = await show.launch("Where to?", OPTIONS, duration_s=3600)
        context = await browser.new_context(viewport={"width": 1280, "height": 720})
        page = await context.new_page()
        complaints = Complaints(page)
        await page.add_init_script(probe("first_frame"))
        voters = Voters(show)
        voting = asyncio.create_task(voters.run())
        reloads: list[Json] = []
        random = Random(SEED)  # noqa: S311

        async def under_way() -> bool:
            # Everybody votes, and the poll's entrance is over.
            return voters.acknowledged >= 50 and now_ms() > ms_of(poll["opens_at"]) + 2500

        try:
            await page.goto(url)
            await eventually(under_way, "votes arrive")
            for _ in range(count):
                known = voters.acknowledged
                began = now_ms()
                await page.reload(wait_until="commit")
                await page.wait_for_function("() => !!window.__seen?.first", polling=5, timeout=10_000)
                # A moment of its own for each: sooner than a frame of the server, or several of them later.
                await asyncio.sleep(random.uniform(0, 0.15))
                seen: dict[str, Any] = await page.evaluate("window.__seen")
                reloads.append({"known": known, "began": began, **seen})
                assert not voting.done(), voting.exception()
        finally:
            voters.running = False
            await asyncio.wait([voting])
        assert voting.exception() is None
        heard = await complaints.of(page)
        await context.close()

        # Every state that ever was, by its total; and when it was committed.
        rows = await show.rows(
            "SELECT seq, at FROM board_events WHERE campaign_id = $1 ORDER BY seq", show.id
        )
        at = {row["seq"]: row["at"].timestamp() * 1000 for row in rows}
        states: dict[tuple[int, ...], float] = {}
        for seq, board in sorted((await show.boards_shown()).items()):
            if board["poll_id"] == poll["id"]:
                states.setdefault(tuple(option["votes"] for option in board["options"]), at[seq])
        final = await show.api_votes(poll["id"])
    assert voters.people == sum(final)
    assert len(states) > 50
    wrong = [
        f"{number}: {fault}" for number, reload in enumerate(reloads) for fault in faults(reload, states)
    ]
    took = sorted(reload["first"]["at"] - reload["began"] for reload in reloads)
    print(
        f"{len(reloads)} reloads, {sum(final)} voters, {len(states)} states; from reload to first numbers: "
        f"p50 {took[len(took) // 2]} ms, p99 {took[int(len(took) * 0.99)]} ms, max {took[-1]} ms"
    )
    assert wrong == []
    assert heard == []
