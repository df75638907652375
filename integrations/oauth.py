"""What all identity providers share: PKCE, requests with bounds, and errors that hold no secret (T6, T9).

Secrets go out in bodies and headers. Nothing of a request or an answer is in an exception: aiohttp's own
name the URL, so they end here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp

from integrations.identity import Grant, IdentityAway, IdentityRefused

#: Bytes of an answer, and seconds until it is all there.
LARGEST_ANSWER: Final = 64 * 1024
WITHIN_S: Final = 10.0
#: What a token may be long: all we know have less than a fifth of it.
_LONGEST_TOKEN: Final = 4096
#: Of a token whose provider does not say how long it lives.
_SHORT_LIFE: Final = timedelta(minutes=10)
_LONGEST_LIFE: Final = timedelta(days=400)


def new_verifier() -> str:
    """A PKCE verifier: 86 characters of the URL-safe alphabet (RFC 7636 §4.1: 43 to 128)."""
    return secrets.token_urlsafe(64)


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 §4.2)."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def with_query(url: str, **parameters: str) -> str:
    """The URL with parameters, in the order given."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider said: a status and a JSON object (empty when there was no JSON)."""

    status: int
    body: Mapping[str, Any]

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300

    def text(self, name: str) -> str:
        """A field that is text; empty when it is anything else."""
        value = self.body.get(name)
        return value if isinstance(value, str) else ""


async def ask(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request, never redirected. Raises IdentityAway without a usable answer (5xx and 429, too)."""
    try:
        async with (
            session.request(
                method,
                url,
                data=form,
                headers={"Accept": "application/json", **(headers or {})},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=WITHIN_S),
            ) as response,
        ):
            raw = bytearray()
            async for part in response.content.iter_any():
                raw += part
                if len(raw) > LARGEST_ANSWER:
                    raise IdentityAway("the answer is too large")
            status = response.status
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise IdentityAway(type(error).__name__) from None
    if status >= 500 or status == 429 or 300 <= status < 400:
        raise IdentityAway(f"status {status}")
    try:
        body = json.loads(raw) if raw else {}
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        if 200 <= status < 300:
            raise IdentityAway("the answer is no JSON object")
        body = {}
    return Answer(status, body)


def grant_of(answer: Answer, asked: tuple[str, ...] = ()) -> Grant:
    """The tokens in an answer. Scopes come as a list, or as text with spaces between; absent they are as
    `asked` (RFC 6749 §5.1). `expires_in` comes as a number or as text.
    """
    token, refresh = answer.text("access_token"), answer.text("refresh_token")
    if not 0 < len(token) <= _LONGEST_TOKEN or len(refresh) > _LONGEST_TOKEN:
        raise IdentityAway("the answer holds no token")
    said = answer.body.get("scope")
    scopes = asked
    if isinstance(said, str):
        scopes = tuple(said.split())
    elif isinstance(said, list):
        scopes = tuple(scope for scope in said if isinstance(scope, str))
    return Grant(token, refresh, scopes, life_of(answer.body.get("expires_in")))


def life_of(said: object, otherwise: timedelta = _SHORT_LIFE) -> timedelta:
    """A number of seconds, also as text; `otherwise` for what is none."""
    if isinstance(said, str) and said.isascii() and said.isdigit() and len(said) < 12:
        said = int(said)
    if isinstance(said, bool) or not isinstance(said, int | float) or not said > 0:
        return otherwise
    return min(timedelta(seconds=float(min(said, 1e9))), _LONGEST_LIFE)


def refusal(answer: Answer) -> IdentityRefused:
    """Why a token endpoint said no, as a word: `invalid_client` is a fault of the installation, anything
    else of the code or token. RFC 6749 §5.2 has it in `error`, Twitch a sentence in `message`.
    """
    said = (answer.text("error") or answer.text("message")).lower()
    about_us = "client" in said or answer.status == 403
    return IdentityRefused("invalid_client" if about_us else "invalid_grant")


def line(said: object, most: int = 64) -> str:
    """A name as a provider writes it, in one line without control characters, cut to what is stored."""
    text = str(said) if isinstance(said, str | int) and not isinstance(said, bool) else ""
    return "".join(c for c in text if c.isprintable()).strip()[:most]


def identifier(said: object) -> str:
    """The provider's id of an account. Raises IdentityAway without one: identity is nothing to guess."""
    text = str(said) if isinstance(said, str | int) and not isinstance(said, bool) else ""
    if not 0 < len(text) <= 64 or not text.isascii() or not text.isprintable() or " " in text:
        raise IdentityAway("the answer names no account")
    return text


def address(said: object) -> str:
    """An e-mail address in lower case; empty when it is none that could be stored."""
    text = line(said, 255).lower()
    return text if 3 <= len(text) <= 254 and "@" in text and " " not in text else ""
