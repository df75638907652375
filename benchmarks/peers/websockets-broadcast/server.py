"""The websockets library's own fan-out: `broadcast` to all connections of the server."""

import asyncio

from websockets.asyncio.server import ServerConnection, broadcast, serve

from benchmarks.peers.orders import message, obey


async def live(socket: ServerConnection) -> None:
    await socket.wait_closed()


async def main() -> None:
    async with serve(live, "127.0.0.1", 0, compression=None, backlog=1024) as server:

        async def publish(number: int, at: str, size: int) -> None:
            broadcast(server.connections, message(number, at, size))

        await obey(server.sockets[0].getsockname()[1], publish)


if __name__ == "__main__":
    asyncio.run(main())
