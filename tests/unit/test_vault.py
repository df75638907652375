"""What the key ring seals, signs and derives."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from cryptography.fernet import Fernet

from server.vault import MARK_BYTES, CannotOpen, Vault
from server.web.auth import Actor
from server.web.overlay_links import derive_overlay_key
from server.web.tickets import LIFE, Ticket, issue, read

OLD, NEW = b"an old key of at least 32 bytes ..", b"a new key of at least 32 bytes ...."
SOME_ID = UUID("01933b3e-0000-7000-8000-000000000001")
OTHER_ID = UUID("01933b3e-0000-7000-8000-000000000002")


def test_the_newest_key_writes_and_all_read() -> None:
    sealed = Vault([OLD]).seal(b"secret", b"place")
    both = Vault([NEW, OLD])
    assert both.open(sealed, b"place") == b"secret"
    with pytest.raises(CannotOpen):
        Vault([NEW]).open(sealed, b"place")
    with pytest.raises(CannotOpen):
        Vault([OLD]).open(both.seal(b"secret", b"place"), b"place")


def test_a_sealed_text_does_not_open_elsewhere_or_changed() -> None:
    vault = Vault([NEW])
    sealed = vault.seal(b"secret", b"row 1")
    assert b"secret" not in sealed
    with pytest.raises(CannotOpen, match="another place"):
        vault.open(sealed, b"row 2")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(CannotOpen):
            vault.open(bytes(changed), b"row 1")
        with pytest.raises(CannotOpen):
            vault.open(sealed[:position], b"row 1")


def sealed_before(ring: list[bytes], text: bytes, place: bytes) -> bytes:
    """As versions up to 0.1.0 sealed: a Fernet token over the place's hash and the text."""
    key = hmac.digest(ring[0], b"hubbub:seal", "sha256")
    return Fernet(base64.urlsafe_b64encode(key)).encrypt(hashlib.sha256(place).digest() + text)


def test_what_an_earlier_version_sealed_still_opens() -> None:
    old = sealed_before([OLD], b"secret", b"row 1")
    vault = Vault([NEW, OLD])
    assert vault.open(old, b"row 1") == b"secret"
    assert not old.startswith(vault.mark)
    with pytest.raises(CannotOpen, match="another place"):
        vault.open(old, b"row 2")
    with pytest.raises(CannotOpen):
        Vault([NEW]).open(old, b"row 1")


def test_a_sealed_text_says_which_key_sealed_it_and_nothing_else() -> None:
    both, old = Vault([NEW, OLD]), Vault([OLD])
    one, other = both.seal(b"secret", b"p"), both.seal(b"secret", b"p")
    assert one != other, "a nonce each"
    assert one[:MARK_BYTES] == other[:MARK_BYTES] == both.mark == Vault([NEW]).mark != old.mark
    assert len(one) == MARK_BYTES + 12 + len(b"secret") + 16
    assert not any(key[:4] in one for key in (OLD, NEW))
    # The mark belongs to what is authenticated: another key's mark in front makes it nobody's.
    with pytest.raises(CannotOpen):
        both.open(old.mark + one[MARK_BYTES:], b"p")


def test_a_signature_is_good_for_its_purpose_only() -> None:
    mac = Vault([OLD]).sign("ticket", b"text")
    both = Vault([NEW, OLD])
    assert both.is_signed("ticket", b"text", mac)
    assert not both.is_signed("other", b"text", mac)
    assert not both.is_signed("ticket", b"text!", mac)
    assert not both.is_signed("ticket", b"text", mac[:-1])
    assert not Vault([NEW]).is_signed("ticket", b"text", mac)


def test_overlay_keys_differ_by_overlay_version_and_secret() -> None:
    keys = {
        derive_overlay_key(Vault([secret]), overlay, version)
        for secret in (OLD, NEW)
        for overlay in (SOME_ID, OTHER_ID)
        for version in (1, 2)
    }
    assert len(keys) == 8
    assert {len(key) for key in keys} == {len("ovl_") + 43}
    assert derive_overlay_key(Vault([NEW, OLD]), SOME_ID, 1) == derive_overlay_key(Vault([NEW]), SOME_ID, 1)


def test_an_empty_ring_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        Vault([])


def test_a_ticket_says_what_it_was_made_for_until_it_ends() -> None:
    now = datetime(2026, 11, 20, 20, tzinfo=UTC)
    vault = Vault([NEW])
    text, ends = issue(vault, Actor("session", SOME_ID, OTHER_ID), SOME_ID, now)
    assert ends == now + LIFE
    assert read(vault, text, now) == Ticket("session", OTHER_ID, SOME_ID)
    assert read(vault, text, ends) is not None
    assert read(vault, text, ends + timedelta(milliseconds=1)) is None
    assert read(Vault([OLD]), text, now) is None
    assert issue(vault, Actor("session", SOME_ID, OTHER_ID), SOME_ID, now)[0] != text


def test_no_changed_character_makes_another_ticket() -> None:
    now = datetime(2026, 11, 20, 20, tzinfo=UTC)
    vault = Vault([NEW])
    text, _ = issue(vault, Actor("root", SOME_ID, SOME_ID), SOME_ID, now)
    for place in range(len("tkt_"), len(text) - 1):
        other = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        assert read(vault, other, now) is None
