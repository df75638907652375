"""`hubbub kick …`: the operator's word on Kick's keys, and on the unofficial chat of its website."""

from __future__ import annotations

import argparse
import sys

from integrations.kick import signature, website_switch
from server.commands import database_url, with_database
from server.config import Settings
from server.kick_setup import key_of
from sql import admin_log, kick_keys
from sql.kick_keys import ShownKey
from sql.pool import Connection, Database

#: So many digits of a fingerprint are enough to name a key.
_LEAST_DIGITS = 16


def add_to(kick: argparse.ArgumentParser) -> None:
    """What `hubbub kick` takes."""
    actions = kick.add_subparsers(dest="kick_command", required=True, metavar="ACTION")
    actions.add_parser("keys", help="list the keys that Kick's API has shown, and which are believed")
    accept = actions.add_parser(
        "accept-key", help="believe a key: compare it with Kick's documentation first"
    )
    drop = actions.add_parser("drop-key", help="believe a key no longer")
    for action in (accept, drop):
        action.add_argument("fingerprint", help=f"from 'hubbub kick keys', at least {_LEAST_DIGITS} digits")
    chat = actions.add_parser("website-chat", help="read the chat of Kick's website, which is unofficial")
    chat.add_argument("state", choices=("on", "off", "status"))


def run(settings: Settings, given: argparse.Namespace) -> int:
    """Carry it out; 2 for a fingerprint that names no key."""

    async def work(database: Database) -> int:
        async with database.transaction() as connection:
            match given.kick_command:
                case "keys":
                    return await _list(connection, settings)
                case "website-chat":
                    return await _website_chat(connection, given.state)
                case command:
                    return await _decide(connection, command, given.fingerprint.lower())

    return with_database(database_url(settings, "kick"), work)


async def _list(connection: Connection, settings: Settings) -> int:
    shown = await kick_keys.every(connection)
    chosen = key_of(settings)
    first, name = chosen or signature.key_from(signature.DOCUMENTED), "configured" if chosen else "documented"
    replaced = name == "documented" and any(one.is_settled for one in shown)
    print(f"{signature.fingerprint(first)}  {name}{', replaced' if replaced else ', believed'}")
    for one in shown:
        if one.fingerprint != signature.fingerprint(first):
            print(f"{one.fingerprint}  {_state(one)}, last shown {one.served_at:%Y-%m-%d %H:%M} UTC")
    return 0


def _state(one: ShownKey) -> str:
    if one.is_good:
        return "accepted, believed"
    return "accepted, replaced" if one.accepted_at else "shown by the API, not believed"


async def _decide(connection: Connection, command: str, digits: str) -> int:
    shown = await kick_keys.every(connection)
    found = [one.fingerprint for one in shown if one.fingerprint.startswith(digits)]
    if len(digits) < _LEAST_DIGITS or len(found) != 1:
        print("hubbub: no key has this fingerprint; see 'hubbub kick keys'", file=sys.stderr)
        return 2
    if command == "accept-key":
        await kick_keys.accept(connection, found[0])
        print(
            "Deliveries that this key signs are believed, within seconds; the key before it for an hour more."
        )
    else:
        await kick_keys.drop(connection, found[0])
        print("Deliveries that this key signs are not believed any more.")
    action = "kick_key.accept" if command == "accept-key" else "kick_key.drop"
    await admin_log.note(connection, actor="operator", action=action, subject=found[0])
    return 0


async def _website_chat(connection: Connection, state: str) -> int:
    if state != "status":
        await website_switch.turn(connection, on=state == "on")
        await admin_log.note(connection, actor="operator", action="kick_website_chat.switch", subject=state)
    on = await website_switch.is_on(connection)
    print(
        "The chat of Kick's website is read, for channels that were added with its chatroom. It is "
        "unofficial and may stop at any time."
        if on
        else "The chat of Kick's website is not read."
    )
    return 0
