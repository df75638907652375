"""The whole way, from a line in Twitch's chat to a painted bar, through the real program.

Five hundred lines of every kind; the bars, the API, both exports and the table agree with a plain model.
The pictures of this test are meant to be looked at: build/pictures/show-*.png.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Page

from integrations.twitch.irc_events import REASONS, Chat, Ignored, read_line
from tests.acceptance.crowd_script import LABELS, Line, Writer, late_lines, tally
from tests.acceptance.painted import (
    Complaints,
    Frames,
    counts,
    percents,
    phase,
    picture,
    settled,
    shows,
    shows_counts,
)
from tests.acceptance.show import Json, Show, chat, eventually, ms_of, now_ms
from tests.fakes.twitch_irc import FakeTwitch, privmsg
from tests.servers import StartHubbub

SEED = 20_261_120
IN_TIME, IN_GRACE, TOO_LATE = 464, 28, 8
REAL_LINES = (Path(__file__).parents[1] / "data" / "twitch-irc-lines.txt").read_text("utf-8").splitlines()


@pytest.fixture
async def twitch() -> AsyncIterator[FakeTwitch]:
    async with FakeTwitch.serving() as fake:
        yield fake
        assert fake.complaints == []


@pytest.fixture
async def show(twitch: FakeTwitch, start_hubbub: StartHubbub) -> AsyncIterator[Show]:
    """A campaign with two Twitch channels read over IRC and a custom one fed by the API."""
    program = start_hubbub(TWITCH_IRC_URL=twitch.url)
    async with Show.on(program) as made:
        await made.channel("ana", "twitch", "irc")
        await made.channel("bela", "twitch", "irc")
        await made.channel("deck")
        await twitch.joined("ana", "bela")
        yield made


def irc(twitch: FakeTwitch, line: Line) -> str:
    """The line as Twitch sends it."""
    shared: dict[str, str] = {}
    if line.copy_of is not None:
        source = "999000111" if line.copy_of == "partner" else twitch.room_id(line.copy_of)
        shared = {"source_room_id": source, "source_id": "5b1c9e3a-0000-4000-8000-000000000000"}
    return privmsg(
        line.channel,
        line.text,
        user_id=line.user,
        user=f"viewer_{line.user}",
        room_id=twitch.room_id(line.channel),
        message_id=line.message_id,
        sent_ms=line.sent_ms,
        **shared,
    )


async def say(twitch: FakeTwitch, writer: Writer, lines: Sequence[Line]) -> None:
    """Send lines in order, one to seven in a frame, as Twitch does."""
    rest = list(lines)
    while rest:
        size = writer.random.randint(1, 7)
        frame, rest = rest[:size], rest[size:]
        for channel in writer.channels:
            if together := [irc(twitch, line) for line in frame if line.channel == channel]:
                await twitch.send(channel, *together)


def api_votes_of_deck(writer: Writer) -> list[Line]:
    """People of another platform under the same user ids; a third of them change their mind."""
    lines = []
    for number in range(36):
        line = writer.vote(user=str(700_000 + number % 24))
        lines.append(
            Line("deck", line.user, f"deck-{number}", line.sent_ms, line.text, "vote", line.means, "custom")
        )
    return lines


def as_event(line: Line) -> Json:
    return chat(
        line.message_id, line.user, line.text, line.sent_ms, channel=line.channel, platform=line.platform
    )


async def test_500_lines_become_the_same_figures_everywhere(
    show: Show, twitch: FakeTwitch, page: Page, tmp_path: Path
) -> None:
    print(f"seed {SEED}")
    complaints = Complaints(page)
    await page.goto(await show.overlay())
    poll = await show.launch("Which way out of the crypt?", LABELS, duration_s=15, grace_s=4)
    opens = ms_of(poll["opens_at"])
    writer = Writer(SEED, ("ana", "bela"), opens)
    lines = writer.write(IN_TIME)
    assert {line.kind for line in lines} == {
        "vote", "again", "near_miss", "chatter", "shared_copy", "past", "future",
    }  # fmt: skip
    said: list[Line] = []
    far_away = now_ms() + 10**9

    # While it is open the bars follow, step by step.
    deck = api_votes_of_deck(writer)
    receipt = await show.send([as_event(line) for line in deck] + [as_event(line) for line in deck[:9]])
    assert receipt == {"accepted": 36, "duplicates": 9, "rejected": []}
    said += deck
    for start in range(0, IN_TIME, 116):
        await say(twitch, writer, lines[start : start + 116])
        said += lines[start : start + 116]
        await shows_counts(page, tally(said, far_away, opens_ms=opens))
        if start == 232:
            await settled(page)
            await picture(page, "show-open")
    assert (await show.poll(poll["id"]))["state"] == "open"

    # Closed by the clock: late lines that were sent in time still count, others do not.
    closes = ms_of(poll["closes_at"])
    await phase(page, "closing", 15)
    assert (await show.until_state(poll["id"], "closing", 1))["closes_at"] == poll["closes_at"]
    late = late_lines(writer, closes, IN_GRACE)
    await say(twitch, writer, late)
    said += late
    await picture(page, "show-closing")
    expected = tally(said, closes, opens_ms=opens)
    await shows_counts(page, expected, 3)
    await show.until_state(poll["id"], "closed")
    too_late = [writer.vote(f"lost{n}", closes - 1000 - n, "lost") for n in range(TOO_LATE)]
    await say(twitch, writer, too_late)
    await phase(page, "closed")
    await settled(page)
    await picture(page, "show-closed")
    assert len(lines) + len(late) + len(too_late) == 500

    # The real lines of Twitch pass through the same reader, and it goes on reading afterwards.
    await pass_real_lines(show, twitch)

    revealed = await show.act(poll["id"], "reveal")
    await phase(page, "revealed")
    await shows(page, f"{sum(expected)} votes")
    await settled(page)
    await picture(page, "show-revealed")
    print(f"expected {expected}, of {Counter(line.kind for line in lines + late)}")
    assert await counts(page) == expected
    assert await percents(page) == [round(100 * votes / sum(expected)) for votes in expected]
    assert [option["votes"] for option in revealed["options"]] == expected
    assert revealed["winner"] == expected.index(max(expected)) + 1
    assert await show.api_votes(poll["id"]) == expected
    assert await show.csv_votes(poll["id"], len(LABELS)) == expected
    assert (await show.verified_votes(poll["id"], len(LABELS), tmp_path))[0] == expected
    assert await show.database_votes(poll["id"], len(LABELS)) == expected
    assert {channel["login"] for channel in revealed["channels"]} == {"ana", "bela", "deck"}
    assert sum(channel["votes"] for channel in revealed["channels"]) == sum(expected)
    for channel in (await show.status())["channels"]:
        if channel["source"] == "irc":
            assert channel["status"] == "connected", channel
            assert channel["heard_at"] is not None, channel
    assert await complaints.of(page) == []


async def pass_real_lines(show: Show, twitch: FakeTwitch) -> None:
    """Every line of the file, in a poll of its own, on the connection that the show is read over."""
    fates = [read_line(line, datetime.now(UTC)) for line in REAL_LINES]
    assert all(
        isinstance(fate, Chat) or (isinstance(fate, Ignored) and fate.reason in REASONS) for fate in fates
    )
    guild = await show.another("The guild of the file")
    await guild.channel("pajlada", "twitch", "irc")
    await twitch.joined("pajlada")
    poll = await guild.launch("Does it go on?", ["Yes", "No"])
    for line in REAL_LINES:
        await twitch.send("pajlada", line)
    await twitch.send("pajlada", *REAL_LINES)

    # None of them is a vote: they are years old. The next line of a viewer is one.
    await twitch.say("pajlada", "1", user_id="4242")

    async def counted() -> bool:
        return await guild.api_votes(poll["id"]) == [1, 0]

    await eventually(counted, "the reader has survived real lines")
    assert len(twitch.alive) == 1
    await guild.act(poll["id"], "cancel")


async def cast(show: Show, *votes: tuple[str, str]) -> None:
    """Votes of people on the custom channel: (who, what)."""
    receipt = await show.send([chat(f"{who}-{what}-{now_ms()}", who, what, now_ms()) for who, what in votes])
    assert receipt["accepted"] == len(votes)


async def test_a_tie_waits_for_the_game_master(show: Show, page: Page, tmp_path: Path) -> None:
    complaints = Complaints(page)
    await page.goto(await show.overlay())
    options = ["Burn the letter", "Read it aloud", "Keep it"]
    poll = await show.launch("What becomes of the letter?", options, tie="gm", grace_s=0, hold_s=30)
    await cast(show, ("a", "1"), ("b", "2"), ("c", "1"), ("d", "2"), ("e", "3"))
    await shows_counts(page, [2, 2, 1])
    await show.act(poll["id"], "close")
    closed = await show.until_state(poll["id"], "closed")
    assert (closed["tied"], closed["tie_pending"], closed["winner"]) == ([1, 2], True, None)
    await show.act(poll["id"], "reveal")
    await phase(page, "revealed")
    await shows(page, "GM decides")
    await settled(page)
    await picture(page, "show-tie")
    assert await counts(page) == [2, 2, 1]
    assert await show.api.refusal(f"/polls/{poll['id']}/resolve", {"winner": 3}) == 409
    resolved = await show.act(poll["id"], "resolve", {"winner": 2})
    assert (resolved["winner"], resolved["tie_pending"]) == (2, False)
    await page.wait_for_selector('.hb-row.hb-wins[data-option="2"]')
    assert await page.locator(".hb-row.hb-wins").count() == 1
    await shows(page, "5 votes")
    await settled(page)
    await picture(page, "show-tie-resolved")
    assert (await show.verified_votes(poll["id"], 3, tmp_path))[0] == [2, 2, 1]
    assert await complaints.of(page) == []


def figures_in(frame: Json) -> list[str]:
    """Every place in a frame that tells how the votes of a secret ballot stand; the total is no secret."""
    told = []
    for board in [*frame.get("boards", {}).values(), *frame.get("set", {}).values()]:
        for part in (*board["options"], *board["channels"]):
            told += [
                f"{name}={part[name]}" for name in ("votes", "weight", "share") if part.get(name) is not None
            ]
        told += [f"leaders={board['leaders']}"] if board["leaders"] else []
        told += [f"tie={board['tie']}"] if board["tie"]["options"] or board["tie"]["pending"] else []
        told += [f"winner={board['winner']}"] if board["winner"] is not None else []
    return told


async def test_a_secret_ballot_sends_no_figure_before_the_reveal(
    show: Show, page: Page, tmp_path: Path
) -> None:
    complaints, frames = Complaints(page), Frames(page)
    await page.goto(await show.overlay())
    options = ["The baron", "The cook", "The raven"]
    poll = await show.launch("Who did it?", options, secret=True, grace_s=1, hold_s=30)
    ballots = [(f"w{n}", str(1 + (n * 7) % 5 % 3)) for n in range(31)]
    expected = [sum(vote == str(index) for _, vote in ballots) for index in (1, 2, 3)]
    assert len(set(expected)) == 3
    for start in range(0, len(ballots), 8):
        await cast(show, *ballots[start : start + 8])
    await shows(page, "31")
    await shows(page, "votes sealed")
    await settled(page)
    await picture(page, "show-secret")
    assert await page.locator("hb-poll.hb-sealed").count() == 1
    assert set(await counts(page)) <= {0, None}

    async def tells_nothing() -> None:
        seen = await show.poll(poll["id"])
        assert [option["votes"] for option in seen["options"]] == [None] * 3
        assert [option["share"] for option in seen["options"]] == [None] * 3
        assert seen["total_votes"] == 31
        for form in ("json", "csv"):
            await show.api.get(f"/polls/{poll['id']}/export?format={form}", 409)

    await tells_nothing()
    await page.reload()  # a snapshot, too
    await shows(page, "votes sealed")
    await show.act(poll["id"], "close")
    await phase(page, "closing")
    await show.until_state(poll["id"], "closed")
    await phase(page, "closed")
    await tells_nothing()
    before = list(frames.received)
    assert len([frame for frame in before if frame["op"] == "delta"]) >= 4
    assert len([frame for frame in before if frame["op"] == "snapshot"]) == 2
    assert [told for frame in before for told in figures_in(frame)] == []

    await show.act(poll["id"], "reveal")
    await page.wait_for_selector(".hb-row.hb-wins")  # after the race of the bars
    await shows_counts(page, expected)
    await settled(page)
    await picture(page, "show-secret-revealed")
    assert [told for frame in frames.received[len(before) :] for told in figures_in(frame)]
    assert await show.api_votes(poll["id"]) == expected
    assert (await show.verified_votes(poll["id"], 3, tmp_path))[0] == expected
    assert await show.csv_votes(poll["id"], 3) == expected
    assert await show.database_votes(poll["id"], 3) == expected
    assert await complaints.of(page) == []
