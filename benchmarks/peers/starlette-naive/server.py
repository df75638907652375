"""Starlette as its tutorials do it: one `send_text` per client, one after the other."""

import asyncio
import socket

import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from benchmarks.peers.orders import message, obey

clients: set[WebSocket] = set()


async def live(socket: WebSocket) -> None:
    await socket.accept()
    clients.add(socket)
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        clients.discard(socket)


async def publish(number: int, at: str, size: int) -> None:
    text = message(number, at, size)
    for client in tuple(clients):
        await client.send_text(text)


async def main() -> None:
    config = uvicorn.Config(
        Starlette(routes=[WebSocketRoute("/", live)]),
        backlog=1024,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_level="error",
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        serving = asyncio.create_task(server.serve([listener]))
        await obey(listener.getsockname()[1], publish)
        serving.cancel()


if __name__ == "__main__":
    asyncio.run(main())
