"""The command line: `hubbub …` (contract §2).

Exit codes: 0 fine, 1 a check failed, 2 wrong usage, 78 refused configuration.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import structlog
from pydantic import SecretStr

from server import app, commands, config, doctor, fake_commands, kick_commands, running
from server.config import RefusedConfiguration, Settings
from server.embedded import DataDirectoryBusy, Embedded, EmbeddedFailure
from server.roles import Roles, Urls
from server.rules import sealed
from server.rules.vote_audit import NotAnExport, audit
from server.telemetry import configure_logging
from sql.migrate import SchemaRefused
from sql.pool import UNREACHABLE, StatementRefused, without_password

log = structlog.get_logger(__name__)

EX_CONFIG = 78
N = TypeVar("N", int, float)
_ROLES = {
    "web": Roles(web=True),
    "connectors": Roles(connectors=True),
    "worker": Roles(worker=True),
}
#: SQLSTATE of a login that is refused, a database that is not there, a right that is missing.
_NOT_LET_IN = ("28", "3D", "42501")


def parser() -> argparse.ArgumentParser:
    """All commands and what they take."""
    main = argparse.ArgumentParser(
        prog="hubbub", description="A chat crowd and dice on a table become one moving picture on stream."
    )
    commands = main.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text)

    add("up", "Run everything, with embedded PostgreSQL and Valkey unless URLs are given.")
    add("web", "Run the HTTP and WebSocket server.")
    add("connectors", "Run the connections to chat platforms.")
    add("worker", "Run deadlines, outbox and housekeeping.")
    schema = add("migrate", "Bring the database schema up to date.")
    schema.add_argument(
        "--restored",
        action="store_true",
        help="the database comes from a backup: browsers start over, and nothing leaves it twice",
    )
    add("demo", "As 'up', with a data directory that is thrown away at the end.")
    check = add("doctor", "Check what this installation and its shows need, and say how to mend it.")
    check.add_argument("--campaign", default="", help="id of a show: this one only, which must be ready")
    add("link", "Print a fresh link to the desk of the running server.")
    simulate = add("simulate", "Send a seeded crowd to a running server.")
    simulate.add_argument("--url", default="", help="the server (default: the one in the data directory)")
    simulate.add_argument("--campaign", default="", help="campaign id (default: the newest)")
    rate, seconds = _between(float, 0.1, 5000), _between(float, 1, 3600)
    people = _between(int, 1, 100_000)
    simulate.add_argument("--rate", type=rate, default=50.0, help="lines per second, 0.1 to 5000")
    simulate.add_argument("--seconds", type=seconds, default=30.0, help="how long, 1 to 3600")
    simulate.add_argument("--people", type=people, default=2000, help="how many viewers take part")
    simulate.add_argument("--seed", default=None, help="the same seed gives the same crowd")
    verify = add("verify", "Recompute an exported poll, or the proof of a sealed roll, offline.")
    verify.add_argument("file", type=Path, help="the JSON export of a poll, or the proof of a roll")
    verify.add_argument("--seal", default="", help="of a roll: the characters that stood on the stream")
    key = add("key", "Create, list and revoke API keys.")
    key_commands = key.add_subparsers(dest="key_command", required=True, metavar="ACTION")
    create = key_commands.add_parser("create", help="print a new key; it is shown once")
    create.add_argument("name", help="what the key is for")
    key_commands.add_parser("list", help="list keys")
    revoke = key_commands.add_parser("revoke", help="end a key")
    revoke.add_argument("id", help="the key's id, from 'hubbub key list'")
    kick_commands.add_to(
        add("kick", "Decide about Kick's keys, and about the unofficial chat of its website.")
    )
    fake_commands.add_to(add("fake", "Play a platform on this machine, from a source tree, for developers."))
    return main


def _between(kind: type[N], least: float, most: float) -> Callable[[str], N]:
    """Reads an option that has a range."""

    def read(text: str) -> N:
        try:
            number = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text} is no number") from None
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least:g} and {most:g}")
        return number

    return read


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; answers its exit code."""
    given = parser().parse_args(arguments)
    if given.command == "verify":
        return verify(given.file, given.seal)
    if given.command == "fake":
        return fake_commands.run(given)
    settings: Settings | None = None
    try:
        settings = config.load()
        # The doctor says in its own words what does not answer.
        level = logging.getLevelNamesMapping()[settings.log_level.upper()]
        configure_logging(level=logging.ERROR if given.command == "doctor" else level)
        return run(given, settings)
    except (
        RefusedConfiguration,
        SchemaRefused,
        DataDirectoryBusy,
        EmbeddedFailure,
        app.CannotStart,
    ) as refused:
        print(f"hubbub: {refused}", file=sys.stderr)
        return EX_CONFIG
    except UNREACHABLE as error:
        print(f"hubbub: {_away(settings, error)}", file=sys.stderr)
        return EX_CONFIG
    except StatementRefused as error:
        if not str(getattr(error, "sqlstate", "")).startswith(_NOT_LET_IN):
            log.exception("ended_by_a_fault")
            return 1
        print(f"hubbub: PostgreSQL refuses ({_in_a_line(error)}): correct DATABASE_URL", file=sys.stderr)
        return EX_CONFIG
    except KeyboardInterrupt:
        return 0
    except Exception:
        # Python's own traceback would go out as it is: unescaped, with rows and passwords in it.
        log.exception("ended_by_a_fault")
        return 1


def _away(settings: Settings | None, error: BaseException) -> str:
    """The sentence about what does not answer, or about a file that cannot be used."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename} cannot be used ({error.strerror})"
    if settings is None or settings.database_url is None:
        return f"the embedded PostgreSQL does not answer ({_in_a_line(error)}): start 'hubbub up' again"
    where = without_password(settings.database_url.get_secret_value())
    return f"PostgreSQL at {where} does not answer ({_in_a_line(error)}): start it, or correct DATABASE_URL"


def _in_a_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Carry out a command that needs settings."""
    match given.command:
        case "up":
            return up(settings)
        case "demo":
            with tempfile.TemporaryDirectory(prefix="hubbub-demo-") as folder:
                return up(config.load(data_dir=Path(folder), demo=True))
        case "web" | "connectors" | "worker":
            app.run(settings, _ROLES[given.command], urls(settings, given.command))
            return 0
        case "migrate":
            return commands.migrated(urls(settings, "migrate").database, is_restored=given.restored)
        case "simulate":
            return commands.simulate(settings, given)
        case "doctor":
            chosen = commands.uuid_of(given.campaign)
            if given.campaign and chosen is None:
                print(
                    f"hubbub: {given.campaign} is no id of a show; 'hubbub doctor' lists them",
                    file=sys.stderr,
                )
                return 2
            return doctor.doctor(settings, chosen)
        case "link":
            return commands.link(settings)
        case "key":
            return commands.key(settings, given)
        case "kick":
            return kick_commands.run(settings, given)
    raise AssertionError(given.command)


def up(settings: Settings) -> int:
    """Everything in one process, embedded servers around it."""
    with Embedded(
        settings.data_dir, postgres=settings.embedded_postgres, redis=settings.embedded_redis
    ) as embedded:
        found = Urls(
            embedded.database_url or _text(settings.database_url),
            embedded.redis_url or _text(settings.redis_url),
        )
        app.run(settings, Roles(web=True, connectors=True, worker=True), found, embedded)
    return 0


def urls(settings: Settings, command: str) -> Urls:
    """Where the servers are, for a process that starts none. Raises RefusedConfiguration."""
    found = running.find(settings.data_dir)
    redis = _text(settings.redis_url)
    if not redis and not settings.database_url and found:
        redis = found.redis_url
        if not redis and command != "migrate":
            raise RefusedConfiguration(
                f"the running server uses a Redis of its own: give 'hubbub {command}' its REDIS_URL too"
            )
    return Urls(commands.database_url(settings, command), redis)


def _text(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


def verify(file: Path, seen: str = "") -> int:
    """Check an export or a proof offline; prints what was checked, or the first thing that is wrong."""
    try:
        document = json.loads(file.read_text("utf-8"))
        if isinstance(document, dict) and document.get("format") == sealed.FORMAT:
            return _verify_roll(file, document, seen)
        verdict = audit(document)
    except OSError as error:
        print(f"hubbub: cannot read {file}: {error.strerror}", file=sys.stderr)
        return 2
    except (ValueError, RecursionError, NotAnExport) as error:
        print(f"hubbub: {file} is no poll export and no proof of a roll: {error}", file=sys.stderr)
        return 1
    if not verdict.good:
        print(f"NOT GENUINE: {file}")
        for fault in verdict.faults:
            print(f"  {fault}")
        return 1
    counted = sum(sum(channel) for channel in verdict.tally)
    print(f"Genuine: {verdict.rows} rows, {counted} votes that count, chain, totals and winner agree.")
    return 0


def _verify_roll(file: Path, proof: dict[str, object], seen: str) -> int:
    if not sealed.check(proof, seen):
        print(f"NOT GENUINE: {file}")
        known = sealed.check(proof)
        print(
            f"  the seal does not begin with {seen}" if known else "  the commitment is not that of this roll"
        )
        return 1
    roll = proof["roll"]
    assert isinstance(roll, dict)  # noqa: S101  `check` has looked
    faces = " ".join(die["symbol"] or str(die["value"]) for die in roll["dice"]) or "none told"
    print(f"Genuine: total {roll['total']}, dice {faces}, sealed under {str(proof['commitment'])[:8]}.")
    if not seen:
        print("That it was sealed before, only the characters seen on stream say: compare them (--seal).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
