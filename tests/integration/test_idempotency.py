"""The same request twice has one effect and one answer, also at once and across a crash."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from server.vault import Vault
from server.web.app import create_app
from server.web.login import login_link
from sql.pool import Database
from tests.integration.web_rig import ORIGIN, Rig, rig_on, wrong


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path) as made:
        yield made


async def names(client: httpx2.AsyncClient) -> list[str]:
    return [item["name"] for item in (await client.get("/api/v1/campaigns")).json()["items"]]


async def create(client: httpx2.AsyncClient, key: str, body: Any) -> httpx2.Response:
    return await client.post("/api/v1/campaigns", json=body, headers={"idempotency-key": key})


async def test_a_repeat_gets_the_first_answer(rig: Rig) -> None:
    first = await create(rig.root, "k1", {"name": "Night"})
    again = await create(rig.root, "k1", {"name": "Night"})
    assert (again.status_code, again.json()) == (201, first.json())
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["content-type"] == "application/json"
    assert await names(rig.root) == ["Night"]
    # The value counts, not how it was written.
    spaced = await rig.root.post(
        "/api/v1/campaigns",
        content=b'{ "name":\n"Ni\\u0067ht" }',
        headers={"idempotency-key": "k1", "content-type": "application/json"},
    )
    assert spaced.json() == first.json()


async def test_another_request_with_the_key_is_refused(rig: Rig) -> None:
    campaign = (await create(rig.root, "k1", {"name": "Night"})).json()["id"]
    wrong(await create(rig.root, "k1", {"name": "Day"}), 409, "idempotency_key_reused")
    other = await rig.root.post(
        f"/api/v1/campaigns/{campaign}/rundowns", json={"name": "Night"}, headers={"idempotency-key": "k1"}
    )
    wrong(other, 409, "idempotency_key_reused")
    assert await names(rig.root) == ["Night"]


async def test_keys_of_different_people_do_not_meet(rig: Rig) -> None:
    stranger = await rig.browser(await rig.person("Ben"))
    first = await create(rig.root, "k1", {"name": "Night"})
    second = await create(stranger, "k1", {"name": "Night"})
    assert (second.status_code, second.json()["id"] == first.json()["id"]) == (201, False)


async def test_a_key_outlives_the_login_it_was_used_in(rig: Rig) -> None:
    first = await create(await rig.browser(), "k1", {"name": "Night"})
    assert (await create(await rig.browser(), "k1", {"name": "Night"})).json() == first.json()


async def test_many_at_once_have_one_effect(rig: Rig) -> None:
    answers = await asyncio.gather(*(create(rig.root, "k1", {"name": "Night"}) for _ in range(24)))
    made = [answer for answer in answers if answer.status_code == 201]
    assert made
    assert len({answer.json()["id"] for answer in made}) == 1
    for answer in answers:
        if answer.status_code != 201:
            wrong(answer, 409, "still_running")
            assert answer.headers["retry-after"] == "1"
    assert await names(rig.root) == ["Night"]


async def test_a_refusal_is_kept_too(rig: Rig) -> None:
    campaign = await rig.campaign()
    path = f"/api/v1/campaigns/{campaign}/overlays"
    headers = {"idempotency-key": "k2"}
    taken = (await rig.root.post(path, json={"name": "Main"})).json()["id"]
    wrong(await rig.root.post(path, json={"name": "Main"}, headers=headers), 409, "name_taken")
    await rig.root.delete(f"/api/v1/overlays/{taken}")
    again = await rig.root.post(path, json={"name": "Main"}, headers=headers)
    wrong(again, 409, "name_taken")
    assert again.headers["idempotency-replayed"] == "true"


async def test_what_was_never_tried_is_not_kept(rig: Rig) -> None:
    wrong(await create(rig.root, "k1", {"name": ""}), 422, "invalid")
    assert (await create(rig.root, "k1", {"name": "Night"})).status_code == 201


async def test_a_failure_of_ours_frees_the_key(rig: Rig) -> None:
    campaign = await rig.campaign()
    async with rig.services.database.connection() as connection:
        await connection.execute("ALTER TABLE poll_sessions RENAME TO poll_sessions_away")
    path, headers = f"/api/v1/campaigns/{campaign}/rundowns", {"idempotency-key": "k3"}
    wrong(await rig.root.post(path, json={"name": "Act"}, headers=headers), 500, "internal")
    async with rig.services.database.connection() as connection:
        await connection.execute("ALTER TABLE poll_sessions_away RENAME TO poll_sessions")
    assert (await rig.root.post(path, json={"name": "Act"}, headers=headers)).status_code == 201


async def test_a_holder_that_died_is_followed_after_its_lease(rig: Rig) -> None:
    await create(rig.root, "k1", {"name": "Night"})
    async with rig.services.database.connection() as connection:
        # As a crash between claim and commit leaves it: no effect, no answer, a lease.
        await connection.execute("UPDATE idempotency_keys SET status = NULL, answer = NULL")
        await connection.execute("DELETE FROM campaigns")
        await connection.execute(
            "UPDATE idempotency_keys SET locked_until = clock_timestamp() + interval '1 hour'"
        )
    wrong(await create(rig.root, "k1", {"name": "Night"}), 409, "still_running")
    async with rig.services.database.connection() as connection:
        await connection.execute(
            "UPDATE idempotency_keys SET locked_until = clock_timestamp() - interval '1 ms'"
        )
    wrong(await create(rig.root, "k1", {"name": "Day"}), 409, "idempotency_key_reused")
    assert (await create(rig.root, "k1", {"name": "Night"})).status_code == 201
    assert await names(rig.root) == ["Night"]


@pytest.mark.parametrize(("age", "same"), [("23:59:00", True), ("24:00:01", False)])
async def test_an_answer_is_kept_for_a_day(rig: Rig, age: str, same: bool) -> None:
    first = await create(rig.root, "k1", {"name": "Night"})
    async with rig.services.database.connection() as connection:
        await connection.execute(
            "UPDATE idempotency_keys SET created_at = created_at - $1::text::interval", age
        )
    again = await create(rig.root, "k1", {"name": "Night"})
    assert (again.json()["id"] == first.json()["id"]) is same


async def test_effect_and_answer_are_one_transaction(rig: Rig) -> None:
    """If the answer cannot be stored, nothing was done: a repeat cannot do it twice."""
    async with rig.services.database.connection() as connection:
        await connection.execute(
            """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN RAISE EXCEPTION 'disk full'; END $$"""
        )
        await connection.execute(
            """CREATE TRIGGER refuse BEFORE UPDATE ON idempotency_keys FOR EACH ROW
               WHEN (NEW.answer IS NOT NULL) EXECUTE FUNCTION refuse()"""
        )
    wrong(await create(rig.root, "k1", {"name": "Night"}), 500, "internal")
    assert await names(rig.root) == []
    async with rig.services.database.connection() as connection:
        await connection.execute("DROP TRIGGER refuse ON idempotency_keys")
    assert (await create(rig.root, "k1", {"name": "Night"})).status_code == 201


async def test_stored_answers_hold_no_readable_secret_and_do_not_move(rig: Rig) -> None:
    campaign = await rig.campaign()
    path = f"/api/v1/campaigns/{campaign}/overlays"
    made = [
        (await rig.root.post(path, json={"name": name}, headers={"idempotency-key": name})).json()
        for name in ("Main", "Side")
    ]
    async with rig.services.database.connection() as connection:
        stored = [bytes(row["answer"]) for row in await connection.fetch("SELECT * FROM idempotency_keys")]
        for secret in (made[0]["url"].partition("#k=")[2], "ovl_"):
            assert all(secret.encode() not in answer for answer in stored)
        # A thief with write access moves one answer to the row of another key.
        await connection.execute("UPDATE idempotency_keys SET answer = $1", stored[0])
    again = await rig.root.post(path, json={"name": "Side"}, headers={"idempotency-key": "Side"})
    moved = await rig.root.post(path, json={"name": "Main"}, headers={"idempotency-key": "Main"})
    assert sorted([again.status_code, moved.status_code]) == [201, 409]


async def test_answers_are_read_after_a_key_change_while_the_old_key_is_in_the_ring(rig: Rig) -> None:
    old, new = b"o" * 32, b"n" * 32

    def under(*ring: bytes) -> httpx2.AsyncClient:
        services = replace(rig.services, vault=Vault(ring))
        return replace(rig, services=services, app=create_app(services)).root

    first = await create(under(old), "k1", {"name": "Night"})
    assert (await create(under(new, old), "k1", {"name": "Night"})).json() == first.json()
    wrong(await create(under(new), "k1", {"name": "Night"}), 409, "answer_sealed")


async def test_a_repeated_login_gets_its_cookie_again(rig: Rig) -> None:
    link = await login_link(rig.services.database, rig.services.owner.id, ORIGIN)
    code, headers = {"code": link.partition("#code=")[2]}, {"idempotency-key": "login-1"}
    answers = [await rig.client().post("/api/v1/session", json=code, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].headers["set-cookie"] == answers[1].headers["set-cookie"]


async def test_a_malformed_key_is_refused(rig: Rig) -> None:
    for key in ["", " ", "a b", "x" * 256, "ä"]:
        answer = await rig.root.post(
            "/api/v1/campaigns", json={"name": "N"}, headers=[(b"idempotency-key", key.encode("latin-1"))]
        )
        wrong(answer, 400, "idempotency_key")


async def test_the_longest_key_is_taken(rig: Rig) -> None:
    assert (await create(rig.root, "x" * 255, {"name": "N"})).status_code == 201


async def test_every_post_takes_a_key(rig: Rig) -> None:
    campaign = await rig.campaign()
    base = f"/api/v1/campaigns/{campaign}"
    await rig.root.post(f"{base}/channels", json={"platform": "custom", "login": "a", "source": "api"})
    poll = (
        await rig.root.post(
            f"{base}/polls", json={"question": "?!x", "options": ["a", "b"], "duration_s": 10}
        )
    ).json()["id"]
    overlay = (await rig.root.post(f"{base}/overlays", json={"name": "Main"})).json()["id"]
    for number, (path, body) in enumerate(
        [
            (f"/api/v1/polls/{poll}/launch", {"simulated": False}),
            (f"/api/v1/polls/{poll}/cancel", {}),
            (f"/api/v1/polls/{poll}/undo-cancel", {}),
            (f"/api/v1/overlays/{overlay}/rotate", {}),
            (f"/api/v1/overlays/{overlay}/test", {}),
            ("/api/v1/live-tickets", {"campaign_id": campaign}),
            (f"{base}/events", []),
        ]
    ):
        headers = {"idempotency-key": f"n{number}"}
        first = await rig.root.post(path, json=body, headers=headers)
        again = await rig.root.post(path, json=body, headers=headers)
        assert first.is_success, f"{path}: {first.text}"
        assert again.headers["idempotency-replayed"] == "true"
        assert (again.status_code, again.content) == (first.status_code, first.content)
