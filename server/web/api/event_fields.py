"""Fields that events have in common, as scripts send them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from server.web.models import Model

#: What a platform uses as an id: no spaces, nothing that could not be stored.
Id = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x20\x7f]+$")]
MessageId = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x20\x7f]+$")]
#: Longest line of chat on any platform (reliability §3.9).
ChatText = Annotated[str, Field(max_length=500)]
ShortText = Annotated[str, Field(max_length=64)]
WireTime = Annotated[str, Field(max_length=40, json_schema_extra={"format": "date-time"})]
Platform = Literal["twitch", "kick", "custom"]


class UserIn(Model):
    """Identity is the id; login and name are decoration."""

    id: Id
    login: ShortText = ""
    name: ShortText = ""
    roles: Annotated[tuple[ShortText, ...], Field(max_length=20, strict=False)] = ()
