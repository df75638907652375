"""What a check has found: words for people, what to do about it, and the button that does it."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from server.web.models import Model

#: link: sign in with the platform again, which also grants scopes. agree: to polls, for this evening.
#: check_again: have the platform asked. remind: tell the streamer. subscribe_again: ask Kick to deliver.
#: add_channel, add_overlay, open: the place of the desk where it is done.
Do = Literal[
    "link", "agree", "check_again", "remind", "subscribe_again", "add_channel", "add_overlay", "open"
]
Place = Literal["", "people", "tables", "now"]


class ButtonOut(Model):
    do: Do
    label: str
    platform: str = Field(default="", description="With link and check_again")
    account_id: str = Field(default="", description="The platform's id of the channel, with check_again")
    code: str = Field(default="", description="Of the issue, with check_again")
    member_id: UUID | None = Field(default=None, description="With remind")
    channel_id: UUID | None = Field(default=None, description="With subscribe_again")
    place: Place = Field(default="", description="With open")


class CheckOut(Model):
    name: str
    status: Literal["pass", "warn", "fail"]
    detail: str
    fix: str = Field(description="What to do; empty when there is nothing to do")
    button: ButtonOut | None = Field(default=None, description="The button that does it, for who asks")


def passed(name: str, detail: str) -> CheckOut:
    """All is well."""
    return CheckOut(name=name, status="pass", detail=detail, fix="")


def warned(name: str, detail: str, fix: str, button: ButtonOut | None = None) -> CheckOut:
    """The show goes on with it."""
    return CheckOut(name=name, status="warn", detail=detail, fix=fix, button=button)


def failed(name: str, detail: str, fix: str, button: ButtonOut | None = None) -> CheckOut:
    """Something would not work."""
    return CheckOut(name=name, status="fail", detail=detail, fix=fix, button=button)
