"""Logs hold no secret, and nothing that was logged can pass for a line of its own (T2, T9, T39)."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from server import telemetry

SECRETS = [
    "ovl_Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF",
    "hb_0123456789abcdef0123456789abcdef",
    "tkt_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
]


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = (root.handlers, root.level)
    yield io.StringIO()
    root.handlers, level = before
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_secrets_are_starred_wherever_they_stand(stream: io.StringIO) -> None:
    telemetry.configure_logging("json", stream=stream)
    log = structlog.get_logger("x")
    for secret in SECRETS:
        log.info("event", plain=secret, nested={"list": [f"key={secret}"]}, text=f"/o/1#k={secret}")
        logging.getLogger("library").warning("request to /x with %s", secret)
        try:
            int(secret)
        except ValueError:
            log.exception("failed")
    log.info("link", url="http://127.0.0.1:8787/login#code=s3cret-code", dsn="postgresql://u:pw@h/db")
    text = stream.getvalue()
    for secret in (*SECRETS, "s3cret-code", ":pw@"):
        assert secret not in text
    assert "ValueError" in text
    assert len(lines(stream)) == 3 * len(SECRETS) + 1


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_name_cannot_forge_a_line_or_move_the_cursor(
    stream: io.StringIO, style: telemetry.LogFormat
) -> None:
    telemetry.configure_logging(style, stream=stream)
    hostile = "ana\r\n2026-11-20 [info] all_is_well\x1b[2J\x9b2K\u2028\u202egnp"
    structlog.get_logger("x").info("joined", name=hostile, **{"key\nwith line": hostile})
    logging.getLogger("library").warning("joined %s", hostile)
    text = stream.getvalue()
    assert len(text.splitlines()) == 2
    assert not set(text) & set("\r\x1b\x9b\u2028\u202e")


class Refused(Exception):
    """As PostgreSQL's errors are told: the row stands behind the message."""

    sqlstate = "23514"
    detail: str | None = "Failing row contains (990017733, quillfeather)."

    def __str__(self) -> str:
        return "new row violates a check" + (f"\nDETAIL:  {self.detail}" if self.detail else "")


def test_rows_in_the_messages_of_the_database_are_left_out(stream: io.StringIO) -> None:
    telemetry.configure_logging("json", stream=stream)

    def chain() -> None:
        try:
            raise Refused  # noqa: TRY301
        except Refused as first:
            raise ExceptionGroup("several", [ValueError("x"), Refused()]) from first

    for log in (structlog.get_logger("x").exception, logging.getLogger("library").exception):
        try:
            chain()
        except ExceptionGroup:
            log("failed")
    said = [line["exception"] for line in lines(stream)]
    assert [text.count("new row violates a check") for text in said] == [2, 2]
    assert "quillfeather" not in stream.getvalue()


def test_query_strings_are_cut_from_the_servers_own_lines(stream: io.StringIO) -> None:
    telemetry.configure_logging("json", stream=stream)
    logging.getLogger("uvicorn.error").warning(
        '%s - "WebSocket %s" [refused]', ("127.0.0.1", 1), "/live?key=abc"
    )
    assert "abc" not in stream.getvalue()
    assert "/live" in stream.getvalue()


def test_connections_that_come_and_go_are_not_told(stream: io.StringIO) -> None:
    telemetry.configure_logging("json", stream=stream)
    server = logging.getLogger("uvicorn.error")
    server.info('%s - "WebSocket %s" [accepted]', ("127.0.0.1", 1), "/live")
    server.info("connection open")
    server.info("connection closed")
    assert stream.getvalue() == ""
    server.info("Application startup complete.")
    assert len(lines(stream)) == 1


def test_not_even_debug_writes_frames_down(stream: io.StringIO) -> None:
    telemetry.configure_logging("json", level=logging.DEBUG, stream=stream)
    for name in ("uvicorn.error", "websockets.server", "asyncio"):
        logging.getLogger(name).debug("< TEXT hello")
    assert stream.getvalue() == ""
    structlog.get_logger("x").debug("ours")
    assert len(lines(stream)) == 1


def test_lines_carry_what_was_bound_to_the_request(stream: io.StringIO) -> None:
    telemetry.configure_logging("json", stream=stream)
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger("x").info("done", n=1)
    (line,) = lines(stream)
    assert (line["event"], line["request_id"], line["n"], line["level"]) == ("done", "r1", 1, "info")
    assert line["timestamp"].endswith("Z")


def test_configuring_twice_does_not_write_twice(stream: io.StringIO) -> None:
    telemetry.configure_logging("json", stream=stream)
    telemetry.configure_logging("json", stream=stream)
    structlog.get_logger("x").info("once")
    assert len(lines(stream)) == 1
