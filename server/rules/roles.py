"""Who may do what in a show. The one table of roles and permissions; the pipeline, the live line and the desk
ask it, and docs/game-master.md prints it.

| permission  | is needed to |
|---|---|
| `read`      | look at the show: channels, polls, figures, the party, rolls that viewers saw |
| `take_part` | say what Hubbub may do on one's own channels, bring them, and play one's own character |
| `moderate`  | write, launch, close and decide polls, settle whose a roll was, remind streamers |
| `run`       | make the show: channels, overlays and their links, tables, rules, secret rolls, members |
| `own`       | give roles, make co-game-masters, delete the show |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

Role = Literal["owner", "game_master", "moderator", "streamer", "read_only"]
Permission = Literal["read", "take_part", "moderate", "run", "own"]

ROLES: Final[tuple[Role, ...]] = get_args(Role)
PERMISSIONS: Final[tuple[Permission, ...]] = get_args(Permission)

MAY: Final[Mapping[Role, frozenset[Permission]]] = {
    "owner": frozenset({"read", "take_part", "moderate", "run", "own"}),
    "game_master": frozenset({"read", "take_part", "moderate", "run"}),
    "moderator": frozenset({"read", "take_part", "moderate"}),
    "streamer": frozenset({"read", "take_part"}),
    "read_only": frozenset({"read"}),
}

#: Whom somebody may invite, and whom they may send away. A show has one owner, made with it.
OVER: Final[Mapping[Role, tuple[Role, ...]]] = {
    "owner": ("game_master", "moderator", "streamer", "read_only"),
    "game_master": ("moderator", "streamer", "read_only"),
    "moderator": (),
    "streamer": (),
    "read_only": (),
}

#: As people say it, in a sentence.
IN_WORDS: Final[Mapping[Role, str]] = {
    "owner": "the owner",
    "game_master": "a game master",
    "moderator": "a moderator",
    "streamer": "a streamer",
    "read_only": "a spectator",
}


def may(role: Role | None, permission: Permission) -> bool:
    """Whether this role has the permission; None is who has no role in the show."""
    return role is not None and permission in MAY[role]


def roles_with(permission: Permission) -> tuple[Role, ...]:
    """All roles that have it."""
    return tuple(role for role in ROLES if permission in MAY[role])


def higher(one: Role, other: Role) -> Role:
    """The role of the two that may do more."""
    return one if ROLES.index(one) <= ROLES.index(other) else other
