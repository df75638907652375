"""`.env.example` and Procfile against the code: every setting is listed, and nothing is set by copying it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import AliasChoices

from server import config
from server.config import Settings

PROJECT = Path(__file__).parents[2]
EXAMPLE = PROJECT / ".env.example"

#: `NAME=value`, commented out or not.
_LINE = re.compile(r"^#?([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)


def names_of(field: str) -> list[str]:
    """The environment variables that a field of Settings is read from."""
    alias = Settings.model_fields[field].validation_alias
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [str(alias)] if alias else [f"HUBBUB_{field.upper()}"]


def test_every_setting_is_in_the_example() -> None:
    text = EXAMPLE.read_text("utf-8")
    missing = {name for field in Settings.model_fields for name in names_of(field) if name not in text}
    assert not missing


def test_the_defaults_in_the_example_are_the_real_ones() -> None:
    shown = dict(_LINE.findall(EXAMPLE.read_text("utf-8")))
    for field, info in Settings.model_fields.items():
        if info.default not in (None, "", ()):
            assert shown[names_of(field)[0]] == str(info.default), field


def test_a_copy_of_the_example_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HUBBUB_HOST", *(name for field in Settings.model_fields for name in names_of(field))):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    plain = config.load()
    (tmp_path / ".env").write_text(EXAMPLE.read_text("utf-8"))
    assert config.load() == plain


def test_the_procfile_names_the_roles_of_the_contract() -> None:
    lines = (PROJECT / "Procfile").read_text("utf-8").splitlines()
    roles = {name: command.strip() for name, _, command in (line.partition(":") for line in lines)}
    assert roles == {
        "release": "python -m server migrate",
        **{name: f"python -m server {name}" for name in ("web", "connectors", "worker")},
    }
