"""RESULTS.md: a section that is measured anew takes the place of the older one, and of no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.results import Aim, Section, aims, percentile, table

ORDER = ("start", "fanout", "memory")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "RESULTS.md"
    monkeypatch.setattr(results, "FILE", path)
    return path


def test_sections_stand_in_their_order_however_they_are_measured(file: Path) -> None:
    for name in ("memory", "start", "fanout"):
        results.write(name, Section(f"figures of {name}"), ORDER)
    text = file.read_text("utf-8")
    places = [text.index(f"## {name}\n\nfigures of {name}\n") for name in ORDER]
    assert places == sorted(places)


def test_a_section_takes_the_place_of_the_older_one_and_of_no_other(file: Path) -> None:
    for name in ORDER:
        results.write(name, Section(f"old {name}\n\n| a | b |\n| --- | --- |\n| ## | 1 |"), ORDER)
    results.write("fanout", Section("new fanout"), ORDER)
    text = file.read_text("utf-8")
    assert "old start" in text
    assert "old memory" in text
    assert "old fanout" not in text
    assert text.count("## fanout\n") == 1
    assert text.count("new fanout") == 1


def test_measuring_again_changes_nothing_else(file: Path) -> None:
    for name in ORDER:
        results.write(name, Section(f"figures of {name}"), ORDER)
    before = file.read_text("utf-8")
    results.write("memory", Section("figures of memory"), ORDER)
    assert file.read_text("utf-8") == before


def test_a_missed_aim_stands_out() -> None:
    text = aims([Aim("p99", "70 ms", "≤ 100 ms", True), Aim("memory", "5 KiB", "≤ 4 KiB", False)])
    assert "| p99 | 70 ms | ≤ 100 ms | yes |" in text
    assert "| memory | 5 KiB | ≤ 4 KiB | **no** |" in text


def test_a_table_is_markdown() -> None:
    assert table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 51), (99, 100), (100, 100)])
def test_a_percentile_is_one_of_the_values(percent: float, value: float) -> None:
    assert percentile(list(range(100, 0, -1)), percent) == value
