"""Careful hands for what Twitch sends: whatever is missing or of another type is empty, never a fault."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from integrations.twitch.irc_events import NAME_LENGTH
from server.rules.events import User
from server.rules.wiretime import from_wire

#: Accounts have whole numbers, rewards UUIDs, polls and streams names; none has a space in it.
_ID: Final = re.compile(r"[\x21-\x7e]{1,64}")
_MESSAGE_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")
_LOGIN: Final = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
#: Characters that PostgreSQL cannot store, or that no UTF-8 has.
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
#: A time before Twitch existed, or further ahead of us than clocks go wrong, is not a time.
_EARLIEST: Final = datetime(2011, 6, 1, tzinfo=UTC)
_MOST_AHEAD: Final = timedelta(seconds=60)


def fields(value: object) -> Mapping[str, Any]:
    """An object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list; of anything else none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def identifier(value: object) -> str:
    """An id; "" for what is none."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def message_id(value: object) -> str:
    """The id of a message; "" for what is none."""
    return value if isinstance(value, str) and _MESSAGE_ID.fullmatch(value) else ""


def text(value: object, most: int) -> str:
    """Text that can be stored, cut to `most` characters; "" for anything else."""
    if not isinstance(value, str):
        return ""
    value = value[:most]
    return value if value.isprintable() else _UNSTORABLE.sub("", value)


def whole(value: object, most: int = 2**31 - 1) -> int:
    """A whole number from 0 to `most`, which some payloads write as text; 0 for anything else."""
    if isinstance(value, str) and len(value) <= 10 and value.isascii() and value.isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return value if 0 <= value <= most else 0


def flag(value: object) -> bool:
    """Whether it is true; old samples have it as text."""
    return value is True or value == "true"


def moment(value: object) -> datetime | None:
    """A time in UTC, cut below the microsecond (Twitch writes nanoseconds); None for what is none."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        found = from_wire(value)
    except ValueError:
        return None
    return found if found >= _EARLIEST else None


def sent(value: object, received_at: datetime) -> datetime:
    """When something was sent: on arrival, where Twitch's own time is none or over a minute ahead of us."""
    found = moment(value)
    return received_at if found is None or found > received_at + _MOST_AHEAD else found


def user(event: Mapping[str, Any], prefix: str = "user_", roles: tuple[str, ...] = ()) -> User | None:
    """The account of `…id`, `…login` and `…name`; None for an anonymous one."""
    id_ = identifier(event.get(f"{prefix}id"))
    if not id_:
        return None
    login = event.get(f"{prefix}login")
    name = event.get(f"{prefix}name")
    login = login if isinstance(login, str) and _LOGIN.fullmatch(login) else id_.lower()
    shown = _UNPRINTABLE.sub("", name).strip()[:NAME_LENGTH] if isinstance(name, str) else ""
    return User(id_, login, shown or login, roles)
