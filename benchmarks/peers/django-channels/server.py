# mypy: ignore-errors
# What it imports is in the environment of the peers only.
"""Django Channels: a consumer per client in one group, `group_send` over channels_redis, behind uvicorn.

PEER_REDIS_SOCKET names Redis. Uvicorn rather than Daphne, so that the server is the one the others have.
"""

import asyncio
import os
import secrets
import socket

import django
import uvicorn
from django.conf import settings

from benchmarks.peers.orders import message, obey

settings.configure(
    SECRET_KEY=secrets.token_hex(32),
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {
                "hosts": [{"address": f"unix://{os.environ['PEER_REDIS_SOCKET']}"}],
                "capacity": 100_000,
            },
        }
    },
)
django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402  settings come first
from channels.layers import get_channel_layer  # noqa: E402


class Live(AsyncWebsocketConsumer):
    groups = ("show",)

    async def show(self, event: dict[str, str]) -> None:
        await self.send(event["text"])


async def publish(number: int, at: str, size: int) -> None:
    await get_channel_layer().group_send("show", {"type": "show", "text": message(number, at, size)})


async def main() -> None:
    config = uvicorn.Config(
        Live.as_asgi(),
        backlog=1024,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        log_level="error",
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        serving = asyncio.create_task(server.serve([listener]))
        await obey(listener.getsockname()[1], publish)
        serving.cancel()


if __name__ == "__main__":
    asyncio.run(main())
