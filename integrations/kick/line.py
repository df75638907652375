"""The line to Kick's API (platforms/kick.md §3), which publishes no rate limits."""

from __future__ import annotations

from random import Random
from typing import Final

import aiohttp

from integrations import line
from integrations.line import Line, LineAway, LineBusy, LineRefused
from integrations.tokens import Tokens

Query = line.Query
APP: Final = line.APP
NOBODY: Final = line.NOBODY

#: By their names here: what a call of Kick's API raises.
KickRefused = LineRefused
KickAway = LineAway
KickBusy = LineBusy


class KickLine(Line):
    """Calls of `{url}/public/v1/…`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        tokens: Tokens,
        url: str,
        *,
        random: Random | None = None,
        within_s: float = 10.0,
    ) -> None:
        url = f"{url.rstrip('/')}/public/v1"
        super().__init__(session, tokens, "kick", url, random=random, within_s=within_s)
