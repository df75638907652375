"""Whether a password is known to thieves, asked so that nobody learns which one it is (k-anonymity).

The first five of forty hexadecimal digits of its SHA-1 go out; hundreds of answers that begin like this
come back. Off unless the operator names a server. One that is away is no reason to refuse a password.
"""

from __future__ import annotations

import hashlib
from typing import Final

import aiohttp
import structlog

log = structlog.get_logger(__name__)

_WITHIN_S: Final = 3.0
_LARGEST: Final = 256 * 1024


class Breaches:
    """A range service such as https://api.pwnedpasswords.com/range."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        """`url` has no slash at its end."""
        self._session, self._url = session, url

    async def knows(self, password: str) -> bool:
        """Whether it was ever stolen; False also when nobody answers within 3 s."""
        digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
        try:
            async with self._session.get(
                f"{self._url}/{digest[:5]}",
                headers={"Add-Padding": "true", "Accept": "text/plain"},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=_WITHIN_S),
            ) as response:
                if response.status != 200:
                    log.warning("breach_check_skipped", status=response.status)
                    return False
                raw = bytearray()
                async for part in response.content.iter_any():
                    raw += part
                    if len(raw) > _LARGEST:
                        log.warning("breach_check_skipped", bytes=len(raw))
                        return False
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            log.warning("breach_check_skipped", reason=type(error).__name__)
            return False
        return any(_is_hit(line, digest[5:]) for line in raw.decode("ascii", "replace").splitlines())


def _is_hit(line: str, rest: str) -> bool:
    """`rest:count`; padding has the count 0."""
    suffix, _, count = line.strip().partition(":")
    return suffix.upper() == rest and count.strip() not in ("", "0")
