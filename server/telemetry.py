"""Logs and metrics. No chat text, no secret, and nothing a viewer wrote can forge a line (T9, T39)."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

LogFormat = Literal["auto", "json", "console"]

# When a counter was first used is nobody's question, and was a third of the text.
disable_created_metrics()  # type: ignore[no-untyped-call]

#: All metrics of this program: a module declares its own with `registry=REGISTRY`. Labels are bounded.
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

HTTP_REQUESTS = Counter(
    "hubbub_http_requests_total", "HTTP requests answered", ["method", "route", "status"], registry=REGISTRY
)
HTTP_SECONDS = Histogram(
    "hubbub_http_request_seconds",
    "Time from the request to its last byte",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=REGISTRY,
)

EVENTS = Counter(
    "hubbub_events_total",
    "Events and chat lines by what became of them: accepted, duplicate, rejected",
    ["outcome"],
    registry=REGISTRY,
)
BATCH_EVENTS = Histogram(
    "hubbub_batch_events",
    "Events in one transaction",
    buckets=(1, 5, 20, 100, 250, 500, 1000, 2500, 5000),
    registry=REGISTRY,
)
BATCH_SECONDS = Histogram(
    "hubbub_batch_seconds",
    "From taking a batch to the end of its COMMIT",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4),
    registry=REGISTRY,
)
DEADLINE_SECONDS = Histogram(
    "hubbub_deadline_lateness_seconds",
    "How late deadlines fired",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.3, 1, 2, 5, 30, 300),
    registry=REGISTRY,
)
POSITION_SECONDS = Histogram(
    "hubbub_position_check_seconds",
    "Time of one comparison of all shown campaigns with the database; none is made while nobody watches",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3),
    registry=REGISTRY,
)
LOOP_SECONDS = Histogram(
    "hubbub_event_loop_lag_seconds",
    "How much later than asked the event loop woke up; looked at four times a second",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
    registry=REGISTRY,
)

OUTBOX_DELIVERIES = Counter(
    "hubbub_outbox_deliveries_total",
    "Tries to deliver what must leave, by what became of them: done, again, needs_person, dead",
    ["kind", "outcome"],
    registry=REGISTRY,
)
TOKEN_REFRESHES = Counter(
    "hubbub_token_refreshes_total",
    "Tokens asked of a platform: done, refused, away; resting: not asked, the last one is too fresh",
    ["provider", "outcome"],
    registry=REGISTRY,
)

_SECRET = re.compile(r"\b(ovl|tkt|hb|whsec|ing)_[A-Za-z0-9_\-+/=]{8,}|(#(?:k|code)=)[^\s\"']+")
_PASSWORD = re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]+(?=@)")
#: Control characters, line and paragraph separators, bidirectional overrides.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def _hide(text: str) -> str:
    text = _SECRET.sub(lambda match: f"{match[1]}_***" if match[1] else f"{match[2]}***", text)
    return _PASSWORD.sub(r"\1:***", text)


def _escape(text: str) -> str:
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def clean(value: Any) -> Any:
    """A value as it may be logged: secrets starred, control characters spelled out."""
    if isinstance(value, str):
        return _escape(_hide(value))
    if isinstance(value, bytes):
        return clean(repr(value))
    if isinstance(value, dict):
        return {clean(key): clean(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [clean(inner) for inner in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return clean(str(value))


def _clean_event(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    cleaned: dict[str, Any] = {}
    for key, value in event.items():
        # A traceback keeps its lines: it is ours, and only what it quotes is somebody else's.
        if key == "exception":
            cleaned[key] = "\n".join(_escape(line) for line in _hide(str(value)).split("\n"))
        else:
            cleaned[_escape(key)] = clean(value)
    return cleaned


def _forget_rows(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """PostgreSQL says which row it refuses, with all that is in it: a viewer's id, a name, a line."""
    known: set[int] = set()
    waiting = [sys.exc_info()[1] if event.get("exc_info") is True else event.get("exc_info")]
    while waiting:
        error = waiting.pop()
        if isinstance(error, tuple):
            error = error[1]
        if not isinstance(error, BaseException) or id(error) in known:
            continue
        known.add(id(error))
        if getattr(error, "sqlstate", None):
            error.detail = None  # type: ignore[attr-defined]  # asyncpg's, known here by its shape
        waiting += [error.__cause__, error.__context__]
        if isinstance(error, BaseExceptionGroup):
            waiting += error.exceptions
    return event


class DropQueryStrings(logging.Filter):
    """Cuts `?…` from the paths that uvicorn logs: whoever puts a secret there shall not find it in a log."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                arg.partition("?")[0] if isinstance(arg, str) and arg.startswith("/") else arg
                for arg in record.args
            )
        return True


class DropConnections(logging.Filter):
    """Says nothing of WebSockets that come and go: three lines each, and a probe comes every 10 s."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (
            record.levelno <= logging.INFO
            and isinstance(record.msg, str)
            and (record.msg in ("connection open", "connection closed") or '"WebSocket ' in record.msg)
        )


def configure_logging(
    style: LogFormat = "auto", *, level: int = logging.INFO, stream: TextIO | None = None
) -> None:
    """Send every log of this process, ours and that of libraries, to one place as one kind of line.

    `auto`: for people when the stream is a terminal, JSON otherwise. May be called again.
    """
    stream = stream or sys.stderr
    for_people = style == "console" or (style == "auto" and stream.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=stream.isatty())
        if for_people
        else structlog.processors.JSONRenderer(ensure_ascii=True)
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _forget_rows,
            structlog.processors.format_exc_info,
            _clean_event,
            renderer,
        ],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
        logger.filters = [DropQueryStrings(), DropConnections()]
    # One line a request is noise at 2 polls of the status a second; metrics count them.
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
    for noisy in ("websockets", "asyncio"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))
    # Below this it writes every frame and header down, keys and cookies among them.
    logging.getLogger("uvicorn.error").setLevel(max(level, logging.INFO))
    # Its pool logs a traceback for every connection that a stopped PostgreSQL takes along; we say it once.
    logging.getLogger("asyncpg").setLevel(max(level, logging.ERROR))
