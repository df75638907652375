"""A delivery is Twitch's or it is not: the vector of the document, and every way to change a delivery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from integrations.deliveries import NotGenuine
from integrations.twitch import eventsub_signature as signature
from integrations.twitch.eventsub_signature import ID, SIGNATURE, TIMESTAMP, check, sign
from tests.twitch_samples import VECTOR_BODY, VECTOR_HEADERS, VECTOR_SECRET

NOW = datetime(2026, 11, 20, 18, 30, 6, tzinfo=UTC)
SENT = datetime(2026, 11, 20, 18, 30, 5, 123456, tzinfo=UTC)


def refused(headers: dict[str, str], body: bytes = VECTOR_BODY, secret: str = VECTOR_SECRET) -> NotGenuine:
    with pytest.raises(NotGenuine) as refusal:
        check((secret,), headers, body, NOW)
    assert secret not in str(refusal.value)
    return refusal.value


def test_the_vector_of_the_document() -> None:
    delivery = check((VECTOR_SECRET,), VECTOR_HEADERS, VECTOR_BODY, NOW)
    assert (delivery.message_id, delivery.kind) == ("8d6c6a0e-hubbub-0001", "webhook_callback_verification")
    assert delivery.sent_at == SENT
    timestamp = VECTOR_HEADERS[TIMESTAMP]
    assert sign(VECTOR_SECRET, VECTOR_HEADERS[ID], timestamp, VECTOR_BODY) == VECTOR_HEADERS[SIGNATURE]


def test_an_older_secret_is_good_while_it_is_named() -> None:
    assert check(("a-newer-secret", VECTOR_SECRET), VECTOR_HEADERS, VECTOR_BODY, NOW)
    refused(dict(VECTOR_HEADERS), secret="a-newer-secret")


@pytest.mark.parametrize("name", [ID, TIMESTAMP, SIGNATURE])
def test_a_missing_header(name: str) -> None:
    refused({key: value for key, value in VECTOR_HEADERS.items() if key != name})
    refused({**VECTOR_HEADERS, name: ""})


@pytest.mark.parametrize(
    "forged",
    [
        "sha1=069ee2a741402aabcba5d3c4a5e204f9cfbe4e7879e5c449b9d6b32a0ba5692b",
        "069ee2a741402aabcba5d3c4a5e204f9cfbe4e7879e5c449b9d6b32a0ba5692b",
        "SHA256=069ee2a741402aabcba5d3c4a5e204f9cfbe4e7879e5c449b9d6b32a0ba5692b",
        "sha256=069EE2A741402AABCBA5D3C4A5E204F9CFBE4E7879E5C449B9D6B32A0BA5692B",
        "sha256=069ee2a741402aabcba5d3c4a5e204f9cfbe4e7879e5c449b9d6b32a0ba5692",
        "sha256=069ee2a741402aabcba5d3c4a5e204f9cfbe4e7879e5c449b9d6b32a0ba5692b ",
        "sha256=",
        "sha256=\u0660",
        "sha256=ÿ",
        "sha256=069ee2a741402aabcba5d3c4a5e204f9cfbe4e7879e5c449b9d6b32a0ba5692b,sha256=",
    ],
)
def test_a_signature_in_another_form(forged: str) -> None:
    refused({**VECTOR_HEADERS, SIGNATURE: forged})


def test_every_bit_counts() -> None:
    """Each bit of id, time and body, turned over, breaks the signature."""
    for name in (ID, TIMESTAMP):
        for at, letter in enumerate(VECTOR_HEADERS[name]):
            for bit in range(8):
                changed = (
                    VECTOR_HEADERS[name][:at] + chr(ord(letter) ^ 1 << bit) + VECTOR_HEADERS[name][at + 1 :]
                )
                refused({**VECTOR_HEADERS, name: changed})
    for at, byte in enumerate(VECTOR_BODY):
        for bit in range(8):
            changed_body = bytes((*VECTOR_BODY[:at], byte ^ 1 << bit, *VECTOR_BODY[at + 1 :]))
            refused(dict(VECTOR_HEADERS), changed_body)
    refused(dict(VECTOR_HEADERS), VECTOR_BODY + b"\n")
    refused(dict(VECTOR_HEADERS), b"")


def test_what_is_signed_may_not_be_moved_between_its_parts() -> None:
    """Without separators a letter could leave the id for the time: the time is then none."""
    id_, timestamp = VECTOR_HEADERS[ID], VECTOR_HEADERS[TIMESTAMP]
    moved = {**VECTOR_HEADERS, ID: id_ + timestamp[:1], TIMESTAMP: timestamp[1:]}
    assert not refused(moved).is_stale
    moved = {**VECTOR_HEADERS, ID: id_[:-1], TIMESTAMP: id_[-1:] + timestamp}
    assert not refused(moved).is_stale


@pytest.mark.parametrize(
    ("age", "is_believed"),
    [
        (signature.OLDEST, True),
        (signature.OLDEST + timedelta(milliseconds=1), False),
        (-signature.MOST_AHEAD, True),
        (-signature.MOST_AHEAD - timedelta(milliseconds=1), False),
        (timedelta(days=1), False),
        (-timedelta(days=1), False),
    ],
)
def test_only_what_is_fresh(age: timedelta, is_believed: bool) -> None:
    now = SENT + age
    if is_believed:
        assert check((VECTOR_SECRET,), VECTOR_HEADERS, VECTOR_BODY, now)
        return
    with pytest.raises(NotGenuine) as refusal:
        check((VECTOR_SECRET,), VECTOR_HEADERS, VECTOR_BODY, now)
    assert refusal.value.is_stale


def test_the_signature_is_looked_at_first() -> None:
    """A stale delivery with a wrong signature is a forged one."""
    with pytest.raises(NotGenuine) as refusal:
        check((VECTOR_SECRET,), VECTOR_HEADERS, VECTOR_BODY + b" ", SENT + timedelta(days=1))
    assert not refusal.value.is_stale


def test_an_id_that_cannot_be_one_is_refused_though_it_is_signed() -> None:
    for id_ in ("a b", "x" * 129, "é"):
        headers = {**VECTOR_HEADERS, ID: id_}
        headers[SIGNATURE] = sign(VECTOR_SECRET, id_, headers[TIMESTAMP], VECTOR_BODY)
        refused(headers)


def test_forged_at_random() -> None:
    random = Random(20_261_122)  # noqa: S311
    alphabet = "0123456789abcdef"
    for _ in range(2_000):
        forged = "sha256=" + "".join(random.choices(alphabet, k=64))
        body = random.randbytes(random.randrange(200))
        refused({**VECTOR_HEADERS, SIGNATURE: forged}, body)
