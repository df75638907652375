"""What the dice webhook answers to what (contract §6), to hostile bodies in particular."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog
from prometheus_client import generate_latest

from server.live.rate_limit import RateLimiter
from server.telemetry import REGISTRY
from server.web.vtt.webhook import ROLLS_OF_A_TOKEN
from sql.pool import Database
from tests.integration.vtt_rig import Table, roll, table
from tests.integration.web_rig import Rig, rig_on, wrong

SAMPLES = Path(__file__).parents[1] / "data" / "vtt"
KIB = 1024


@pytest.fixture
async def rig(database: Database, tmp_path: Path, redis_url: str) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path, redis_url=redis_url) as made:
        yield made


@pytest.fixture
async def made(rig: Rig) -> Table:
    return await table(rig)


def receipt(answer: httpx2.Response, status: int) -> tuple[int, int, list[int]]:
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert set(told) == {"accepted", "duplicates", "rejected"}
    return told["accepted"], told["duplicates"], [one["index"] for one in told["rejected"]]


async def test_one_roll_and_twenty(made: Table) -> None:
    assert receipt(await made.signed(roll("one")), 202) == (1, 0, [])
    for number in (1, 19, 20):
        batch = {"rolls": [roll(f"{number}-{n}") for n in range(number)]}
        assert receipt(await made.by_token(batch), 202) == (number, 0, [])
    for number in (0, 21, 1000):
        small = {"rolls": [{"schema": "hubbub.dice_roll/1"}] * number}
        wrong(await made.by_token(small), 422, "invalid")
    found = await made.rolls()
    assert [one["roll_id"] for one in found[::-1]] == [
        "one",
        *(f"{number}-{n}" for number in (1, 19, 20) for n in range(number)),
    ], "in the order in which they came"


async def test_the_same_again_has_no_effect(made: Table) -> None:
    assert receipt(await made.signed(roll("a"), webhook_id="d1"), 202) == (1, 0, [])
    assert receipt(await made.signed(roll("a"), webhook_id="d1"), 200) == (0, 1, []), "the delivery"
    assert receipt(await made.signed(roll("a"), webhook_id="d2"), 200) == (0, 1, []), "the roll"
    assert receipt(await made.signed(roll("b"), webhook_id="d1"), 200) == (0, 1, []), "whatever is in it"
    assert receipt(await made.by_token(roll("b"), webhook_id="d1"), 202) == (1, 0, []), (
        "a token cannot use up the ids of a server, nor a server those of a token"
    )
    assert receipt(await made.by_token(roll("c"), webhook_id="d1"), 200) == (0, 1, [])
    assert receipt(await made.by_token(roll("c"), idempotency_key="d3"), 202) == (1, 0, [])
    assert receipt(await made.by_token({"rolls": [roll("c"), roll("d")]}), 202) == (1, 1, [])
    assert [one["roll_id"] for one in await made.rolls()] == ["d", "c", "b", "a"]


async def test_a_delivery_without_effect_uses_up_no_id(made: Table) -> None:
    """What was refused may be mended and sent again; a forged one takes nothing from the real one (T19)."""
    wrong(await made.signed(roll("a", total="24"), webhook_id="d1"), 422, "invalid")
    wrong(await made.signed(roll("a"), webhook_id="d1", secret="whsec_" + "A" * 44), 401, "unauthorized")
    wrong(await made.signed(roll("a"), webhook_id="d1", at=0), 401, "unauthorized")
    assert receipt(await made.signed(roll("a"), webhook_id="d1"), 202) == (1, 0, [])


async def test_a_revision_replaces(made: Table) -> None:
    assert receipt(await made.signed(roll("a", revision=2)), 202) == (1, 0, [])
    assert receipt(await made.signed(roll("a", revision=1, total=3)), 200) == (0, 1, [])
    assert receipt(await made.signed(roll("a", revision=3, total=25)), 202) == (1, 0, [])
    (found,) = await made.rolls()
    assert (found["revision"], found["total"]) == (3, 25)


async def test_good_ones_of_a_batch_are_taken(made: Table) -> None:
    batch = {"rolls": [roll("a"), roll("b", total="24"), 5, roll("d"), roll("e", kind="dance")]}
    answer = await made.signed(batch)
    assert receipt(answer, 202) == (2, 0, [1, 2, 4])
    assert [one["reason"] for one in answer.json()["rejected"]] == [
        "/rolls/1/total must be a number",
        "/rolls/2 must be an object",
        answer.json()["rejected"][2]["reason"],
    ]
    assert "/rolls/4/kind" in answer.json()["rejected"][2]["reason"]
    assert receipt(await made.signed(batch), 202) == (0, 2, [1, 2, 4])


async def test_all_that_is_wrong_is_told(made: Table) -> None:
    body = wrong(
        await made.signed(roll("a", total="24", notation="", visibility="public", groups=7)), 422, "invalid"
    )
    assert {one["path"] for one in body["errors"]} == {"/total", "/notation", "/groups"}


async def test_who_proves_nothing_is_not_told_why(rig: Rig, made: Table) -> None:
    unknown = Table(rig, made.campaign, made.made | {"id": "01933b3e-0000-7000-8000-000000000000"})
    revoked = await table(rig)
    await rig.root.post(f"{revoked.api}/revoke")
    bad_token = {"token": "ing_" + "x" * 43}
    answers = []
    for one in (made, unknown, revoked):
        answers.append(
            [
                wrong(await one.by_token(roll(), **bad_token), 401, "unauthorized"),
                wrong(await one.signed(roll(), secret="whsec_" + "A" * 44), 401, "unauthorized"),
                wrong(await one.post(b"{}"), 401, "unauthorized"),
                wrong(await one.post(b"{}", authorization="Basic Zm9v"), 401, "unauthorized"),
                wrong(await one.post(b"{}", authorization="Bearer"), 401, "unauthorized"),
                wrong(await one.post(b"{}", authorization="Bearer " + "x" * 4000), 401, "unauthorized"),
            ]
        )
    assert answers[0] == answers[1] == answers[2]
    other = await table(rig)
    wrong(await made.by_token(roll(), token=other.made["ingest_token"]), 401, "unauthorized")
    wrong(await made.signed(roll(), secret=other.made["signing_secret"]), 401, "unauthorized")
    wrong(await made.by_token(roll(), token=made.made["signing_secret"]), 401, "unauthorized")
    for bad in ("1", "..", "%00", "a" * 200):
        client = rig.client()
        assert (await client.post(f"/webhooks/vtt/{bad}", json={})).status_code in (401, 404)
    assert await made.rolls() == []


async def test_a_forged_signature_is_not_saved_by_a_token(made: Table) -> None:
    bearer = f"Bearer {made.made['ingest_token']}"
    answer = await made.signed(roll(), secret="whsec_" + "A" * 44, authorization=bearer)
    wrong(answer, 401, "unauthorized")


async def test_the_token_opens_nothing_else(rig: Rig, made: Table) -> None:
    """Whoever reads it in the settings of a world can send dice, and nothing more (T21)."""
    for secret in (made.made["ingest_token"], made.made["signing_secret"]):
        client = rig.client(key=secret)
        for path in ("/api/v1/campaigns", f"/api/v1/campaigns/{made.campaign}/rolls", made.api):
            wrong(await client.get(path), 401, "unauthorized")
    wrong(await rig.client().get(made.path), 405, "wrong_method")


async def test_size_of_a_body(made: Table) -> None:
    core = json.dumps(roll("x")).encode()
    for size, taken in ((64 * KIB - 1, True), (64 * KIB, True), (64 * KIB + 1, False), (2000 * KIB, False)):
        body = core + b" " * (size - len(core))
        answer = await made.signed(body)
        if taken:
            assert answer.status_code in (200, 202), answer.text
        else:
            wrong(answer, 413, "too_large")


async def test_depth_of_json(made: Table) -> None:
    """A roll is an object at depth 1; what is in an unknown field of it may be 15 deep."""
    for levels, status in ((14, 202), (15, 202), (16, 400), (20_000, 400)):
        deep = b"[" * levels + b"]" * levels
        body = json.dumps(roll()).encode()[:-1] + b', "other": ' + deep + b"}"
        answer = await made.signed(body)
        assert answer.status_code == status, f"{levels}: {answer.text}"


async def test_dice_in_a_roll(made: Table) -> None:
    def pool(dice: int, sides: int = 6) -> dict[str, Any]:
        fallen = [{"value": 1, "state": "kept"}] * dice
        groups = [{"sides": sides, "count": min(dice, 1000), "dice": fallen}]
        return roll(notation=f"{dice}d{sides}", groups=groups, modifiers=[], total=dice)

    for dice, status in ((999, 202), (1000, 202), (1001, 422)):
        assert (await made.signed(pool(dice))).status_code == status
    for sides, status in ((9_999, 202), (10_000, 202), (10_001, 422)):
        assert (await made.signed(pool(1, sides))).status_code == status
    # Ten thousand dice do not fit into a body, unless they are no dice.
    wrong(await made.signed(pool(10_000)), 413, "too_large")
    wrong(await made.signed(roll(groups=[{"sides": 6, "count": 1, "dice": [1] * 10_000}])), 422, "invalid")


async def test_numbers(made: Table) -> None:
    largest = 2**53 - 1
    for total, status in (
        (largest - 1, 202),
        (largest, 202),
        (largest + 1, 400),
        (-largest, 202),
        (-largest - 1, 400),
        (10**30, 400),
    ):
        answer = await made.signed(json.dumps(roll(total=total)).encode())
        assert answer.status_code == status, f"{total}: {answer.text}"
    for literal in (b"NaN", b"Infinity", b"1e400", b"9" * 5000, b"0x10", b"01"):
        body = json.dumps(roll()).encode().replace(b'"total": 24', b'"total": ' + literal)
        wrong(await made.signed(body), 400, "not_json")


async def test_json_is_strict(made: Table) -> None:
    good = json.dumps(roll("x")).encode()
    for body in (
        b"",
        b"{",
        b"null null",
        b"\xef\xbb\xbf" + good,
        b"\xff" + good,
        good.replace(b'"total": 24', b'"total": 24, "total": 25'),
        good.replace(b'"value": 17', b'"value": 17, "value": 20'),
        good.replace(b"Longbow", b"Long\\u0000bow"),
        good.replace(b"Longbow", b"Long\x00bow"),
        good.replace(b"Longbow", b"\\ud800"),
    ):
        wrong(await made.signed(body), 400, "not_json")
    for body in (b"null", b"5", b'"x"', b"[]", b"{}", b"true"):
        wrong(await made.signed(body), 422, "invalid")
    assert await made.rolls() == []


async def test_only_plain_json(made: Table) -> None:
    body = json.dumps(roll("x")).encode()
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "",
                         "application/json; charset=utf-16", "application/problem+json"):  # fmt: skip
        wrong(await made.signed(body, content_type=content_type), 415, "media_type")
    for encoding in ("gzip", "deflate", "br", "identity, gzip"):
        wrong(await made.signed(gzip.compress(body), content_encoding=encoding), 415, "content_encoding")
    wrong(await made.signed(gzip.compress(body)), 400, "not_json")
    for content_type in ("application/json; charset=utf-8", "Application/JSON"):
        assert (await made.signed(body, content_type=content_type)).status_code in (200, 202)


async def test_who_has_not_proven_anything_is_told_nothing_of_the_body(made: Table) -> None:
    for body, content_type in ((b"{", "application/json"), (b"{}", "text/plain")):
        wrong(await made.post(body, content_type=content_type), 401, "unauthorized")


async def test_thirty_a_second_and_sixty_at_once(database: Database, tmp_path: Path) -> None:
    """By a clock that stands, so that it is exact; test_token_bucket has it with Redis."""
    now = 0.0
    async with rig_on(database, tmp_path, limiter=RateLimiter(None, clock=lambda: now)) as rig:
        made = await table(rig)
        statuses = [(await made.by_token(roll())).status_code for _ in range(60)]
        assert statuses == [202] * 60, "up to the burst"
        late = await made.by_token(roll("late"))
        wrong(late, 429, "too_many")
        assert late.headers["retry-after"] == "1"
        other = await table(rig, made.campaign)
        assert (await other.by_token(roll())).status_code == 202, "each table for itself"
        now = 1.001
        statuses = [(await made.by_token(roll())).status_code for _ in range(31)]
        assert statuses == [202] * 30 + [429], "a second later"
        found = await made.rolls()
        assert "late" not in [one["roll_id"] for one in found]


async def test_six_thousand_rolls_an_hour_of_a_token(database: Database, tmp_path: Path) -> None:
    """Guests of a table have its token; what a server signs is not counted, nor what another table sends."""
    now = 0.0
    async with rig_on(database, tmp_path, limiter=RateLimiter(None, clock=lambda: now)) as rig:
        made = await table(rig)

        async def used(rolls: int) -> None:
            verdict = await rig.services.limiter.take(ROLLS_OF_A_TOKEN, made.id, rolls)
            assert verdict.allowed

        await used(5_980)
        batch = {"rolls": [roll(f"r{n}") for n in range(20)]}
        assert (await made.by_token(batch)).status_code == 202, "up to it"
        late = await made.by_token(roll("late"))
        wrong(late, 429, "too_many_rolls")
        assert late.headers["retry-after"] == "3600"
        assert (await made.signed(roll("signed"))).status_code == 202
        other = await table(rig, made.campaign)
        assert (await other.by_token(roll())).status_code == 202, "each table for itself"
        assert "late" not in [one["roll_id"] for one in await made.rolls()]
        now = 3_601.0
        await used(5_981)
        wrong(await made.by_token(batch), 429, "too_many_rolls")  # all of it or nothing


async def test_a_stranger_cannot_use_up_a_tables_deliveries(made: Table) -> None:
    forged = [await made.signed(roll(), secret="whsec_" + "A" * 44) for _ in range(100)]
    assert {answer.status_code for answer in forged} == {401}
    assert (await made.signed(roll())).status_code == 202


async def test_a_sender_that_takes_nothing_but_an_address(rig: Rig) -> None:
    made = await table(rig, system="discord", visibility="public")
    message = json.loads((SAMPLES / "discord-webhook.json").read_text("utf-8"))
    path = str(made.made["plain_url"]).removeprefix("http://127.0.0.1:8787")
    answer = await rig.client().post(path + "?wait=true", json=message)
    assert receipt(answer, 202)[0] > 0
    assert {one["system"] for one in await made.rolls()} == {"discord"}
    wrong(await rig.client().post(path[:-1] + "_", json=message), 401, "unauthorized")


@pytest.mark.parametrize(
    ("system", "sample", "rolls"),
    [
        ("foundry", "foundry-message", 1),
        ("beyond20", "beyond20-rendered-roll", 2),
        ("dddice", "dddice-roll", 1),
        ("dndbeyond", "dndbeyond-fulfilled", 1),
        ("roll20", "roll20-rollresult", 1),
        ("roll20", "roll20-inline", 2),
        ("owlbear", "owlbear-roll-result", 1),
        ("event_hooker", "event-hooker", 1),
        ("discord", "discord-webhook", 1),
    ],
)
async def test_each_system_in_its_own_form(rig: Rig, system: str, sample: str, rolls: int) -> None:
    made = await table(rig, system=system)
    message = json.loads((SAMPLES / f"{sample}.json").read_text("utf-8"))
    if system == "beyond20":  # neither has an id of its own, so that they are told apart by when they fell
        message = {"request": message, "timestamp": int(time.time() * 1000)}
    elif system == "roll20":
        message["_id"] = "m1"
    answer = await made.by_token(message)
    accepted, _, _ = receipt(answer, 202)
    assert accepted == rolls == len(await made.rolls())
    again = await made.by_token(message)
    if system != "discord":  # its bodies have no id, and a table does roll the same twice
        assert again.status_code == 200, again.text
    wrong(await made.by_token({"unrelated": True}), 422, "invalid")


async def test_a_line_of_a_log(rig: Rig) -> None:
    made = await table(rig, system="fantasygrounds", visibility="public")
    line = {"line": "Rook: 2d20kh1+7 = 24", "id": "17"}
    assert receipt(await made.by_token(line), 202) == (1, 0, [])
    assert receipt(await made.by_token(line), 200) == (0, 1, [])
    (found,) = await made.rolls()
    assert (found["player_name"], found["total"], found["visibility"]) == ("Rook", 24, "public")
    wrong(await made.by_token({"line": "Rook says hello"}), 422, "invalid")


async def test_who_may_see_it_where_the_sender_cannot_say(rig: Rig) -> None:
    for visibility in ("public", "gm_only"):
        made = await table(rig, system="event_hooker", visibility=visibility)
        message = json.loads((SAMPLES / "event-hooker.json").read_text("utf-8"))
        await made.by_token(message)
        (found,) = await made.rolls()
        assert found["visibility"] == visibility


async def test_nothing_of_a_secret_roll_is_written_anywhere(rig: Rig, made: Table) -> None:
    """Not even where the sender got it wrong, and not in what browsers get (fact 3)."""
    planted = {"label": "Hush-label", "notation_native": "Hush-native"}
    actor = {"player_name": "Hush-player", "character_name": "Hush-character"}
    source = {"system": "foundry", "instance_id": "Hush-world", "ref": "Hush-ref"}
    with structlog.testing.capture_logs() as logged:
        for visibility in ("gm_only", "blind", "self", "whisper", "unheard-of", None):
            sent = roll(f"Hush-{visibility}", actor=actor, source=source, total=987654, **planted)
            sent["visibility"] = visibility
            sent["modifiers"] = [{"value": 987637}]
            assert receipt(await made.signed(sent), 202) == (1, 0, [])
        wrong(await made.signed(roll("Hush-x", total="Hush", label="Hush-label")), 422, "invalid")
    assert "Hush" not in repr(logged)
    assert "Hush" not in generate_latest(REGISTRY).decode()
    shown = repr(rig.changes)
    assert "Hush" not in shown
    assert "98765" not in shown
    assert "987637" not in shown
    assert {one["total"] for one in await made.rolls()} == {987654}, "the game master sees them"


async def test_a_database_that_is_away(rig: Rig, made: Table) -> None:
    await rig.services.database.close()
    for answer in (await made.signed(roll()), await made.by_token(roll(), origin="https://vtt.example")):
        wrong(answer, 503, "database_away")
        assert answer.headers["retry-after"] == "2"
    assert answer.headers["access-control-allow-origin"] == "*"
