"""Polls over HTTP, from draft to export."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from server.rules.vote_audit import audit
from sql import channels, deadlines
from sql.pool import Database
from tests.integration.web_rig import Rig, rig_on, wrong

POLL = {"question": "Which door?", "options": ["Left", "Right", "Back"], "duration_s": 60}


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path) as made:
        yield made


class Show:
    """A campaign with one channel that takes POSTed events."""

    def __init__(self, client: httpx2.AsyncClient, campaign_id: str) -> None:
        self.client = client
        self.campaign_id = campaign_id
        self._lines = 0

    @property
    def base(self) -> str:
        return f"/api/v1/campaigns/{self.campaign_id}"

    async def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        answer = await self.client.post(f"/api/v1{path}", json={} if body is None else body)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def draft(self, **fields: Any) -> str:
        made = await self.post(f"/campaigns/{self.campaign_id}/polls", {**POLL, **fields}, 201)
        poll_id: str = made["id"]
        return poll_id

    async def poll(self, poll_id: str) -> Any:
        answer = await self.client.get(f"/api/v1/polls/{poll_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def vote(self, user: str, text: str, at: str) -> Any:
        self._lines += 1
        line = {
            "type": "chat.message",
            "platform": "custom",
            "channel_id": "stage",
            "message_id": f"m{self._lines}",
            "user": {"id": user, "login": user, "name": user},
            "text": text,
            "sent_at": at,
        }
        return await self.post(f"/campaigns/{self.campaign_id}/events", [line])

    async def count(self, poll_id: str, rig: Rig) -> None:
        """Let the grace be over, as the deadline loop of the program does."""
        for _ in range(200):
            async with rig.services.database.connection() as connection:
                due = await deadlines.due(connection, 10)
            for one in due:
                await rig.services.rooms.fire(one)
            if (await self.poll(poll_id))["state"] == "closed":
                return
            await asyncio.sleep(0.02)
        raise AssertionError("never counted")


@pytest.fixture
async def show(rig: Rig) -> Show:
    made = Show(rig.root, await rig.campaign())
    body = {"platform": "custom", "login": "Stage", "source": "api"}
    await made.post(f"/campaigns/{made.campaign_id}/channels", body, 201)
    return made


async def test_a_poll_goes_from_draft_to_export(rig: Rig, show: Show) -> None:
    poll_id = await show.draft(grace_s=0)
    draft = await show.poll(poll_id)
    assert draft["state"] == "draft"
    assert [option["index"] for option in draft["options"]] == [1, 2, 3]
    opened = await show.post(f"/polls/{poll_id}/launch")
    assert opened["state"] == "open"
    assert opened["channels"] == [{"platform": "custom", "login": "stage", "votes": 0, "counts": "chat"}]
    at = opened["opens_at"]
    assert await show.vote("ana", "!2", at) == {"accepted": 1, "duplicates": 0, "rejected": []}
    await show.vote("ben", "2", at)
    await show.vote("cleo", "Left", at)
    seen = await show.poll(poll_id)
    assert seen["total_votes"] == 3
    assert [option["votes"] for option in seen["options"]] == [1, 2, 0]
    assert seen["options"][1]["share"] == pytest.approx(2 / 3, abs=1e-5)
    assert (await show.post(f"/polls/{poll_id}/extend", {"seconds": 30}))["ends_at"] > seen["ends_at"]
    assert (await show.post(f"/polls/{poll_id}/close"))["state"] == "closing"
    assert (await show.post(f"/polls/{poll_id}/close"))["state"] == "closing"
    await show.count(poll_id, rig)
    assert (await show.post(f"/polls/{poll_id}/close"))["state"] == "closed"
    revealed = await show.post(f"/polls/{poll_id}/reveal")
    assert (revealed["state"], revealed["winner"]) == ("revealed", 2)
    assert (await show.post(f"/polls/{poll_id}/dismiss"))["state"] == "revealed"
    exported = await show.client.get(f"/api/v1/polls/{poll_id}/export")
    assert exported.headers["content-type"] == "application/json"
    verdict = audit(exported.json())
    assert verdict.good, verdict
    assert verdict.rows == 3
    table = await show.client.get(f"/api/v1/polls/{poll_id}/export?format=csv")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert f'filename="poll-{poll_id}.csv"' in table.headers["content-disposition"]
    assert len(table.text.splitlines()) == 4
    again = await show.post(f"/polls/{poll_id}/again", status=201)
    assert again["state"] == "draft"
    assert again["definition_id"] != revealed["definition_id"]


async def test_a_wrong_state_is_named(rig: Rig, show: Show) -> None:
    poll_id = await show.draft()
    for act in ("close", "cancel", "reveal", "undo-cancel", "dismiss"):
        answer = await show.client.post(f"/api/v1/polls/{poll_id}/{act}")
        assert "draft" in wrong(answer, 409, "wrong_state")["detail"]
    wrong(await show.client.get(f"/api/v1/polls/{poll_id}/export"), 409, "wrong_state")
    await show.post(f"/polls/{poll_id}/launch")
    wrong(await show.client.post(f"/api/v1/polls/{poll_id}/launch"), 409, "wrong_state")
    wrong(await show.client.patch(f"/api/v1/polls/{poll_id}", json={"secret": True}), 409, "wrong_state")
    wrong(await show.client.delete(f"/api/v1/polls/{poll_id}"), 409, "wrong_state")
    other = await show.draft()
    wrong(await show.client.post(f"/api/v1/polls/{other}/launch"), 409, "already_running")


async def test_a_cancel_can_be_undone(show: Show) -> None:
    poll_id = await show.draft()
    await show.post(f"/polls/{poll_id}/launch")
    cancelled = await show.post(f"/polls/{poll_id}/cancel")
    assert cancelled["state"] == "cancelled"
    assert cancelled["undo_until"] is not None
    assert (await show.post(f"/polls/{poll_id}/cancel"))["state"] == "cancelled"
    assert (await show.post(f"/polls/{poll_id}/undo-cancel"))["state"] == "open"


async def test_a_secret_poll_shows_no_figures_before_the_reveal(rig: Rig, show: Show) -> None:
    poll_id = await show.draft(secret=True, grace_s=0)
    opened = await show.post(f"/polls/{poll_id}/launch")
    await show.vote("ana", "1", opened["opens_at"])

    def figures(poll: Any) -> list[Any]:
        return [option[name] for option in poll["options"] for name in ("votes", "weight", "share")]

    seen = await show.poll(poll_id)
    assert seen["total_votes"] == 1
    assert set(figures(seen)) == {None}
    assert seen["channels"][0]["votes"] is None
    wrong(await show.client.get(f"/api/v1/polls/{poll_id}/export"), 409, "secret")
    await show.post(f"/polls/{poll_id}/close")
    await show.count(poll_id, rig)
    closed = await show.poll(poll_id)
    assert (closed["winner"], set(figures(closed))) == (None, {None})
    revealed = await show.post(f"/polls/{poll_id}/reveal")
    assert revealed["winner"] == 1
    assert revealed["options"][0]["votes"] == 1


async def test_a_tie_waits_for_the_game_master(rig: Rig, show: Show) -> None:
    poll_id = await show.draft(grace_s=0)
    at = (await show.post(f"/polls/{poll_id}/launch"))["opens_at"]
    await show.vote("ana", "1", at)
    await show.vote("ben", "3", at)
    await show.post(f"/polls/{poll_id}/close")
    await show.count(poll_id, rig)
    seen = await show.poll(poll_id)
    assert (seen["tied"], seen["tie_pending"], seen["winner"]) == ([1, 3], True, None)
    wrong(await show.client.post(f"/api/v1/polls/{poll_id}/resolve", json={"winner": 2}), 409, "not_tied")
    wrong(await show.client.post(f"/api/v1/polls/{poll_id}/resolve"), 415, "media_type")
    resolved = await show.post(f"/polls/{poll_id}/resolve", {"winner": 3})
    assert (resolved["winner"], resolved["tie_pending"]) == (3, False)


async def test_a_draft_can_be_edited_moved_and_deleted(show: Show) -> None:
    rundown = await show.post(f"/campaigns/{show.campaign_id}/rundowns", {"name": "Tonight"}, 201)
    poll_id = await show.draft(grace_s=7, auto_reveal_s=5, rundown_id=rundown["id"])
    path = f"/api/v1/polls/{poll_id}"
    before = await show.poll(poll_id)
    changed = (
        await show.client.patch(path, json={"question": "  Which\u00a0 gate? ", "grace_s": None})
    ).json()
    same = {name for name in before if before[name] == changed[name]}
    assert set(before) - same == {"question", "grace_s"}
    assert changed["question"] == "Which gate?"
    assert changed["grace_s"] is None
    wrong(await show.client.patch(path, json={"question": None}), 422, "invalid")
    wrong(await show.client.patch(path, json={"rundown_id": show.campaign_id}), 422, "invalid")
    out = (await show.client.patch(path, json={"rundown_id": None})).json()
    assert out["rundown_id"] is None
    assert (await show.client.delete(path)).status_code == 204
    wrong(await show.client.get(path), 404, "not_found")


async def test_polls_are_listed_in_parts_and_by_state(show: Show) -> None:
    made = [await show.draft(question=f"Number {n}?") for n in range(5)]
    await show.post(f"/polls/{made[0]}/launch")

    async def listed(query: str) -> Any:
        answer = await show.client.get(f"{show.base}/polls?{query}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    first = await listed("state=draft&limit=3")
    assert [poll["id"] for poll in first["items"]] == made[:1:-1]
    rest = await listed(f"state=draft&limit=3&cursor={first['next']}")
    assert ([poll["id"] for poll in rest["items"]], rest["next"]) == ([made[1]], None)
    assert [poll["id"] for poll in (await listed("state=running"))["items"]] == [made[0]]
    assert (await listed("state=done"))["items"] == []
    exact = await listed("limit=5")
    assert (len(exact["items"]), exact["next"]) == (5, None)


async def test_a_rundown_keeps_its_order(show: Show) -> None:
    rundown = await show.post(f"/campaigns/{show.campaign_id}/rundowns", {"name": "Act one"}, 201)
    path = f"/api/v1/rundowns/{rundown['id']}"
    a, b, c = [await show.draft(question=q, rundown_id=rundown["id"]) for q in ("A?", "B?", "C?")]
    loose = await show.draft(question="Loose?")

    async def order(*wanted: str) -> list[str]:
        answer = await show.client.patch(path, json={"poll_ids": wanted})
        assert answer.status_code == 200, answer.text
        return [poll["id"] for poll in answer.json()["polls"]]

    assert await order(c, a, b) == [c, a, b]
    assert await order(b) == [b, c, a]
    assert await order(loose, a) == [loose, a, b, c]
    answer = await show.client.patch(path, json={"poll_ids": [a, show.campaign_id]})
    assert wrong(answer, 422, "invalid")["errors"][0]["path"] == "/poll_ids/1"
    await show.post(f"/polls/{loose}/launch")
    await show.post(f"/polls/{loose}/cancel")
    again = (await show.post(f"/polls/{loose}/again", status=201))["id"]
    listed = (await show.client.get(f"{show.base}/rundowns")).json()["items"]
    assert [poll["id"] for poll in listed[0]["polls"]] == [loose, a, b, c, again]
    assert (await show.client.patch(path, json={"name": "Act two"})).json()["name"] == "Act two"
    assert (await show.client.delete(path)).status_code == 204
    assert (await show.poll(a))["rundown_id"] is None


async def test_two_drafts_of_one_question_are_ordered_and_edited_apart(show: Show) -> None:
    rundown = await show.post(f"/campaigns/{show.campaign_id}/rundowns", {"name": "Act one"}, 201)
    first = await show.draft(rundown_id=rundown["id"], tie="random")
    between = await show.draft(question="Between?", rundown_id=rundown["id"])
    again = await show.post(f"/polls/{first}/again", status=201)
    assert (again["rundown_id"], again["tie"], again["grace_s"]) == (rundown["id"], "random", None)
    order = {"poll_ids": [again["id"], between, first]}
    answer = await show.client.patch(f"/api/v1/rundowns/{rundown['id']}", json=order)
    assert [poll["id"] for poll in answer.json()["polls"]] == order["poll_ids"]
    await show.client.patch(f"/api/v1/polls/{again['id']}", json={"question": "Which gate?", "secret": True})
    assert (await show.poll(first))["question"] == POLL["question"]
    # What is asked a third time is what stands in the draft it was asked from.
    third = await show.post(f"/polls/{first}/again", status=201)
    assert (third["question"], third["secret"]) == (POLL["question"], False)


async def test_asking_again_opens_the_defaults_that_a_launch_filled_in(show: Show) -> None:
    poll_id = await show.draft()
    assert (await show.post(f"/polls/{poll_id}/launch"))["grace_s"] == 3
    assert (await show.post(f"/polls/{poll_id}/again", status=201))["grace_s"] is None


_LAUNCH_OFTEN = """
    INSERT INTO poll_instances
    SELECT (jsonb_populate_record(i, jsonb_build_object(
        'id', gen_random_uuid(), 'opens_at', i.opens_at - n * interval '1 second'))).*
    FROM poll_instances AS i, generate_series(1, 60) AS n WHERE i.id = $1"""
_MAKE_OLD = "UPDATE poll_instances SET opens_at = opens_at - interval '25 hours' WHERE state = 'cancelled'"


async def test_a_rundown_does_not_grow_without_end(rig: Rig, show: Show) -> None:
    rundown = await show.post(f"/campaigns/{show.campaign_id}/rundowns", {"name": "Tonight"}, 201)
    asked = await show.draft(question="Asked?", rundown_id=rundown["id"])
    waiting = await show.draft(question="Waiting?", rundown_id=rundown["id"])
    runs = await show.draft(question="Running?", rundown_id=rundown["id"])
    await show.post(f"/polls/{asked}/launch")
    await show.post(f"/polls/{asked}/cancel")
    await show.post(f"/polls/{runs}/launch")

    async def listed() -> list[str]:
        items = (await show.client.get(f"{show.base}/rundowns")).json()["items"]
        return [poll["id"] for poll in items[0]["polls"]]

    assert await listed() == [asked, waiting, runs]
    async with rig.services.database.connection() as connection:
        await connection.execute(_LAUNCH_OFTEN, asked)
    seen = await listed()
    assert len(seen) == 52
    assert (asked in seen, seen[-2:]) == (True, [waiting, runs]), "the latest are kept"
    async with rig.services.database.connection() as connection:
        await connection.execute(_MAKE_OLD)
    assert await listed() == [waiting, runs]
    order = {"poll_ids": [runs, waiting]}
    await show.client.patch(f"/api/v1/rundowns/{rundown['id']}", json=order)
    assert await listed() == [runs, waiting]


async def test_a_copy_is_launched_of_drafts_only_and_leaves_nothing_behind(rig: Rig, show: Show) -> None:
    keep = {"keep_draft": True, "simulated": True}

    async def states() -> list[str]:
        items = (await show.client.get(f"{show.base}/polls")).json()["items"]
        return sorted(poll["state"] for poll in items)

    draft = await show.draft()
    copy = await show.post(f"/polls/{draft}/launch", keep)
    assert (copy["id"] != draft, copy["state"], await states()) == (True, "open", ["draft", "open"])
    # Running: another copy of the draft is refused, and so is a copy of what is no draft, then and later.
    wrong(await show.client.post(f"/api/v1/polls/{draft}/launch", json=keep), 409, "already_running")
    wrong(await show.client.post(f"/api/v1/polls/{copy['id']}/launch", json=keep), 409, "wrong_state")
    await show.post(f"/polls/{copy['id']}/cancel")
    wrong(await show.client.post(f"/api/v1/polls/{copy['id']}/launch", json=keep), 409, "wrong_state")
    assert await states() == ["cancelled", "draft"]

    async with rig.services.database.connection() as connection:
        await connection.execute("ALTER TABLE admin_log RENAME TO admin_log_away")
    assert (await show.client.post(f"/api/v1/polls/{draft}/launch", json=keep)).status_code == 500
    assert await states() == ["cancelled", "draft"]


async def test_templates_are_saved_beside_the_built_in_ones(show: Show) -> None:
    body = {**POLL, "label": "Doors", "settings": {"tie": "random", "auto_reveal_s": None}}
    saved = await show.post(f"/campaigns/{show.campaign_id}/poll-templates", body, 201)
    assert saved["settings"] == {"tie": "random", "auto_reveal_s": None}
    wrong(await show.client.post(f"{show.base}/poll-templates", json=body), 409, "label_taken")
    items = (await show.client.get(f"{show.base}/poll-templates")).json()["items"]
    assert [(item["label"], item["builtin"]) for item in items[:2]] == [("Doors", False), ("Yes / No", True)]
    # Every built-in one makes a poll.
    for item in items:
        fields = {name: item[name] for name in ("question", "options", "duration_s")}
        await show.draft(**fields, **item["settings"])
    assert (await show.client.delete(f"/api/v1/poll-templates/{saved['id']}")).status_code == 204
    wrong(await show.client.delete(f"/api/v1/poll-templates/{saved['id']}"), 404, "not_found")


LIMITS: list[tuple[str, Callable[[int], Any], int, int]] = [
    ("question", lambda n: "x" * n, 1, 120),
    ("options", lambda n: [f"o{i}" for i in range(n)], 2, 10),
    ("options", lambda n: ["x" * n, "y"], 1, 80),
    ("duration_s", lambda n: n, 10, 3600),
    ("grace_s", lambda n: n, 0, 60),
    ("hold_s", lambda n: n, 3, 600),
    ("auto_reveal_s", lambda n: n, 0, 600),
    ("cap_percent", lambda n: n, 1, 100),
]


async def test_limits_of_a_poll_at_below_and_above(show: Show) -> None:
    for field, value, least, most in LIMITS:
        statuses = [
            (await show.client.post(f"{show.base}/polls", json={**POLL, field: value(n)})).status_code
            for n in (least - 1, least, least + 1, most - 1, most, most + 1)
        ]
        assert statuses == [422, 201, 201, 201, 201, 422], field


async def test_limits_of_an_extension(show: Show) -> None:
    poll_id = await show.draft()
    await show.post(f"/polls/{poll_id}/launch")
    for seconds, status in ((4, 422), (5, 200), (3600, 200), (3601, 422)):
        answer = await show.client.post(f"/api/v1/polls/{poll_id}/extend", json={"seconds": seconds})
        assert answer.status_code == status, answer.text


async def test_nothing_is_guessed(show: Show) -> None:
    for body in [
        {**POLL, "duration_s": "60"},
        {**POLL, "duration_s": 60.0},
        {**POLL, "duration_s": True},
        {**POLL, "secret": 1},
        {**POLL, "surprise": 1},
        {**POLL, "question": "   "},
        {**POLL, "question": "\u200b\u202e"},
        {**POLL, "question": "a\x07b"},
        {**POLL, "options": "Left"},
        {**POLL, "tie": "dice"},
        {"question": "x"},
        [],
    ]:
        problem = wrong(await show.client.post(f"{show.base}/polls", json=body), 422, "invalid")
        assert problem["errors"]


async def test_a_rehearsal_needs_no_channel(rig: Rig) -> None:
    show = Show(rig.root, await rig.campaign("Empty"))
    poll_id = await show.draft()
    wrong(await show.client.post(f"/api/v1/polls/{poll_id}/launch"), 409, "no_channel")
    opened = await show.post(f"/polls/{poll_id}/launch", {"simulated": True})
    assert opened["simulated"] is True


async def test_an_export_names_nobody(rig: Rig, show: Show) -> None:
    poll_id = await show.draft(grace_s=0)
    at = (await show.post(f"/polls/{poll_id}/launch"))["opens_at"]
    await show.vote("secretive-sam", "1", at)
    for form in ("json", "csv"):
        text = (await show.client.get(f"/api/v1/polls/{poll_id}/export?format={form}")).text
        assert "secretive-sam" not in text
    assert json.loads((await show.client.get(f"/api/v1/polls/{poll_id}/export")).text)["rows"]


async def test_a_twitch_poll_is_written_down_told_and_refused_when_it_does_not_fit(
    rig: Rig, show: Show
) -> None:
    async with rig.services.database.connection() as connection:
        await channels.create(
            connection,
            campaign_id=UUID(show.campaign_id),
            platform="twitch",
            login="mossy_tavern",
            source="api",
            channel_id="700100200",
        )
    wide = await show.draft(native="points", points_per_vote=50, duration_s=3600, options=["A", "B" * 26])
    said = (await show.poll(wide))["native_unfit"]
    assert [words.split(" ")[0] for words in said] == ["Option", "A"]
    refused = await show.post(f"/polls/{wide}/launch", status=409)
    assert refused["detail"].startswith("Option 2 of a Twitch poll has 25 characters at most")
    assert (await show.poll(wide))["state"] == "draft"

    poll_id = await show.draft(native="points", points_per_vote=50, secret=True)
    assert (await show.poll(poll_id))["native_unfit"] == []
    opened = await show.post(f"/polls/{poll_id}/launch")
    assert (opened["native"], opened["points_per_vote"]) == ("points", 50)
    waiting = {
        "login": "mossy_tavern",
        "state": "wanted",
        "detail": "The Twitch poll is being started.",
        "votes": None,
        "points_votes": None,
    }
    assert opened["native_polls"] == [waiting]
    assert [channel["counts"] for channel in opened["channels"]] == ["chat", "chat", "points"]
    status = (await show.client.get(f"{show.base}/status")).json()
    assert status["poll"] == {"id": poll_id, "state": "open", "native_polls": [waiting]}
    waits = (await show.client.get(f"{show.base}/outbox?which=waiting")).json()["items"]
    assert [item["what"] for item in waits] == [
        "Start a poll on mossy_tavern's Twitch channel: “Which door?”"
    ]
    again = await show.post(f"/polls/{poll_id}/again", status=201)
    assert (again["native"], again["points_per_vote"], again["native_polls"]) == ("points", 50, [])
