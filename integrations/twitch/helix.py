"""The line to Helix, Twitch's REST API (platforms/twitch.md §5).

Every token has a bucket of its own there, whose level comes with each answer; a 503 is to be tried once more.
"""

from __future__ import annotations

from random import Random
from typing import Final

import aiohttp

from integrations import line
from integrations.line import Line, LineAway, LineBusy, LineRefused
from integrations.tokens import Token, Tokens
from integrations.twitch.scopes import CHANNEL

APP: Final = line.APP

#: By their names here: what a call of Helix raises.
HelixRefused = LineRefused
HelixAway = LineAway
HelixBusy = LineBusy


class NotGranted(LineRefused):
    """The streamer has not given the permission that a call needs; Twitch was not asked."""

    def __init__(self, scope: str) -> None:
        super().__init__(
            403,
            f"the streamer has not let Hubbub {CHANNEL.get(scope, 'do this')}: connect the channel's Twitch "
            "account again",
        )
        self.scope = scope


class Helix(Line):
    """Calls of `{url}/…`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        tokens: Tokens,
        url: str,
        client_id: str,
        *,
        random: Random | None = None,
        within_s: float = 10.0,
    ) -> None:
        super().__init__(
            session,
            tokens,
            "twitch",
            url,
            headers={"client-id": client_id},
            insists=True,
            random=random,
            within_s=within_s,
        )

    def _check(self, token: Token, scope: str) -> None:
        if scope not in token.scopes:
            raise NotGranted(scope)
