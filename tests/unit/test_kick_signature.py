"""Who signed a delivery of Kick: the vector of platforms/kick.md §4.3, keys made here, and every mutation."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from integrations.deliveries import Delivery, NotGenuine
from integrations.kick import signature
from integrations.kick.signature import (
    DOCUMENTED,
    MOST_AGE,
    MOST_AHEAD,
    NotAKey,
    check,
    configured_key,
    fingerprint,
    key_from,
    pem_of,
)
from tests.kick_samples import VECTOR_BODY, VECTOR_HEADERS, VECTOR_KEY

NOW = datetime(2026, 11, 20, 18, 30, 6, tzinfo=UTC)
KEY = rsa.generate_private_key(65537, 2048)
OTHER = rsa.generate_private_key(65537, 2048)
BODY = b'{"message_id":"km-1","content":"!vote 2"}'


def signed(
    body: bytes = BODY,
    *,
    key: rsa.RSAPrivateKey = KEY,
    id_: str = "01KCHUBBUB0000000000000002",
    at: str = "2026-11-20T18:30:05.25Z",
    hashing: hashes.HashAlgorithm | None = None,
    padded: padding.AsymmetricPadding | None = None,
) -> dict[str, str]:
    """Headers as Kick would send them, made without a line of Hubbub's."""
    signature = key.sign(
        f"{id_}.{at}.".encode() + body, padded or padding.PKCS1v15(), hashing or hashes.SHA256()
    )
    return {
        "kick-event-message-id": id_,
        "kick-event-subscription-id": "01KCSUBCHAT00000000000001",
        "kick-event-signature": base64.b64encode(signature).decode(),
        "kick-event-message-timestamp": at,
        "kick-event-type": "chat.message.sent",
        "kick-event-version": "1",
    }


def refused(headers: Mapping[str, str], body: bytes = BODY, now: datetime = NOW) -> NotGenuine:
    with pytest.raises(NotGenuine) as caught:
        check([KEY.public_key()], headers, body, now)
    return caught.value


def test_the_vector_of_the_document() -> None:
    found = check([key_from(VECTOR_KEY)], VECTOR_HEADERS, VECTOR_BODY, NOW)
    assert found == Delivery(
        "01KCHUBBUB0000000000000001",
        "event",
        "chat.message.sent",
        "1",
        datetime(2026, 11, 20, 18, 30, 5, tzinfo=UTC),
    )
    with pytest.raises(NotGenuine):
        check([key_from(DOCUMENTED)], VECTOR_HEADERS, VECTOR_BODY, NOW)


def test_a_genuine_delivery_under_any_of_the_keys() -> None:
    keys = [OTHER.public_key(), KEY.public_key()]
    assert check(keys, signed(), BODY, NOW).message_id == "01KCHUBBUB0000000000000002"
    assert check(keys, signed(key=OTHER), BODY, NOW).type == "chat.message.sent"


def test_no_key_no_belief() -> None:
    with pytest.raises(NotGenuine):
        check([], signed(), BODY, NOW)


# --- each mutation of header, body, time and key is refused ---------------------------------------------


@pytest.mark.parametrize("name", ["id", "signature", "timestamp"])
def test_a_header_that_is_missing(name: str) -> None:
    headers = signed()
    del headers["kick-event-message-" + name if name != "signature" else "kick-event-signature"]
    refused(headers)
    refused(headers | {"kick-event-signature": ""})


def spelled_otherwise(text: str) -> Iterator[str]:
    """A signature with one character changed, left out or added, at every place."""
    random = Random(text)  # noqa: S311
    for place, old in enumerate(text):
        others = [
            c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_ \n" if c != old
        ]
        yield text[:place] + random.choice(others) + text[place + 1 :]
        yield text[:place] + text[place + 1 :]
        yield text[:place] + random.choice(others) + text[place:]
    # Base64 drops the last bits of the last character: of sixteen spellings fifteen are none.
    at = text.index("=") - 1
    for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/":
        if c != text[at]:
            yield text[:at] + c + text[at + 1 :]
    yield from (text + "\n", " " + text, text.rstrip("="), text + "=", text + "," + text, "é" + text)


def test_a_signature_has_one_spelling() -> None:
    headers = signed()
    text = headers["kick-event-signature"]
    tried = 0
    for other in spelled_otherwise(text):
        refused(headers | {"kick-event-signature": other})
        tried += 1
    assert tried > 1000


def test_every_bit_of_the_body_counts() -> None:
    headers = signed()
    for place in range(len(BODY)):
        for bit in range(8):
            refused(headers, BODY[:place] + bytes([BODY[place] ^ 1 << bit]) + BODY[place + 1 :])
    for other in (b"", BODY + b" ", BODY[:-1], b" " + BODY, BODY * 2):
        refused(headers, other)


@pytest.mark.parametrize("name", ["kick-event-message-id", "kick-event-message-timestamp"])
def test_every_character_of_id_and_time_counts(name: str) -> None:
    headers = signed()
    text = headers[name]
    for place, old in enumerate(text):
        for other in "0123456789AZaz.:-+T é\n":
            if other != old:
                refused(headers | {name: text[:place] + other + text[place + 1 :]})
        refused(headers | {name: text[:place] + text[place + 1 :]})


def test_the_border_between_id_and_time_and_body_does_not_move() -> None:
    headers = signed(at="2026-11-20T18:30:05.25Z")
    id_ = headers["kick-event-message-id"]
    refused(
        headers
        | {"kick-event-message-id": f"{id_}.2026-11-20T18:30:05", "kick-event-message-timestamp": "25Z"}
    )
    refused(headers | {"kick-event-message-timestamp": "2026-11-20T18:30:05"}, b"25Z." + BODY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "1795207205",
        "2026-11-20 18:30:05Z",
        "2026-11-20T18:30:05",
        "0001-01-01T00:00:00Z",
        "9" * 99,
    ],
)
def test_a_time_that_is_none_is_refused_though_signed(text: str) -> None:
    refused(signed(at=text))


def test_another_key() -> None:
    refused(signed(key=OTHER))


def test_another_algorithm() -> None:
    refused(signed(hashing=hashes.SHA1()))  # noqa: S303
    refused(signed(hashing=hashes.SHA512()))
    refused(signed(padded=padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)))


@pytest.mark.parametrize("text", ["x" * 129, "a b", "a\x00", "", "é"])
def test_an_id_that_could_not_be_stored_is_refused_though_signed(text: str) -> None:
    refused(signed(id_=text))


# --- age ------------------------------------------------------------------------------------------------


def written(at: datetime) -> str:
    return at.isoformat()


def test_too_old_and_from_the_future() -> None:
    second = timedelta(seconds=1)
    keys = [KEY.public_key()]
    for at in (NOW - MOST_AGE, NOW + MOST_AHEAD):
        check(keys, signed(at=written(at)), BODY, NOW)
    for at in (NOW - MOST_AGE - second, NOW + MOST_AHEAD + second):
        assert refused(signed(at=written(at))).is_stale
    late = signed(at=written(NOW - timedelta(hours=1)))
    assert check(keys, late, BODY, NOW, most_age=timedelta(hours=2)).sent_at == NOW - timedelta(hours=1)


def test_who_cannot_sign_learns_nothing_about_our_clock() -> None:
    forged = signed(key=OTHER, at=written(NOW - timedelta(days=1)))
    assert not refused(forged).is_stale


def test_a_time_with_another_offset_is_the_same_moment() -> None:
    headers = signed(at="2026-11-21T05:30:05+11:00")
    assert check([KEY.public_key()], headers, BODY, NOW).sent_at == NOW - timedelta(seconds=1)


def test_type_and_version_are_not_signed_and_passed_on() -> None:
    headers = signed() | {"kick-event-type": "kicks.gifted", "kick-event-version": "7"}
    found = check([KEY.public_key()], headers, BODY, NOW)
    assert (found.type, found.version) == ("kicks.gifted", "7")
    refused(signed() | {"kick-event-type": "x\n"})
    del headers["kick-event-type"], headers["kick-event-version"]
    assert check([KEY.public_key()], headers, BODY, NOW).type == ""


# --- keys -----------------------------------------------------------------------------------------------


def test_the_documented_key_is_the_one_that_is_pinned() -> None:
    assert fingerprint(key_from(DOCUMENTED)).startswith("407899e1bb8e86c1")
    assert pem_of(key_from(DOCUMENTED)) == DOCUMENTED


def test_a_key_as_text_as_one_line_and_as_a_file(tmp_path: Path) -> None:
    pem = pem_of(KEY.public_key())
    (tmp_path / "kick.pem").write_text(pem)
    wanted = fingerprint(KEY.public_key())
    for setting in (pem, pem.replace("\n", "\\n"), f"  {pem}\n\n", str(tmp_path / "kick.pem")):
        assert fingerprint(configured_key(setting)) == wanted


def test_what_is_no_key(tmp_path: Path) -> None:
    small = rsa.generate_private_key(65537, 1024)  # noqa: S505
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    (tmp_path / "empty").write_text("")
    for setting in (
        "",
        "/does/not/exist",
        str(tmp_path),
        str(tmp_path / "empty"),
        "-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----",
        pem_of(small.public_key()),
        curve.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        "-----BEGIN PUBLIC KEY-----" + "A" * 10_000,
    ):
        with pytest.raises(NotAKey):
            configured_key(setting)


def test_the_words_of_a_refusal_hold_nothing_of_what_was_sent() -> None:
    headers = signed(key=OTHER)
    said = str(refused(headers))
    assert headers["kick-event-signature"] not in said
    assert "km-1" not in said
    assert signature.SIGNATURE not in said
