"""The pure parts of sign-in: PKCE, answers of providers in every shape, and words for refusals."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from integrations.identity import DeviceCode, Grant, IdentityAway
from integrations.oauth import (
    Answer,
    address,
    challenge_of,
    grant_of,
    identifier,
    life_of,
    line,
    new_verifier,
    refusal,
    with_query,
)


def test_a_verifier_is_as_the_specification_wants_it() -> None:
    verifiers = {new_verifier() for _ in range(50)}
    assert len(verifiers) == 50
    for verifier in verifiers:
        assert re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier)


def test_the_challenge_of_rfc_7636() -> None:
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == (
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )
    assert "=" not in challenge_of(new_verifier())


def test_parameters_are_escaped_and_keep_their_order() -> None:
    assert with_query("https://id.example/a", b="x y", a="&=") == "https://id.example/a?b=x+y&a=%26%3D"
    assert with_query("https://id.example/a?z=1", b="2") == "https://id.example/a?z=1&b=2"


def test_grants_of_both_platforms_as_documented() -> None:
    twitch = grant_of(
        Answer(
            200,
            {
                "access_token": "hb-access-2",
                "refresh_token": "hb-refresh-2",
                "expires_in": 14124,
                "scope": ["user:read:chat", "channel:manage:redemptions"],
                "token_type": "bearer",
            },
        )
    )
    assert twitch.scopes == ("user:read:chat", "channel:manage:redemptions")
    assert (twitch.access_token, twitch.refresh_token) == ("hb-access-2", "hb-refresh-2")
    assert twitch.expires_in == timedelta(seconds=14124)
    kick = grant_of(
        Answer(200, {"access_token": "a", "refresh_token": "r", "expires_in": "7200", "scope": "user:read x"})
    )
    assert (kick.scopes, kick.expires_in) == (("user:read", "x"), timedelta(hours=2))


@pytest.mark.parametrize(
    "body", [{}, {"access_token": ""}, {"access_token": 5}, {"access_token": "x" * 5000}]
)
def test_without_a_token_there_is_no_grant(body: dict[str, object]) -> None:
    with pytest.raises(IdentityAway):
        grant_of(Answer(200, body))


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (7200, 7200),
        ("7200", 7200),
        (7200.5, 7200.5),
        (0, 600),
        (-5, 600),
        (True, 600),
        (None, 600),
        ("soon", 600),
        ("٣", 600),
        ("1_000", 600),
        (float("nan"), 600),
        (float("inf"), 400 * 86400),
        (10**30, 400 * 86400),
    ],
)
def test_lives_are_read_from_numbers_and_texts(said: object, seconds: float) -> None:
    assert life_of(said) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (400, {"status": 400, "message": "Invalid authorization code"}, "invalid_grant"),
        (400, {"status": 400, "message": "Invalid refresh token"}, "invalid_grant"),
        (401, {"status": 401, "message": "invalid access token"}, "invalid_grant"),
        (403, {"status": 403, "message": "invalid client secret"}, "invalid_client"),
        (400, {"status": 400, "message": "invalid client"}, "invalid_client"),
        (401, {"error": "invalid_client"}, "invalid_client"),
        (400, {"error": "invalid_grant"}, "invalid_grant"),
        (400, {"error": "Invalid request"}, "invalid_grant"),
        (400, {}, "invalid_grant"),
        (400, {"message": ["a", "list"]}, "invalid_grant"),
    ],
)
def test_a_refusal_tells_our_fault_from_the_codes(status: int, body: dict[str, object], reason: str) -> None:
    assert refusal(Answer(status, body)).reason == reason


def test_what_names_an_account() -> None:
    assert identifier("700100200") == "700100200"
    assert identifier(4242) == "4242"
    bad: object
    for bad in (None, "", True, 1.5, [], "1" * 65, "a b", "١٢", "a\n"):
        with pytest.raises(IdentityAway):
            identifier(bad)


def test_names_and_addresses_are_cut_and_cleaned() -> None:
    assert line("  Mossy\u202e\n Tavern\x00 ") == "Mossy Tavern"
    assert len(line("x" * 200)) == 64
    assert line(None) == line(["x"]) == ""
    assert address("Mossy@Example.org ") == "mossy@example.org"
    assert address("no address") == address("a b@c.de") == address("@") == address(7) == ""


def test_no_secret_is_in_a_repr() -> None:
    grant = Grant("SECRET-1", "SECRET-2", ("chat",), timedelta(hours=1))
    code = DeviceCode("SECRET-3", "HB-1", "https://x", timedelta(), timedelta())
    assert "SECRET" not in repr(grant) + str(grant) + repr(code)
