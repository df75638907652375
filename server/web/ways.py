"""Ways to a provider and back (T6): a state good for one use, one browser, and the provider it names."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit
from uuid import UUID

from integrations.identity import Provider
from integrations.oauth import challenge_of, new_verifier
from server.vault import CannotOpen, Vault
from server.web.auth import new_secret
from server.web.origins import Origins, is_loopback
from server.web.permissions import scopes_for, wanted_of
from server.web.services import Services
from sql import oauth_states
from sql.oauth_states import Wants, Way

#: Longest state that is looked at; ours have less than 52 characters.
LONGEST_STATE = 100


def callback_base(origins: Origins) -> str:
    """Our origin as providers know it. Twitch and Kick take plain http for the name `localhost` only, and
    Kick rewrites 127.0.0.1 to it (platforms/kick.md §2)."""
    parts = urlsplit(origins.public_url)
    if origins.is_https or not is_loopback(parts.hostname or ""):
        return origins.public_url
    return f"http://localhost:{parts.port or 80}"


def can_return(origins: Origins) -> bool:
    """Whether a provider would send a browser back to us: by https, or on the same computer."""
    return callback_base(origins).startswith(("https://", "http://localhost:"))


def redirect_uri(origins: Origins, provider: Provider) -> str:
    """The one address that is registered with the provider."""
    return f"{callback_base(origins)}/auth/{provider}/callback"


def cookie_name(origins: Origins, state: str) -> str:
    """Of the cookie that binds a way to its browser; one for each, so that two tabs may be under way."""
    prefix = "__Host-" if origins.is_https else ""
    return f"{prefix}hubbub_way_{oauth_states.digest(state)[:6].hex()}"


def way_cookie(origins: Origins, name: str, value: str, life_s: float) -> str:
    """The Set-Cookie header; an empty value takes it away. Lax: it must come along on the way back."""
    age = int(life_s) if value else 0
    secure = "; Secure" if origins.is_https else ""
    return f"{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"


async def begin(
    services: Services, provider: Provider, wants: Wants, return_to: str, *, session_id: UUID | None = None
) -> tuple[str, str]:
    """Where to send the browser, and the cookie to give it. With a session: to link to its person.

    Raises IdentityAway, when the provider has to be asked first.
    """
    origins = services.origins
    wants = wanted_of(provider, wants)
    # The provider's name is inside, so that not even a mistake of ours could take one for another's.
    state, verifier, binding = f"{provider}.{new_secret()}", new_verifier(), new_secret()
    url = await services.accounts.by_code[provider].authorize_url(
        state=state,
        challenge=challenge_of(verifier),
        redirect_uri=redirect_uri(origins, provider),
        scopes=scopes_for(provider, wants),
    )
    way = Way(
        provider,
        "login" if session_id is None else "link",
        session_id,
        wants,
        oauth_states.digest(binding),
        services.vault.seal(verifier.encode(), _place(state)),
        return_to,
    )
    async with services.database.connection() as connection:
        await oauth_states.begin(connection, state, way)
    life_s = oauth_states.LIFE.total_seconds()
    return url, way_cookie(origins, cookie_name(origins, state), binding, life_s)


def trouble_with(
    way: Way | None, provider: Provider, state: str, cookies: Mapping[str, str], origins: Origins
) -> str:
    """Why somebody who came back is not listened to, as a word for pages; empty when all is well."""
    if way is None:
        return "expired"
    if way.provider != provider or not state.startswith(f"{provider}."):
        return "mixed_up"
    binding = cookies.get(cookie_name(origins, state), "")
    if not hmac.compare_digest(oauth_states.digest(binding), way.browser_hash):
        return "other_browser"
    return ""


def verifier_of(vault: Vault, way: Way, state: str) -> str | None:
    """The verifier of a way; None when its key is no longer in the ring."""
    try:
        return vault.open(way.verifier, _place(state)).decode()
    except CannotOpen:
        return None


def _place(state: str) -> bytes:
    return b"oauth_link_states.verifier:" + oauth_states.digest(state)
