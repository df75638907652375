"""README and docs keep their word: blocks marked `sh` are executed, and everything that is named exists.

A fenced block marked `sh` runs; `console`, `text`, `css` and others do not. The blocks of a page are one
script, run from top to bottom by `sh -eu` in a fresh copy of the project. Three things differ from what a
reader does: `make run` is started first and left running on a free port, `http://127.0.0.1:8787` is
written as that port, and `make test` gets ARGS that keep it short.
"""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import AliasChoices

from server.__main__ import parser
from server.config import Settings
from server.rules.tally import Weighting, weights
from tests.clones import PROJECT, Make, copy_project, plain_environment

PICTURES = PROJECT / "docs" / "pictures"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_VARIABLE = re.compile(r"\b(?:HUBBUB|TWITCH|KICK|GOOGLE)_[A-Z_]+\b|\b(?:DATABASE|REDIS)_URL\b|\bPORT\b")
_COMMAND = re.compile(r"(?:^|[\s(])(?:hubbub|\.venv/bin/python -m server) ([^|>)\n]+)")
_PATH = re.compile(r"(?:server|sql|overlay|integrations|tests|tools|docs|requirements)/[\w./-]+")


@dataclass(frozen=True)
class Page:
    """A page and what is in it."""

    path: Path
    text: str

    @property
    def script(self) -> str:
        """Its `sh` blocks but for `make run`, each after a line that says where it stands."""
        parts = ["set -eu"]
        for block in _BLOCK.finditer(self.text):
            if block[1] == "sh" and block[2].strip() != "make run":
                line = self.text.count("\n", 0, block.start()) + 1
                parts += [f"echo '--- {self.path.name}, line {line}' >&2", block[2]]
        return "\n".join(parts) if len(parts) > 1 else ""

    @property
    def code(self) -> list[str]:
        """The lines of its blocks, and its code spans."""
        lines = [
            line.removeprefix("$ ") for block in _BLOCK.finditer(self.text) for line in block[2].split("\n")
        ]
        return lines + _SPAN.findall(_BLOCK.sub("", self.text))

    @property
    def anchors(self) -> set[str]:
        """What `#…` may follow its name, by the rule of code forges."""
        headings = re.findall(r"^#+ (.+)$", _BLOCK.sub("", self.text), re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def page(path: Path) -> Page:
    return Page(path, path.read_text("utf-8"))


README = page(PROJECT / "README.md")
GAME_MASTER = page(PROJECT / "docs" / "game-master.md")
OPERATOR = page(PROJECT / "docs" / "operator.md")
PAGES = [README, *(page(path) for path in sorted((PROJECT / "docs").glob("*.md")))]
each_page = pytest.mark.parametrize("document", PAGES, ids=lambda document: document.path.name)


def _environment() -> dict[str, str]:
    # The copy borrows our packages; whatever asks pip to install something must not touch them.
    return plain_environment() | {"PIP_DRY_RUN": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


@pytest.fixture(scope="module")
def copy() -> Iterator[Path]:
    """The project as after `git clone` and a first `make`; its .venv has our packages."""
    folder = Path(tempfile.mkdtemp(prefix="hubbub-docs-", dir="/tmp"))
    clone = copy_project(folder / "hubbub")
    (clone / ".venv").mkdir()
    for entry in Path(sys.prefix).iterdir():
        if not entry.name.endswith("-stamp"):
            (clone / ".venv" / entry.name).symlink_to(entry)
    subprocess.run(
        ["sh", "tools/venv.sh", "test"], cwd=clone, env=_environment(), check=True, capture_output=True
    )
    yield clone
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def running(copy: Path) -> Iterator[str]:
    """`make run`, word for word, until the last page is through; its address."""
    program = Make(copy, _environment())
    try:
        yield program.wait_until_ready(60)
    finally:
        program.stop(signal.SIGINT)  # Ctrl-C, as the README says


@pytest.mark.parametrize(
    "document", [found for found in PAGES if found.script], ids=lambda document: document.path.name
)
def test_what_is_marked_sh_works(document: Page, copy: Path, running: str) -> None:
    script = document.script.replace("http://127.0.0.1:8787", running)
    if "curl " in script and shutil.which("curl") is None:
        pytest.skip("no curl on this machine")
    done = subprocess.run(
        ["sh"],
        cwd=copy,
        env=_environment() | {"ARGS": "tests/unit/test_wiretime.py"},
        input=script,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{done.stderr[-3000:]}\n{done.stdout[-3000:]}"


def test_the_readme_has_the_two_commands_and_a_fresh_desk_link() -> None:
    blocks = [found[2].strip() for found in _BLOCK.finditer(README.text) if found[1] == "sh"]
    assert blocks == ["make run", ".venv/bin/python -m server link", "make test"]


@each_page
def test_links_lead_somewhere(document: Page) -> None:
    for target in _LINK.findall(document.text):
        assert "://" not in target, f"{target}: the pages must be readable offline"
        name, _, anchor = target.partition("#")
        path = (document.path.parent / name).resolve() if name else document.path
        assert path.exists(), target
        assert not anchor or anchor in page(path).anchors, target


def test_pictures_are_small_and_all_of_them_are_used() -> None:
    shown = {
        (found.path.parent / target).resolve()
        for found in PAGES
        for target in _LINK.findall(found.text)
        if target.endswith(".png")
    }
    taken = set(PICTURES.glob("*.png"))
    assert shown == taken
    too_big = {path.name: path.stat().st_size for path in taken if path.stat().st_size > 400 * 1024}
    assert not too_big


def settings_variables() -> set[str]:
    names: set[str] = set()
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        if isinstance(alias, AliasChoices):
            names |= {str(choice) for choice in alias.choices}
        else:
            names.add(str(alias) if alias else f"HUBBUB_{name.upper()}")
    return names


def test_variables_exist_and_the_operators_table_has_all() -> None:
    example = set(_VARIABLE.findall((PROJECT / ".env.example").read_text("utf-8")))
    for document in PAGES:
        assert set(_VARIABLE.findall(document.text)) <= settings_variables() | example, document.path.name
    table = "\n".join(line for line in OPERATOR.text.split("\n") if line.startswith("|"))
    assert settings_variables() <= set(_VARIABLE.findall(table))


@each_page
def test_commands_and_paths_exist(document: Page) -> None:
    targets = set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for code in document.code:
        for arguments in _COMMAND.findall(code):
            with pytest.raises(SystemExit) as ended:  # help answers 0, and 2 for a command that is not there
                parser().parse_args([*shlex.split(arguments), "--help"])
            assert ended.value.code == 0, arguments
        for target in re.findall(r"(?:^|\s)make ([a-z]+)", code):
            assert target in targets, code
        for path in _PATH.findall(code):
            assert (PROJECT / path).exists(), path


def test_the_operators_page_has_every_command() -> None:
    commands = re.findall(r"^    ([a-z]+) ", parser().format_help(), re.MULTILINE)
    assert "verify" in commands
    assert [name for name in commands if f"`hubbub {name}" not in OPERATOR.text] == []


def test_the_example_of_the_weightings_is_right() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in GAME_MASTER.text.split("\n")
        if line.startswith("|")
    ]
    votes = {row[0]: tuple(int(cell) for cell in row[1:]) for row in rows if row[0].endswith("'s chat")}
    tally = (votes["Ana's chat"], votes["Ben's chat"])
    rules: dict[str, tuple[Weighting, int]] = {
        "Every vote is equal": ("sum", 50),
        "Every channel is equal": ("channel", 50),
        "Big channels are capped, at 60 %": ("capped", 60),
        "By share of viewers": ("per_head", 50),
    }
    options = next(row[1:] for row in rows if row[1:2] == ["The red door"])
    said = {row[0]: row[1:] for row in rows if row[0] in rules}
    assert said.keys() == rules.keys()
    for name, (weighting, cap) in rules.items():
        weight = weights(tally, 3, weighting, cap)
        shares = [f"{round(float(part / sum(weight)) * 100)} %" for part in weight]
        top = [option for option, part in zip(options, weight, strict=True) if part == max(weight)]
        assert said[name] == [*shares, top[0] if len(top) == 1 else "a tie"], name
