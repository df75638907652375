"""Commands as an operator types them: what goes wrong is one sentence and an exit code, never a traceback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from server import running
from tests.servers import Hubbub, StartHubbub, spawn, wait_until

SECRET = "9f2c4b7e1a8d3056c7e4f1b2a9d80634"
#: Nothing listens there.
AWAY = "postgresql://hubbub:hunter2@127.0.0.1:1/hubbub"
#: Nobody can make a folder there, root neither.
NO_PLACE = "/proc/hubbub/data"
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH")


def _environment(folder: Path, settings: dict[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return kept | {"HUBBUB_DATA_DIR": str(folder / "data"), "HUBBUB_PORT": "0"} | settings


def hubbub_says(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "server", *arguments],
        cwd=folder,
        env=_environment(folder, settings),
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )


def refusal(said: subprocess.CompletedProcess[str], code: int) -> str:
    """The one sentence."""
    assert said.returncode == code, f"{said.returncode}: {said.stdout}{said.stderr}"
    assert "Traceback" not in said.stderr
    assert "hunter2" not in said.stderr
    (line,) = said.stderr.strip().split("\n")
    assert line.startswith("hubbub: ")
    return line


@contextmanager
def started(folder: Path, command: str, **settings: str) -> Iterator[Path]:
    """A process of one role, ended by SIGTERM; its log."""
    log = folder / f"{command}.log"
    with log.open("wb") as output:
        process = spawn(
            [sys.executable, "-m", "server", command],
            cwd=folder,
            env=_environment(folder, settings) | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(
            lambda: b"Hubbub is ready" in log.read_bytes() or process.poll() is not None, "ready", seconds=20
        )
        assert process.poll() is None, log.read_text("utf-8")
        yield log
    finally:
        process.terminate()
        status = process.wait(12)
    assert status == 0, log.read_text("utf-8")


@pytest.mark.parametrize(
    "command",
    [
        "migrate",
        "key list",
        "key create probe",
        "link",
        "simulate --url http://127.0.0.1:1 --seconds 1",
        "web",
        "connectors",
        "worker",
    ],
)
def test_a_database_that_is_away_is_told_in_a_sentence(tmp_path: Path, command: str) -> None:
    said = hubbub_says(
        tmp_path,
        *command.split(),
        DATABASE_URL=AWAY,
        HUBBUB_SECRET_KEY=SECRET,
        HUBBUB_PUBLIC_URL="http://127.0.0.1:1",
    )
    assert "PostgreSQL at postgresql://hubbub:***@127.0.0.1:1/hubbub does not answer" in refusal(said, 78)


def test_a_database_that_does_not_exist_is_told_in_a_sentence(tmp_path: Path, database_url: str) -> None:
    url = database_url.replace("/test_", "/gone_")
    for command in ("migrate", "web"):
        said = hubbub_says(tmp_path, command, DATABASE_URL=url, HUBBUB_SECRET_KEY=SECRET)
        assert "does not exist" in refusal(said, 78)


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("key revoke nonsense", 2, "no id of a key"),
        ("doctor --campaign nonsense", 2, "no id of a show"),
        ("key create " + "x" * 65, 2, "1 to 64 characters"),
        ("link", 78, "hubbub up"),
        ("web", 78, "hubbub up"),
    ],
)
def test_a_wrong_command_is_told_in_a_sentence(tmp_path: Path, command: str, code: int, words: str) -> None:
    assert words in refusal(hubbub_says(tmp_path, *command.split()), code)


def test_a_wrong_redis_url_is_refused(tmp_path: Path) -> None:
    assert "REDIS_URL must be like" in refusal(hubbub_says(tmp_path, "up", REDIS_URL="nonsense"), 78)


@pytest.mark.parametrize("option", ["--rate 0", "--rate fast", "--seconds 0", "--people 0"])
def test_a_simulation_out_of_range_is_wrong_usage(tmp_path: Path, option: str) -> None:
    said = hubbub_says(tmp_path, "simulate", *option.split())
    assert said.returncode == 2
    assert "Traceback" not in said.stderr


def test_a_key_is_made_listed_and_ended_once(tmp_path: Path, database_url: str) -> None:
    mine = {"DATABASE_URL": database_url, "HUBBUB_SECRET_KEY": SECRET}
    made = hubbub_says(tmp_path, "key", "create", "x" * 64, **mine)
    assert made.returncode == 0, made.stderr
    key_id = made.stdout.partition("\nid ")[2].partition(".")[0]
    assert f"{UUID(key_id)}  valid" in hubbub_says(tmp_path, "key", "list", **mine).stdout
    assert hubbub_says(tmp_path, "key", "revoke", key_id, **mine).returncode == 0
    assert "no valid key" in refusal(hubbub_says(tmp_path, "key", "revoke", key_id, **mine), 1)


def test_servers_of_ones_own_need_no_data_directory(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    mine = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "HUBBUB_SECRET_KEY": SECRET,
        "HUBBUB_DATA_DIR": NO_PLACE,
    }
    with started(tmp_path, "web", **mine) as log:
        assert "no_note_in_data_directory" not in log.read_text("utf-8"), "only 'up' leaves one"
    with started(tmp_path, "up", **mine) as log:
        assert "no_note_in_data_directory" in log.read_text("utf-8")
    said = hubbub_says(tmp_path, "doctor", **mine)
    assert "Data directory      Not needed" in said.stdout
    assert said.returncode == 0, said.stdout


def test_the_note_of_up_holds_no_url_of_a_server_of_ones_own(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    mine = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "HUBBUB_SECRET_KEY": SECRET}
    with started(tmp_path, "up", **mine):
        found = running.find(tmp_path / "data")
        assert found is not None
        assert (found.database_url, found.redis_url) == ("", "")
        assert "/login#code=" in hubbub_says(tmp_path, "link", **mine).stdout
        assert "its DATABASE_URL too" in refusal(hubbub_says(tmp_path, "link"), 78)
        without = hubbub_says(tmp_path, "doctor")
        assert without.returncode == 1
        assert "Set REDIS_URL too" in without.stdout
    assert running.find(tmp_path / "data") is None
    assert not (tmp_path / "data" / "server.json").exists()


def test_a_second_process_leaves_the_note_of_up_alone(hubbub: Hubbub, tmp_path: Path) -> None:
    note = hubbub.data_dir / "server.json"
    before = note.read_text("utf-8")
    with started(tmp_path, "web", HUBBUB_DATA_DIR=str(hubbub.data_dir)):
        assert note.read_text("utf-8") == before
    assert note.read_text("utf-8") == before
    found = running.find(hubbub.data_dir)
    assert found is not None
    assert (found.pid, found.public_url) == (hubbub.pid, hubbub.base_url)


def test_a_note_of_somebody_else_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "server.json"
    with running.noted(tmp_path, "http://mine", "", ""):
        text = path.read_text("utf-8")
        path.write_text(json.dumps(json.loads(text) | {"pid": os.getppid()}), "utf-8")
    assert running.find(tmp_path) is not None
    with running.noted(tmp_path, "http://mine", "", ""):
        assert path.stat().st_mode & 0o777 == 0o600
    assert not path.exists()


# --- doctor ------------------------------------------------------------------------------------------


def test_doctor_before_the_first_start(tmp_path: Path) -> None:
    said = hubbub_says(tmp_path, "doctor")
    assert said.returncode == 0, said.stdout
    for words in ("PostgreSQL program", "Valkey program", "GiB free", "Embedded; starts with 'hubbub up'"):
        assert words in said.stdout
    assert "MEND" not in said.stdout
    assert not (tmp_path / "data").exists(), "looking leaves nothing behind"


def test_doctor_says_how_to_mend(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        said = hubbub_says(
            tmp_path,
            "doctor",
            DATABASE_URL=AWAY,
            REDIS_URL="redis://:hunter2@127.0.0.1:1",
            HUBBUB_SECRET_KEY=SECRET,
            HUBBUB_PORT=port,
        )
    assert said.returncode == 1
    assert "hunter2" not in said.stdout + said.stderr
    assert "Traceback" not in said.stderr
    for name in ("Database", "Redis", "Port"):
        assert f"MEND  {name}" in said.stdout, said.stdout
    assert "start it, or correct DATABASE_URL" in said.stdout.replace("Start", "start")
    unusable = hubbub_says(tmp_path, "doctor", HUBBUB_DATA_DIR=NO_PLACE)
    assert unusable.returncode == 1
    assert "MEND  Data directory" in unusable.stdout


async def test_doctor_tells_of_a_schema_that_is_not_there_yet(tmp_path: Path, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await connection.close()
    mine = {"DATABASE_URL": database_url, "HUBBUB_SECRET_KEY": SECRET}
    said = hubbub_says(tmp_path, "doctor", **mine)
    assert said.returncode == 0, said.stdout
    assert "note  Schema" in said.stdout
    assert hubbub_says(tmp_path, "migrate", **mine).returncode == 0
    assert "ok    Schema              Up to date." in hubbub_says(tmp_path, "doctor", **mine).stdout


def test_doctor_makes_the_checks_of_the_desk(start_hubbub: StartHubbub, tmp_path: Path) -> None:
    hubbub = start_hubbub(HUBBUB_DEMO="1")
    here = {"HUBBUB_DATA_DIR": str(hubbub.data_dir)}

    def call(path: str, body: object = None) -> Any:
        request = urllib.request.Request(  # noqa: S310  the address of our own subprocess
            f"{hubbub.base_url}/api/v1{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers=hubbub.headers | {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            return json.loads(response.read())

    show = call("/campaigns", {"name": "Friday"})["id"]
    said = hubbub_says(tmp_path, "doctor", **here)
    assert said.returncode == 0, "a show that is not ready breaks no installation"
    assert "The Gilded Vault" in said.stdout
    assert f"Show “Friday” ({show})" in said.stdout
    desk = call(f"/campaigns/{show}/preflight")
    of_show = said.stdout.partition(f"({show})")[2].partition("Show “")[0]
    for check in desk["checks"]:
        if check["name"] in ("Channels", "Overlays", "Stage"):
            assert check["detail"] in of_show
            assert check["fix"] in of_show
    assert f"Runs on {hubbub.base_url}" in said.stdout
    assert "ok    Redis               Frames reach all servers at once." in said.stdout
    assert hubbub_says(tmp_path, "doctor", "--campaign", show, **here).returncode == 1
    call(f"/campaigns/{show}/channels", {"platform": "custom", "login": "ana", "source": "api"})
    call(f"/campaigns/{show}/overlays", {"name": "Main"})
    ready = hubbub_says(tmp_path, "doctor", "--campaign", show, **here)
    assert (ready.returncode, "Gilded" in ready.stdout) == (0, False), ready.stdout
    assert hubbub_says(tmp_path, "doctor", "--campaign", str(uuid4()), **here).returncode == 1
