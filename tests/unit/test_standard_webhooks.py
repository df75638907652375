"""Signatures of Standard Webhooks: the published vector, and what must not pass (T17, T18)."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from server.web.vtt.standard_webhooks import NotGenuine, check, key_of, sign

#: The vector of the reference libraries (standard-webhooks 1.0.0, `sign function works`).
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
SECONDS = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#: Of the same libraries: signatures of other keys among which the right one stands.
OTHERS = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
THEN = datetime.fromtimestamp(SECONDS, UTC)


def headers(**changed: str) -> dict[str, str]:
    named = {"id": ID, "timestamp": str(SECONDS), "signature": SIGNATURE} | changed
    return {f"webhook-{name}": value for name, value in named.items()}


def test_the_published_vector() -> None:
    assert sign(key_of(SECRET), ID, SECONDS, BODY) == SIGNATURE
    assert check([key_of(SECRET)], headers(), BODY, THEN) == ID


def test_a_secret_may_lack_its_prefix() -> None:
    assert key_of(SECRET.removeprefix("whsec_")) == key_of(SECRET)
    for bad in ("whsec_é", "whsec_abc", "whsec_ab cd", "whsec_abc-_w=="):
        with pytest.raises(ValueError, match="base64"):
            key_of(bad)


@pytest.mark.parametrize(
    "signatures", [f"{OTHERS} {SIGNATURE}", f"{SIGNATURE} {OTHERS}", f"  {SIGNATURE}  ", f"v1a,x {SIGNATURE}"]
)
def test_one_of_several_signatures_is_enough(signatures: str) -> None:
    assert check([key_of(SECRET)], headers(signature=signatures), BODY, THEN) == ID


def test_one_of_several_keys_is_enough() -> None:
    """While secrets rotate."""
    keys = [b"another key of some length", key_of(SECRET)]
    assert check(keys, headers(), BODY, THEN) == check(keys[::-1], headers(), BODY, THEN) == ID


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "v1,",
        "v1",
        ",",
        SIGNATURE.removeprefix("v1,"),
        SIGNATURE.replace("v1", "v2"),
        SIGNATURE.replace("v1", "v1a"),
        SIGNATURE.replace("v1,", "sha1="),
        SIGNATURE.upper(),
        SIGNATURE[:-1],
        SIGNATURE + "=",
        SIGNATURE[:-4],
        "v1," + base64.b64decode(SIGNATURE[3:]).hex(),
        OTHERS,
        SIGNATURE.replace("g0", "é0"),
        " ".join([OTHERS.split(maxsplit=1)[0]] * 16 + [SIGNATURE]),  # more than anybody has
    ],
)
def test_what_is_no_signature_of_ours(signature: str) -> None:
    with pytest.raises(NotGenuine):
        check([key_of(SECRET)], headers(signature=signature), BODY, THEN)


def test_every_bit_of_a_signature_counts() -> None:
    mac = base64.b64decode(SIGNATURE[3:])
    for bit in range(256):
        flipped = bytearray(mac)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(NotGenuine):
            check(
                [key_of(SECRET)],
                headers(signature="v1," + base64.b64encode(flipped).decode()),
                BODY,
                THEN,
            )


def test_body_id_time_and_key_are_all_signed() -> None:
    for body in (b"", BODY + b" ", BODY[:-1], BODY.replace(b" ", b"")):
        with pytest.raises(NotGenuine, match="signature"):
            check([key_of(SECRET)], headers(), body, THEN)
    for changed in ({"id": ID + "x"}, {"timestamp": str(SECONDS + 1)}, {"timestamp": f"0{SECONDS}"}):
        with pytest.raises(NotGenuine, match="signature"):
            check([key_of(SECRET)], headers(**changed), BODY, THEN)
    for keys in ([], [b""], [key_of(SECRET) + b"\0"[:0] + b"x"], [key_of(SECRET)[:-1]]):
        with pytest.raises(NotGenuine, match="signature"):
            check(keys, headers(), BODY, THEN)


@pytest.mark.parametrize(
    "changed",
    [
        {"id": ""},
        {"id": "x" * 129},
        {"id": "a b"},
        {"id": "a\tb"},
        {"id": "ä"},
        {"timestamp": ""},
        {"timestamp": "now"},
        {"timestamp": "-1"},
        {"timestamp": "1e9"},
        {"timestamp": f"{SECONDS}.0"},
        {"timestamp": f" {SECONDS}"},
        {"timestamp": "٣" * 10},
        {"timestamp": "9" * 13},
    ],
)
def test_malformed_headers(changed: dict[str, str]) -> None:
    sent = headers(**changed)
    signed = sign(key_of(SECRET), sent["webhook-id"], 0, BODY)
    with pytest.raises(NotGenuine):
        check([key_of(SECRET)], sent | {"webhook-signature": signed}, BODY, THEN)
    for missing in sent:
        with pytest.raises(NotGenuine):
            check([key_of(SECRET)], {name: sent[name] for name in sent if name != missing}, BODY, THEN)


@pytest.mark.parametrize("seconds", [299, 300, -299, -300])
def test_just_inside_the_window(seconds: int) -> None:
    assert check([key_of(SECRET)], headers(), BODY, THEN + timedelta(seconds=seconds)) == ID


@pytest.mark.parametrize("seconds", [301, -301, 300.001, -300.001, 300_000, -300_000])
def test_outside_the_window(seconds: float) -> None:
    with pytest.raises(NotGenuine, match="5 minutes"):
        check([key_of(SECRET)], headers(), BODY, THEN + timedelta(seconds=seconds))


def test_the_clock_is_told_to_nobody_who_may_not_sign() -> None:
    with pytest.raises(NotGenuine, match="signature"):
        check([key_of(SECRET)], headers(signature=OTHERS), BODY, THEN + timedelta(days=1))
