"""The Socket.IO namespace `/vtt`: lets the browsers of paired tables in, and knows them while they are there.

The only module that imports the library, which does the protocols of Engine.IO and Socket.IO over the
connection that `gate` guards. WebSocket only: the module uses nothing else (vtt-wire-protocol §1).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import socketio  # type: ignore[import-untyped]
import structlog
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.types import Receive, Scope, Send

from server.live import attempts
from server.live.rate_limit import Limit
from server.rules.item_categories import ItemCategoryRule
from server.web.foundry import browsers as known
from server.web.foundry import gate, handshake
from server.web.foundry.absent import Absent
from server.web.foundry.browsers import Browser, Browsers
from server.web.foundry.courier import Courier
from server.web.foundry.gate import NAMESPACE, Line
from server.web.foundry.handshake import Admitted, Refused
from server.web.foundry.intake import Arrived, Intake
from server.web.foundry.tokens import Token
from server.web.foundry.told_rolls import ToldRolls
from server.web.foundry.watch import Watch, wire_categories
from server.web.services import Services
from sql import item_category_rules, vtt_tokens
from sql.pool import UNREACHABLE
from sql.vtt_tokens import Paired

_log = structlog.get_logger(__name__)

PATH: Final = "/socket.io/"
#: Connections of one address at the same time, and how many it may open in a minute.
MOST_OF_AN_ADDRESS: Final = 32
OPENED = Limit("foundry-socket", 120)
_LINE: Final = "hubbub.line"
_STOP_WITHIN_S: Final = 2.0
_LONGEST_INTEGER: Final = 20


class _Json:
    """JSON as the library wants it, with a bound on what it may cost to read."""

    @staticmethod
    def loads(text: str, **_: Any) -> Any:
        try:
            return json.loads(text, parse_int=_whole, parse_constant=_refuse)
        except RecursionError:
            raise ValueError("nested too deep") from None

    @staticmethod
    def dumps(value: Any, **_: Any) -> str:
        return json.dumps(value, separators=(",", ":"))


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float(digits)


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


class Foundry:
    """ASGI application for PATH. `run` must be alive while it is used."""

    def __init__(
        self,
        services: Services,
        *,
        ping_every_s: float = known.PING_EVERY_S,
        pong_within_s: float = known.PONG_WITHIN_S,
    ) -> None:
        self._services = services
        self._ping_every_s = ping_every_s
        self._pong_within_s = pong_within_s
        self.browsers = Browsers()
        self._by_sid: dict[str, tuple[Browser, Intake]] = {}
        self._addresses: Counter[str] = Counter()
        self._lines: set[Line] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._intakes: set[asyncio.Task[None]] = set()
        self._absent = Absent()
        self._told = ToldRolls(services.database)
        self._courier = Courier(services.database, self.browsers, services.clock)
        self._watch = Watch(services, self.browsers, self._courier)
        self._is_closing = False
        quiet = logging.getLogger("hubbub.socketio")
        quiet.setLevel(logging.CRITICAL)  # what it says of strangers' packets is not worth a line each
        self._server = socketio.AsyncServer(
            async_mode="asgi",
            json=_Json,
            async_handlers=False,  # in order, and no more at once than are handled
            namespaces=[NAMESPACE],
            logger=quiet,
            engineio_logger=quiet,
            transports=["websocket"],
            allow_upgrades=False,
            cors_allowed_origins=[],  # no check: Foundry runs anywhere, and a token proves who comes
            http_compression=False,
            cookie=None,
            max_http_buffer_size=gate.LARGEST_MESSAGE,
            monitor_clients=False,  # `Browser.keep` does
        )
        self._server.on("connect", self._connect, namespace=NAMESPACE)
        self._server.on("disconnect", self._disconnect, namespace=NAMESPACE)
        self._server.on("*", self._event, namespace=NAMESPACE)

    def routes(self) -> list[BaseRoute]:
        return [WebSocketRoute(PATH, self)]

    async def run(self) -> None:
        """Look after everybody who is connected, until cancelled."""
        await self._watch.run()

    async def close(self) -> None:
        """Nobody comes in any more; what has arrived is stored, and every socket ends without a goodbye.

        After a goodbye of the namespace the module would not come back until its page is reloaded.
        """
        self._is_closing = True
        for line in tuple(self._lines):
            line.limit(_STOP_WITHIN_S)
        for _, intake in tuple(self._by_sid.values()):
            intake.end()
        if self._intakes:
            await asyncio.wait(tuple(self._intakes), timeout=_STOP_WITHIN_S)
        await self._courier.close()
        for line in tuple(self._lines):
            line.cut()
        for task in tuple(self._tasks):
            task.cancel()

    # A connection of Engine.IO.

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        address = attempts.neighbourhood(client[0] if client else "")
        if self._is_closing or not await self._may_open(address):
            await receive()
            await send({"type": "websocket.close", "code": 1013})
            return
        line = Line(scope, receive, send)
        scope[_LINE] = line
        self._lines.add(line)
        self._addresses[address] += 1
        try:
            await self._server.handle_request(scope, line.receive, line.send)
        finally:
            line.finish()
            self._lines.discard(line)
            self._addresses[address] -= 1
            if not self._addresses[address]:
                del self._addresses[address]

    async def _may_open(self, address: str) -> bool:
        if self._addresses[address] >= MOST_OF_AN_ADDRESS:
            return False
        return (await self._services.limiter.take(OPENED, address)).allowed

    # A browser in the namespace.

    async def _connect(self, sid: str, environ: Mapping[str, Any], auth: object = None) -> None:
        line: Line = environ["asgi.scope"][_LINE]
        try:
            admitted, rules = await self._admit(auth)
        except Refused as refused:
            _log.info("foundry_socket_refused", reason=str(refused), host=line.host)
            line.limit(gate.LEAVE_WITHIN_S)
            raise socketio.exceptions.ConnectionRefusedError(str(refused)) from None
        line.stay()

        async def say(event: str, data: Mapping[str, Any]) -> None:
            await self._server.emit(event, dict(data), to=sid, namespace=NAMESPACE)

        async def leave() -> None:
            await self._server.disconnect(sid, NAMESPACE)
            line.limit(gate.LEAVE_WITHIN_S)

        browser = Browser(admitted, line, say=say, leave=leave, now_ms=self._now_ms)
        browser.categories = wire_categories(rules)
        intake = Intake(self._services, browser, self._told)
        self._by_sid[sid] = browser, intake
        self.browsers.add(browser)
        self._start(self._intakes, intake.run())
        self._start(self._tasks, self._look_after(browser))
        _log.info("foundry_socket_opened", connection_id=str(admitted.connection_id), host=line.host)

    def _start(self, tasks: set[asyncio.Task[None]], work: Any) -> None:
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def _admit(self, auth: object) -> tuple[Admitted, list[ItemCategoryRule]]:
        """Who shows this token, and what the table shall know. Raises Refused, nothing else."""
        if self._is_closing:
            raise Refused(handshake.LATER)
        services = self._services
        token = handshake.genuine(services.vault, auth.get("token") if isinstance(auth, dict) else None)
        try:
            async with services.database.connection() as connection:
                found = await vtt_tokens.by_token(connection, token.connection_id, token.jti)
                held = self._there(token, found)
                admitted = handshake.judge(token, held, services.clock())
                rules = await item_category_rules.list_of_campaign(connection, admitted.campaign_id)
                await handshake.arrived(connection, token, held)
        except Refused:
            raise
        except UNREACHABLE as error:
            _log.warning("foundry_database_away", error=type(error).__name__)
            raise Refused(handshake.LATER) from None
        except Exception:
            _log.exception("foundry_handshake_failed")
            raise Refused(handshake.LATER) from None
        return admitted, rules

    def _there(self, token: Token, held: Paired | None) -> Paired:
        """The table of a token. Raises Refused."""
        if held is None:
            is_gone = self._absent.is_gone(token.connection_id, asyncio.get_running_loop().time())
            raise Refused(handshake.TABLE_DELETED if is_gone else handshake.LATER)
        self._absent.found(token.connection_id)
        return held

    async def _look_after(self, browser: Browser) -> None:
        admitted = browser.admitted
        await browser.say(
            "connected",
            {
                "connectionId": str(admitted.connection_id),
                "timestamp": self._now_ms(),
                "itemCategories": browser.categories,
            },
        )
        await self._watch.arrived(browser)
        await browser.keep(self._ping_every_s, self._pong_within_s)

    def _now_ms(self) -> int:
        return round(self._services.clock().timestamp() * 1000)

    async def _event(self, event: str, sid: str, payload: object = None, *_: object) -> None:
        found = self._by_sid.get(sid)
        if found is None:
            return
        browser, intake = found
        received_at = self._services.clock()
        self._services.rooms.heard.note_table(browser.admitted.connection_id, received_at)
        if event == "pong":
            browser.ponged()
            return
        browser.heard()
        if not self._is_closing:
            await intake.put(Arrived(event, payload, received_at))

    async def _disconnect(self, sid: str, *_: object) -> None:
        found = self._by_sid.pop(sid, None)
        if found is None:
            return
        browser, intake = found
        self.browsers.remove(browser)
        intake.end()
        browser.line.limit(gate.LEAVE_WITHIN_S)
        browser.gone.set()
        _log.info("foundry_socket_closed", connection_id=str(browser.admitted.connection_id))
