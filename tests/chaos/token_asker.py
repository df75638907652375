"""A process that uses tokens: many at once were answered 401 with the same version. One line of JSON comes on
standard input for each time, one goes back with what they were given, counted; it never tells a token.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import structlog

from integrations.tokens import NoToken, Tokens
from server.vault import Vault
from sql.pool import Database
from tests.fakes.identity_server import IdentityServer
from tests.integration.tokens_rig import apps, identities

#: How many ask at once in each process.
AT_ONCE = 100


def fingerprint(token: str) -> str:
    """By which the same token is known, without telling it."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]


class Asker:
    """The other end: such a process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def begin(self, account: str, version: int) -> None:
        """Have everybody be refused with this version."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([account, version]).encode() + b"\n")
        await self.process.stdin.drain()

    async def answers(self) -> Counter[str]:
        """What they were given: the fingerprint of a token, or the name and words of an error."""
        assert self.process.stdout is not None
        return Counter(json.loads(await self.process.stdout.readline()))

    async def kill9(self) -> None:
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def asker(url: str, server: IdentityServer, key: bytes) -> AsyncIterator[Asker]:
    """A process that is ready to ask; it is killed at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.chaos.token_asker", url, server.url,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"ASKER_KEY": key.decode()},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield Asker(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _one(tokens: Tokens, account: str, version: int) -> str:
    try:
        return fingerprint((await tokens.refused("twitch", account, version)).value)
    except NoToken as error:
        return f"{type(error).__name__}: {error}"


async def _main(url: str, identity_url: str) -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    database = await Database.open(url, most=4)
    server: Any = IdentityServer(url=identity_url)
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession() as session:
        vault = Vault([os.environ["ASKER_KEY"].encode()])
        tokens = Tokens(database, vault, identities(server, session), apps(server, session))
        print("ready", flush=True)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            account, version = json.loads(line)
            found = await asyncio.gather(*(_one(tokens, account, version) for _ in range(AT_ONCE)))
            print(json.dumps(Counter(found)), flush=True)
    await database.close()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
