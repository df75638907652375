"""Links to paste into OBS. The secret is in the fragment, which no proxy and no log ever sees (§3.11).

The key is derived from the installation's secret, so that the terminal can print the demo overlay's
link again; the database holds only its SHA-256.
"""

from __future__ import annotations

import hashlib
import hmac
from uuid import UUID

from server.vault import Vault
from sql.overlays import Overlay

PREFIX = "ovl_"


def _candidates(vault: Vault, overlay_id: UUID, key_version: int) -> tuple[str, ...]:
    return tuple(PREFIX + text for text in vault.derive(f"overlay:{overlay_id}:{key_version}"))


def derive_overlay_key(vault: Vault, overlay_id: UUID, key_version: int) -> str:
    """The key of an overlay that is being made or rotated: 256 bits behind `ovl_`."""
    return _candidates(vault, overlay_id, key_version)[0]


def key_hash(key: str) -> bytes:
    """What is stored of a key."""
    return hashlib.sha256(key.encode()).digest()


def overlay_url(public_url: str, overlay_id: UUID, key: str) -> str:
    """The address of the page, with its secret."""
    return f"{public_url}/o/{overlay_id}#k={key}"


def link_of(vault: Vault, public_url: str, overlay: Overlay) -> str | None:
    """The link of an existing overlay; None when its key came from a secret that is gone from the ring."""
    for key in _candidates(vault, overlay.id, overlay.key_version):
        if hmac.compare_digest(key_hash(key), overlay.key_hash):
            return overlay_url(public_url, overlay.id, key)
    return None
