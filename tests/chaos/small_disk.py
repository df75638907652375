"""A database whose tables lie on a disk of their own, which can be full: a small tablespace."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from server.embedded import Embedded

#: Room for an empty installation and what a trial writes into it.
SIZE_MIB = 96
_NAME = "small_disk"


class SmallDisk:
    """`fill()` leaves not a byte, `free()` gives the room back."""

    def __init__(self, place: Path, url: str) -> None:
        self.url = url
        self._filler = place / "filler"

    async def fill(self) -> int:
        """Answers how many bytes were free."""
        return await asyncio.to_thread(self._fill)

    def free(self) -> None:
        self._filler.unlink()

    def _fill(self) -> int:
        with self._filler.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(65536)):
                    pass
            except OSError as error:
                if error.errno != 28:  # ENOSPC
                    raise
            return file.tell()

    @classmethod
    @asynccontextmanager
    async def of(cls, servers: Embedded, postgres_url: str, folder: Path) -> AsyncIterator[SmallDisk]:
        """Until the block ends; a copy of the database of `postgres_url`. See `why_not`."""
        place = folder / "disk"
        await asyncio.to_thread(_mount, place, servers.pids()["postgres"])
        parts = urlsplit(postgres_url)
        urls = [f"{parts.scheme}:///{name}?{parts.query}" for name in ("postgres", _NAME)]
        try:
            manager = await asyncpg.connect(urls[0])
            try:
                await manager.execute(f"CREATE TABLESPACE {_NAME} LOCATION '{place / 'tables'}'")
                await manager.execute(
                    f'CREATE DATABASE {_NAME} TEMPLATE "{parts.path[1:]}" TABLESPACE {_NAME}'
                )
                yield cls(place, urls[1])
            finally:
                await manager.execute(f"DROP DATABASE IF EXISTS {_NAME} WITH (FORCE)")
                await manager.execute(f"DROP TABLESPACE IF EXISTS {_NAME}")
                await manager.close()
        finally:
            await asyncio.to_thread(subprocess.run, ["umount", "--lazy", str(place)], check=True)


def _mount(place: Path, postgres: int) -> None:
    place.mkdir()
    place.parent.chmod(0o711)  # PostgreSQL may be another user and has to get there
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", str(place)], check=True)
    tables = place / "tables"
    tables.mkdir(mode=0o700)
    owner = Path(f"/proc/{postgres}").stat()
    os.chown(tables, owner.st_uid, owner.st_gid)


def why_not() -> str:
    """Why this machine can have no small disk; empty when it can."""
    if sys.platform != "linux" or not shutil.which("mount"):
        return "a disk that is full is made with a tmpfs, on Linux"
    held = next(
        line.split()[1]
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("CapEff")
    )
    may_mount = int(held, 16) >> 21 & 1  # CAP_SYS_ADMIN, see capabilities(7)
    return "" if may_mount else "a disk that is full is a tmpfs, and only root may mount one"
