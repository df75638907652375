"""Who made a delivery, and when: RSA, PKCS#1 v1.5, SHA-256, over `id.timestamp.` and the raw body (§4.3).

The algorithm is ours, the header cannot choose it (T17). What is signed names no application: a delivery that
Kick made for somebody else's is genuine here too, and is told apart by its broadcaster (T18).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from integrations.deliveries import Delivery, NotGenuine
from integrations.kick.reading import moment

MESSAGE_ID: Final = "kick-event-message-id"
TIMESTAMP: Final = "kick-event-message-timestamp"
SIGNATURE: Final = "kick-event-signature"
TYPE: Final = "kick-event-type"
VERSION: Final = "kick-event-version"

#: Kick's own delays are counted in minutes (§4.4).
MOST_AGE: Final = timedelta(minutes=10)
#: No clock of theirs is ahead for longer.
MOST_AHEAD: Final = timedelta(seconds=60)

_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")
_TYPE: Final = re.compile(r"[\x21-\x7e]{0,128}")
_SMALLEST_KEY: Final = 2048
_LARGEST_PEM: Final = 8192

#: Kick's key as its documentation prints it (June 2026).
DOCUMENTED: Final = """\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAq/+l1WnlRrGSolDMA+A8
6rAhMbQGmQ2SapVcGM3zq8ANXjnhDWocMqfWcTd95btDydITa10kDvHzw9WQOqp2
MZI7ZyrfzJuz5nhTPCiJwTwnEtWft7nV14BYRDHvlfqPUaZ+1KR4OCaO/wWIk/rQ
L/TjY0M70gse8rlBkbo2a8rKhu69RQTRsoaf4DVhDPEeSeI5jVrRDGAMGL3cGuyY
6CLKGdjVEM78g3JfYOvDU/RvfqD7L89TZ3iN94jrmWdGz34JNlEI5hqK8dd7C5EF
BEbZ5jgB8s8ReQV8H+MkuffjdAj3ajDDX3DOJMIut1lBrUVD1AaSrGCKHooWoL2e
twIDAQAB
-----END PUBLIC KEY-----
"""


class NotAKey(ValueError):
    """A text is no public key that signatures could be checked with; the message is for the operator."""


def key_from(text: str) -> RSAPublicKey:
    """The key of a PEM text. Raises NotAKey."""
    if len(text) > _LARGEST_PEM:
        raise NotAKey("it is too long for a key")
    try:
        key = load_pem_public_key(text.strip().encode("ascii"))
    except (ValueError, UnsupportedAlgorithm):  # UnicodeEncodeError is a ValueError
        raise NotAKey("it is no public key in PEM") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < _SMALLEST_KEY:
        raise NotAKey(f"it is no RSA key of at least {_SMALLEST_KEY} bits")
    return key


def configured_key(setting: str) -> RSAPublicKey:
    """The key that an operator gives: PEM text (line ends may be written `\\n`), or the path of a file with
    it. Raises NotAKey."""
    if "-----BEGIN" in setting:
        return key_from(setting.replace("\\n", "\n"))
    try:
        return key_from(Path(setting).read_text("ascii"))
    except (OSError, UnicodeDecodeError):
        raise NotAKey("it is neither PEM text nor the path of a file that can be read") from None


def pem_of(key: RSAPublicKey) -> str:
    """The key as text, always the same one for the same key."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def fingerprint(key: RSAPublicKey) -> str:
    """SHA-256 of the key (SubjectPublicKeyInfo), in hexadecimal digits: what an operator compares."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def check(
    keys: Iterable[RSAPublicKey],
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    most_age: timedelta = MOST_AGE,
) -> Delivery:
    """A genuine and fresh delivery. Raises NotGenuine, whatever the headers hold.

    `now` is the database clock. Type and version are as the headers say: nobody has signed them.
    """
    message_id, stamp = headers.get(MESSAGE_ID, ""), headers.get(TIMESTAMP, "")
    if not _ID.fullmatch(message_id):
        raise NotGenuine(f"{MESSAGE_ID} must have 1 to 128 characters of ASCII without spaces")
    sent_at = moment(stamp)
    if sent_at is None:
        raise NotGenuine(f"{TIMESTAMP} must be a time as RFC 3339 has it")
    signature = _decoded(headers.get(SIGNATURE, ""))
    signed = f"{message_id}.{stamp}.".encode("ascii") + body
    if not any(_is_signed(key, signature, signed) for key in keys):
        raise NotGenuine("the signature is not Kick's over this body, id and time")
    # Behind the signature: who may not sign learns nothing about our clock.
    if now - sent_at > most_age or sent_at - now > MOST_AHEAD:
        raise NotGenuine("it was made too long ago, or in the future", is_stale=True)
    type_, version = headers.get(TYPE, ""), headers.get(VERSION, "")
    if not _TYPE.fullmatch(type_) or not _TYPE.fullmatch(version):
        raise NotGenuine(f"{TYPE} and {VERSION} must be words")
    return Delivery(message_id, "event", type_, version, sent_at)


def _decoded(text: str) -> bytes:
    """Raises NotGenuine. Base64 that is not written as everybody writes it is none: the last character holds
    bits that decoding would drop, and a signature has one spelling."""
    try:
        raw = base64.b64decode(text, validate=True)
        is_plain = base64.b64encode(raw).decode() == text
    except ValueError:  # binascii's own is one, and what is not ASCII another
        is_plain = False
    if not is_plain or not raw:
        raise NotGenuine(f"{SIGNATURE} is missing, or no base64")
    return raw


def _is_signed(key: RSAPublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed, PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True
