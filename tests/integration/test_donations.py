"""Donation pages from end to end: connected, proved, forged, told again, rotated, revoked, tried out."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from server.engine.resealing import reseal
from server.rules.wiretime import to_wire
from server.vault import Vault
from server.web.vtt.standard_webhooks import key_of, sign
from sql import donations
from sql.pool import Database
from tests.integration.web_rig import Rig, rig_on, wrong
from tests.unit.donation_samples import (
    KOFI,
    KOFI_TEST,
    SOCKET_TIP,
    STREAMLABS,
    STREAMLABS_REST,
    WEBSOCKET_TIP,
    WIDGET_TIP,
    form,
)

TOKEN: str = KOFI["verification_token"]
ORDINARY = 64 * 1024
SECRETS = ("signing_secret", "token", "plain_url")


@pytest.fixture
async def rig(database: Database, tmp_path: Path, redis_url: str) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path, redis_url=redis_url) as made:
        yield made


class Page:
    """A connected page and its senders."""

    def __init__(self, rig: Rig, campaign: str, made: dict[str, Any]) -> None:
        self.rig, self.campaign, self.made = rig, campaign, made
        self.path = f"/webhooks/donations/{made['id']}"
        self.api = f"/api/v1/donation-connections/{made['id']}"

    async def post(self, raw: bytes, path: str | None = None, **headers: str) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.rig.client().post(path or self.path, content=raw, headers=named)

    async def form(self, told: Any) -> httpx2.Response:
        return await self.post(form(told), content_type="application/x-www-form-urlencoded")

    async def json(self, told: Any, token: str | None = None) -> httpx2.Response:
        return await self.post(
            json.dumps(told).encode(),
            content_type="application/json",
            authorization=f"Bearer {token or self.made['token']}",
        )

    async def signed(
        self, told: Any, *, secret: str | None = None, at: int | None = None, webhook_id: str = "d1"
    ) -> httpx2.Response:
        raw, at = json.dumps(told).encode(), int(time.time()) if at is None else at
        signature = sign(key_of(secret or self.made["signing_secret"]), webhook_id, at, raw)
        return await self.post(
            raw,
            content_type="application/json",
            webhook_id=webhook_id,
            webhook_timestamp=str(at),
            webhook_signature=signature,
        )

    async def feed(self) -> list[dict[str, Any]]:
        answer = await self.rig.root.get(f"/api/v1/campaigns/{self.campaign}/support")
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    async def act(self, what: str, body: Any = None) -> Any:
        answer = await self.rig.root.post(f"{self.api}/{what}", json=body)
        assert answer.is_success, answer.text
        return answer.json()


async def connected(rig: Rig, service: str, campaign: str | None = None) -> Page:
    campaign = campaign or await rig.campaign()
    body = {"service": service, "name": f"My {service}"}
    if service == "kofi":
        body["verification_token"] = TOKEN
    answer = await rig.root.post(f"/api/v1/campaigns/{campaign}/donation-connections", json=body)
    assert answer.status_code == 201, answer.text
    return Page(rig, campaign, answer.json())


def receipt(answer: httpx2.Response) -> tuple[int, int, int, int]:
    assert answer.status_code == 200, answer.text
    told = answer.json()
    return told["accepted"], told["duplicates"], len(told["ignored"]), len(told["rejected"])


async def test_a_donation_of_kofi_reaches_feed_and_stream_once(rig: Rig) -> None:
    page = await connected(rig, "kofi")
    assert [page.made[name] for name in SECRETS] == [None] * 3
    assert page.made["heard_at"] is None
    told = {**KOFI, "timestamp": to_wire(rig.services.clock())}
    assert receipt(await page.form(told)) == (1, 0, 0, 0)
    # Ko-fi repeats what it was not answered; another message of the same payment is the same payment, too.
    for again in (told, told, {**told, "message_id": "another", "amount": "3.00"}):
        assert receipt(await page.form(again)) == (0, 1, 0, 0)
    (entry,) = await page.feed()
    assert (entry["kind"], entry["platform"], entry["place"]) == ("donation", "kofi", "My kofi")
    assert entry["money"] == {"amount_minor": 300, "amount": "3.00", "currency": "EUR"}
    assert (entry["user"], entry["is_test"]) == ({"id": None, "login": "", "name": "Mossy Tavern"}, False)
    totals = (await rig.root.get(f"/api/v1/campaigns/{page.campaign}/support/totals")).json()
    assert totals["money"] == [entry["money"]]
    board = rig.changes[-1]
    assert "Mossy Tavern" in str(board)
    assert (await rig.root.get(page.api)).json()["heard_at"] is not None


async def test_a_test_of_kofi_is_marked_shown_each_time_and_counted_nowhere(rig: Rig) -> None:
    page = await connected(rig, "kofi")
    for _ in range(2):
        assert receipt(await page.form(KOFI_TEST)) == (1, 0, 0, 0)
    assert [entry["is_test"] for entry in await page.feed()] == [True, True]
    totals = (await rig.root.get(f"/api/v1/campaigns/{page.campaign}/support/totals")).json()
    assert totals["money"] == []


async def test_one_tip_told_in_every_form_is_one_tip(rig: Rig) -> None:
    page = await connected(rig, "streamelements")
    assert receipt(await page.signed(SOCKET_TIP)) == (1, 0, 0, 0)
    assert receipt(await page.signed(SOCKET_TIP)) == (0, 1, 0, 0), "replayed word for word"
    for told in (WEBSOCKET_TIP, WIDGET_TIP, WIDGET_TIP["detail"]):
        assert receipt(await page.json(told)) == (0, 1, 0, 0)
    assert receipt(await page.json({**SOCKET_TIP, "type": "follow"})) == (0, 0, 1, 0)
    assert receipt(await page.json({**SOCKET_TIP, "isMock": True})) == (1, 0, 0, 0)
    test, tip = await page.feed()
    assert (test["is_test"], tip["is_test"]) == (True, False)
    assert tip["money"] == {"amount_minor": 420, "amount": "4.20", "currency": "USD"}


async def test_streamlabs_by_token_in_header_or_address(rig: Rig) -> None:
    page = await connected(rig, "streamlabs")
    assert receipt(await page.json(STREAMLABS)) == (1, 0, 0, 0)
    raw = json.dumps(STREAMLABS_REST).encode()
    plain = page.made["plain_url"].removeprefix("http://127.0.0.1:8787")
    assert receipt(await page.post(raw, plain, content_type="application/json")) == (0, 1, 0, 0)
    two = {**STREAMLABS, "message": [{**STREAMLABS["message"][0], "id": n} for n in (1, 1, 2)]}
    assert receipt(await page.json(two)) == (2, 1, 0, 0)
    assert len(await page.feed()) == 3


async def test_what_is_forged_has_no_effect_and_takes_nothing_from_the_real_one(rig: Rig) -> None:
    """T17, T19: whoever guesses the id of a payment to come cannot use it up."""
    kofi, elements = await connected(rig, "kofi"), await connected(rig, "streamelements")
    unknown = Page(rig, kofi.campaign, {**elements.made, "id": "01933b3e-0000-7000-8000-000000000000"})
    strange: tuple[Any, ...] = (
        {**KOFI, "verification_token": "0" * 36},
        {**KOFI, "verification_token": TOKEN + "1"},
        {**KOFI, "verification_token": ""},
        {**KOFI, "verification_token": None},
        {**KOFI, "verification_token": [TOKEN]},
        {name: value for name, value in KOFI.items() if name != "verification_token"},
        [],
        "x",
    )
    for told in strange:
        wrong(await kofi.form(told), 401, "unauthorized")
    wrong(await kofi.form({**KOFI, "verification_token": "x" * 10_000}), 401, "unauthorized")
    # The token counts inside of the form only, and a page that Ko-fi speaks for has no signature of ours.
    wrong(await kofi.json(KOFI, TOKEN), 401, "unauthorized")
    wrong(await kofi.signed(KOFI, secret="whsec_" + "A" * 44), 401, "unauthorized")
    good = elements.made["signing_secret"]
    other = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    wrong(await elements.signed(SOCKET_TIP, secret=other), 401, "unauthorized")
    for moment in (int(time.time()) - 301, int(time.time()) + 302, 0):
        wrong(await elements.signed(SOCKET_TIP, at=moment), 401, "unauthorized")
    raw, at = json.dumps(SOCKET_TIP).encode(), str(int(time.time()))
    mac = hmac.digest(key_of(good), f"d1.{at}.".encode() + raw, "sha256")
    sha1 = hmac.digest(key_of(good), f"d1.{at}.".encode() + raw, hashlib.sha1)
    for body, signature in (
        (raw + b" ", "v1," + base64.b64encode(mac).decode()),
        (raw, "v2," + base64.b64encode(mac).decode()),
        (raw, "sha1=" + sha1.hex()),
        (raw, "v1," + base64.b64encode(bytes([mac[0] ^ 1]) + mac[1:]).decode()),
        (raw, "v1,"),
        (raw, ""),
    ):
        answer = await elements.post(
            body,
            content_type="application/json",
            webhook_id="d1",
            webhook_timestamp=at,
            webhook_signature=signature,
        )
        wrong(answer, 401, "unauthorized")
    token: str = elements.made["token"]
    for guess in ("don_", token[:-1], token + "x", token.upper(), TOKEN, "x" * 5000):
        wrong(await elements.json(SOCKET_TIP, guess), 401, "unauthorized")
    missing = wrong(await elements.post(raw, content_type="application/json"), 401, "unauthorized")
    nobody = wrong(await unknown.post(raw, content_type="application/json"), 401, "unauthorized")
    guessed = wrong(await elements.json(SOCKET_TIP, "don_guess"), 401, "unauthorized")
    assert missing == nobody == guessed, "who sends learns nothing of what is there"
    wrong(await unknown.signed(SOCKET_TIP), 401, "unauthorized")
    assert await kofi.feed() == await elements.feed() == []
    assert (await rig.root.get(elements.api)).json()["heard_at"] is None
    assert receipt(await kofi.form(KOFI)) == (1, 0, 0, 0)
    assert receipt(await elements.signed(SOCKET_TIP)) == (1, 0, 0, 0)


async def test_one_page_takes_no_ids_from_another_one(rig: Rig) -> None:
    mine = await connected(rig, "streamelements")
    theirs = await connected(rig, "streamelements", mine.campaign)
    wrong(await theirs.json(SOCKET_TIP, mine.made["token"]), 401, "unauthorized")
    assert receipt(await theirs.json({**SOCKET_TIP, "data": {**SOCKET_TIP["data"], "amount": 1}})) == (
        1,
        0,
        0,
        0,
    )
    assert receipt(await mine.json(SOCKET_TIP)) == (1, 0, 0, 0)
    assert {entry["money"]["amount_minor"] for entry in await mine.feed()} == {420, 100}


async def test_both_secrets_are_good_while_they_rotate(rig: Rig, database: Database) -> None:
    page = await connected(rig, "streamlabs")
    first = page.made

    def told(n: int) -> Any:
        return {"amount": "1", "currency": "EUR", "name": "Ana", "id": n}

    second = await page.act("rotate", {})
    assert second["older_secrets_until"] is not None
    for n, made in enumerate((first, second)):
        assert receipt(await page.json(told(10 + n), made["token"])) == (1, 0, 0, 0)
        assert receipt(await page.signed(told(20 + n), secret=made["signing_secret"])) == (1, 0, 0, 0)
    third = await page.act("rotate", {})
    wrong(await page.json(told(30), first["token"]), 401, "unauthorized")
    wrong(await page.signed(told(31), secret=first["signing_secret"]), 401, "unauthorized")
    assert receipt(await page.json(told(32), second["token"])) == (1, 0, 0, 0)
    async with database.connection() as connection:  # a day later
        await connection.execute("UPDATE donation_connections SET older_until = now() - interval '1 second'")
    wrong(await page.json(told(33), second["token"]), 401, "unauthorized")
    wrong(await page.signed(told(34), secret=second["signing_secret"]), 401, "unauthorized")
    assert receipt(await page.signed(told(35), secret=third["signing_secret"])) == (1, 0, 0, 0)
    async with database.connection() as connection:
        row = await connection.fetchrow("SELECT * FROM donation_connections")
    assert row is not None
    for made in (first, second, third):
        for secret in (made["signing_secret"], made["token"]):
            assert secret not in str(row)
            assert secret.encode() not in b"".join(
                value for value in row.values() if isinstance(value, bytes)
            )


async def test_another_token_of_kofi_and_a_revoked_page(rig: Rig) -> None:
    page = await connected(rig, "kofi")
    wrong(await rig.root.post(f"{page.api}/rotate", json={}), 422, "invalid")
    made = await page.act("rotate", {"verification_token": "another-token"})
    assert [made[name] for name in SECRETS] == [None] * 3
    other = {**KOFI, "verification_token": "another-token"}
    for n, told in enumerate((KOFI, other)):
        assert receipt(await page.form({**told, "kofi_transaction_id": f"p{n}"})) == (1, 0, 0, 0)
    assert (await page.act("revoke"))["status"] == "revoked"
    assert (await page.act("revoke"))["status"] == "revoked"
    for told in (KOFI, other):
        wrong(await page.form(told), 401, "unauthorized")
    wrong(await rig.root.post(f"{page.api}/test"), 409, "revoked")
    made = await page.act("rotate", {"verification_token": TOKEN})
    assert (made["status"], made["older_secrets_until"]) == ("active", None)
    wrong(await page.form(other), 401, "unauthorized")
    assert receipt(await page.form(KOFI)) == (1, 0, 0, 0)
    assert (await rig.root.delete(page.api)).status_code == 204
    wrong(await page.form({**KOFI, "kofi_transaction_id": "later"}), 401, "unauthorized")
    assert [entry["place"] for entry in await page.feed()] == [""] * 3, "what it told stays"


async def test_what_is_asked_of_a_new_page(rig: Rig) -> None:
    campaign = await rig.campaign()
    path = f"/api/v1/campaigns/{campaign}/donation-connections"
    for body in (
        {"service": "kofi", "name": "x"},
        {"service": "kofi", "name": "x", "verification_token": "short"},
        {"service": "kofi", "name": "x", "verification_token": "with a space"},
        {"service": "streamlabs", "name": "x", "verification_token": TOKEN},
        {"service": "paypal", "name": "x"},
        {"service": "streamlabs", "name": ""},
    ):
        wrong(await rig.root.post(path, json=body), 422, "invalid")
    for n in range(donations.MOST_PAGES):
        body = {"service": "streamlabs", "name": f"Page {n}"}
        assert (await rig.root.post(path, json=body)).status_code == 201
    wrong(await rig.root.post(path, json=body), 409, "too_many_pages")
    listed = (await rig.root.get(f"{path}?limit=15")).json()
    rest = (await rig.root.get(f"{path}?limit=15&cursor={listed['next']}")).json()
    names = [page["name"] for page in [*listed["items"], *rest["items"]]]
    assert names == [f"Page {n}" for n in range(20)]
    assert "don_" not in json.dumps(listed)
    assert "whsec_" not in json.dumps(listed)
    first = f"/api/v1/donation-connections/{listed['items'][0]['id']}"
    assert (await rig.root.patch(first, json={"name": "Tip jar"})).json()["name"] == "Tip jar"


@pytest.mark.parametrize("service", ["kofi", "streamelements", "streamlabs"])
async def test_the_test_button_goes_the_whole_way(rig: Rig, service: str) -> None:
    page = await connected(rig, service)
    for _ in range(3):
        assert (await rig.root.post(f"{page.api}/test")).status_code == 202
    assert [(one["is_test"], one["platform"]) for one in await page.feed()] == [(True, service)] * 3
    assert (await rig.root.get(page.api)).json()["heard_at"] is None, "nobody but we sent anything"


async def test_hostile_bodies(rig: Rig) -> None:
    kofi, labs = await connected(rig, "kofi"), await connected(rig, "streamlabs")
    assert (await kofi.post(b"data=" + b"x" * ORDINARY)).status_code == 413
    assert (await labs.json({"x": "x" * ORDINARY})).status_code == 413
    encoded = await labs.post(b"{}", content_encoding="gzip", authorization=f"Bearer {labs.made['token']}")
    assert encoded.status_code == 415
    plain = await labs.post(b"{}", content_type="text/plain", authorization=f"Bearer {labs.made['token']}")
    wrong(plain, 415, "media_type")
    for raw in (b"", b"{", b'{"a":1,"a":2}', b"[" * 2000, b'{"amount":NaN}', b"\xff"):
        answer = await labs.post(
            raw, content_type="application/json", authorization=f"Bearer {labs.made['token']}"
        )
        wrong(answer, 400, "not_json")
    strange: tuple[Any, ...] = ([], "x", 1, {}, {**STREAMLABS, "message": "x"})
    for told in (*strange, {**STREAMLABS, "message": [{"amount": -1}]}):
        wrong(await labs.json(told), 422, "invalid")
    # Ko-fi would send again and again what is refused: genuine, it never is.
    assert receipt(await kofi.form({**KOFI, "amount": "many"})) == (0, 0, 0, 1)
    assert receipt(await kofi.form({**KOFI, "type": "Shop Order"})) == (0, 0, 1, 0)
    for address in ("x", "%00", "../x", "01933B3E-0000-7000-8000-00000000000g", kofi.made["id"] + "/a/b"):
        answer = await rig.client().post(f"/webhooks/donations/{address}", content=form(KOFI))
        assert answer.status_code in (401, 404)
    assert await kofi.feed() == await labs.feed() == []


async def test_a_widget_on_another_site_may_send_and_read_the_answer(rig: Rig) -> None:
    page = await connected(rig, "streamelements")
    asked = {"origin": "https://widgets.example", "access-control-request-method": "POST"}
    answer = await rig.client().options(page.path, headers=asked)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "authorization" in answer.headers["access-control-allow-headers"]
    sent = await page.post(
        json.dumps(WIDGET_TIP).encode(),
        content_type="application/json",
        authorization=f"Bearer {page.made['token']}",
        origin="https://widgets.example",
    )
    assert receipt(sent) == (1, 0, 0, 0)
    assert sent.headers["access-control-allow-origin"] == "*"
    refused = await page.post(b"{}", origin="https://widgets.example")
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "*")


async def test_ten_a_second_and_sixty_at_once(rig: Rig) -> None:
    page, other = await connected(rig, "streamlabs"), await connected(rig, "streamlabs")

    async def send(n: int) -> int:
        return (await page.json({"amount": "1", "currency": "EUR", "name": "A", "id": n})).status_code

    answers = await asyncio.gather(*(send(n) for n in range(90)))
    assert set(answers) == {200, 429}
    assert 60 <= answers.count(200) < 90
    assert len(await page.feed()) == 50  # one page of the feed
    assert receipt(await other.json(STREAMLABS)) == (1, 0, 0, 0)
    forged = [await other.json(STREAMLABS, "don_forged") for _ in range(70)]
    assert {answer.status_code for answer in forged} == {401}, "who proves nothing uses up nothing"
    assert receipt(await other.json(STREAMLABS)) == (0, 1, 0, 0)


async def test_many_at_once_are_one(rig: Rig) -> None:
    page = await connected(rig, "kofi")
    answers = await asyncio.gather(*(page.form(KOFI) for _ in range(12)))
    assert sorted(receipt(answer)[:2] for answer in answers) == [(0, 1)] * 11 + [(1, 0)]
    (entry,) = await page.feed()
    assert entry["money"]["amount_minor"] == 300


async def test_secrets_are_sealed_anew_by_the_newest_key(rig: Rig, database: Database) -> None:
    """R21: also the older one, while it is good."""
    page = await connected(rig, "streamelements")
    newer = await page.act("rotate", {})
    old, ring = rig.services.vault, [b"n" * 32]
    both = Vault([*ring, *old._ring])
    assert await reseal(database, both) == (2, 0)
    assert await reseal(database, both) == (0, 0)
    async with rig_on(database, Path(rig.services.assets.build), vault=Vault(ring)) as later:
        moved = Page(later, page.campaign, page.made)
        assert receipt(await moved.signed(SOCKET_TIP)) == (1, 0, 0, 0)
        assert receipt(await moved.signed(SOCKET_TIP, secret=newer["signing_secret"])) == (0, 1, 0, 0)


async def test_a_page_of_a_deleted_show_is_not_there(rig: Rig) -> None:
    page = await connected(rig, "kofi")
    name = (await rig.root.get(f"/api/v1/campaigns/{page.campaign}")).json()["name"]
    gone = await rig.root.post(f"/api/v1/campaigns/{page.campaign}/delete", json={"name": name})
    assert gone.is_success, gone.text
    wrong(await page.form(KOFI), 401, "unauthorized")


async def test_money_that_could_not_be_stored_is_asked_for_again(rig: Rig, database: Database) -> None:
    """503, and the same delivery later is the first one: nothing of it was kept (supporters.md)."""
    page = await connected(rig, "kofi")
    async with database.connection() as connection:
        await connection.execute(
            """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
               BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$"""
        )
        await connection.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON monetization_events EXECUTE FUNCTION refuse()"
        )
    assert (await page.form(KOFI)).status_code == 503
    async with database.connection() as connection:
        await connection.execute("DROP TRIGGER refuse ON monetization_events")
    assert receipt(await page.form(KOFI)) == (1, 0, 0, 0)
    assert len(await page.feed()) == 1
