"""Letters to people: a port, and its two ends. What stands in a letter is in no log."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

import structlog

log = structlog.get_logger(__name__)

_WITHIN_S: Final = 15.0
#: Letters that wait at most; whoever asks for one more is told so.
_MOST_WAITING: Final = 100
#: A letter that could not be handed in is tried again after so many seconds.
_AGAIN_AFTER_S: Final = (5.0, 30.0)


@dataclass(frozen=True, slots=True)
class Letter:
    """Plain text to one address. The text holds a secret, so it is in no repr."""

    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)


class MailAway(Exception):
    """The letter could not be handed in; trying again may help. The message names no address."""


class Mailer(Protocol):
    """Where letters are handed in."""

    async def send(self, letter: Letter) -> None:
        """Hand it in, within 15 s. Raises MailAway."""


class SmtpMailer:
    """An SMTP server: `smtp://` with STARTTLS where the server has it (always when there is a password), `smtps://`."""

    def __init__(self, url: str, sender: str) -> None:
        """`url` is smtp[s]://[user:password@]host[:port]; `sender` the address that letters come from."""
        parts = urlsplit(url)
        self._is_tls = parts.scheme == "smtps"
        self._host = parts.hostname or "localhost"
        self._port = parts.port or (465 if self._is_tls else 587)
        self._login = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        self._sender = sender

    async def send(self, letter: Letter) -> None:
        try:
            await asyncio.to_thread(self._hand_in, letter)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise MailAway(type(error).__name__) from None  # its words may quote the letter

    def _hand_in(self, letter: Letter) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, letter.to, letter.subject
        message["Date"], message["Message-ID"] = (
            formatdate(),
            make_msgid(domain=self._sender.rpartition("@")[2]),
        )
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        context = ssl.create_default_context()
        kind: Callable[[], smtplib.SMTP] = (
            (lambda: smtplib.SMTP_SSL(self._host, self._port, timeout=_WITHIN_S, context=context))
            if self._is_tls
            else (lambda: smtplib.SMTP(self._host, self._port, timeout=_WITHIN_S))
        )
        with kind() as server:
            if not self._is_tls:
                server.ehlo()
                if server.has_extn("starttls"):
                    server.starttls(context=context)
                elif self._login:
                    raise ValueError("a password is not sent in clear text")
            if self._login:
                server.login(*self._login)
            server.send_message(message)


class TerminalMailer:
    """For one computer: whoever runs Hubbub sees the letter, and nobody else. Printed, never logged."""

    async def send(self, letter: Letter) -> None:
        print(
            f"\n--- Letter to {letter.to} ---\n{letter.subject}\n\n{letter.text}\n---\n",
            file=sys.stdout,
            flush=True,
        )


class Post:
    """Letters are handed in behind the request that asked for them, so that its time tells nothing."""

    def __init__(self, mailer: Mailer) -> None:
        self._mailer = mailer
        self._waiting: asyncio.Queue[Letter] = asyncio.Queue(_MOST_WAITING)

    def put(self, letter: Letter) -> bool:
        """Take a letter; False when too many wait."""
        try:
            self._waiting.put_nowait(letter)
        except asyncio.QueueFull:
            log.warning("letter_refused", waiting=_MOST_WAITING)
            return False
        return True

    async def run(self) -> None:
        """Hand in letters until cancelled. One that nobody took three times is given up and logged."""
        while True:
            letter = await self._waiting.get()
            for wait_s in (*_AGAIN_AFTER_S, None):
                try:
                    await self._mailer.send(letter)
                    break
                except MailAway as error:
                    if wait_s is None:
                        log.warning("letter_given_up", subject=letter.subject, reason=str(error))
                        break
                    await asyncio.sleep(wait_s)
            self._waiting.task_done()

    async def empty(self, within_s: float) -> None:
        """Wait until nothing waits any more, at the end of the program."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._waiting.join()
