"""Which addresses are ours: for links, for the Origin of a browser's request, for the Host we answer to."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Origins:
    """`public_url` without a slash at its end; `allowed` are exact origins; `hosts` None means any name."""

    public_url: str
    allowed: frozenset[str]
    hosts: frozenset[str] | None

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")


def is_loopback(host: str) -> bool:
    """Whether a host in a URL, with brackets or without, is this machine."""
    return host.strip("[]") in ("127.0.0.1", "localhost", "::1")


def origins_of(public_url: str, host: str, port: int) -> Origins:
    """Our addresses from the settings and the address that was really bound.

    `public_url` empty: made from host and port. A server that listens on loopback only may also be
    reached under every name of this machine; one that listens wider is reached under its public
    address, and without one under any.
    """
    bare = host.strip("[]")
    is_local = is_loopback(bare)
    shown = "127.0.0.1" if bare in ("0.0.0.0", "::", "") else f"[{bare}]" if ":" in bare else bare  # noqa: S104
    url = public_url or f"http://{shown}:{port}"
    allowed = {url}
    if is_local or not public_url:
        allowed |= {f"http://{name}:{port}" for name in _LOOPBACK}
    hosts: frozenset[str] | None = None
    if is_local:
        public_host = urlsplit(url).hostname or ""
        hosts = frozenset((*_LOOPBACK, f"[{public_host}]" if ":" in public_host else public_host))
    return Origins(url, frozenset(allowed), hosts)
