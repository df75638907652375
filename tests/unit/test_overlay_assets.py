"""The files for browsers are read once, belong together, and name their build."""

from __future__ import annotations

from pathlib import Path

import pytest

import overlay


def site(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_only_the_build_is_replaced(tmp_path: Path) -> None:
    assets = overlay.load(
        site(tmp_path, a_html="<x src=/static/{{build}}/a.js>{{other}}", d__a_js="{{build}}")
    )
    assert len(assets.build) == 16
    page = assets.page("a.html")
    assert page.body.decode() == f"<x src=/static/{assets.build}/a.js>{{{{other}}}}"
    assert page.media_type == "text/html; charset=utf-8"
    assert assets.files["d/a.js"].body == b"{{build}}"


def test_the_build_changes_with_every_byte_and_name(tmp_path: Path) -> None:
    builds = {
        overlay.load(site(tmp_path / "1", a_js="1")).build,
        overlay.load(site(tmp_path / "2", a_js="2")).build,
        overlay.load(site(tmp_path / "3", b_js="1")).build,
        overlay.load(site(tmp_path / "4", a_js="1", b_js="")).build,
        overlay.load(site(tmp_path / "5", d__a_js="1")).build,
    }
    assert len(builds) == 5
    assert overlay.load(site(tmp_path / "6", a_js="1")).build in builds


def test_hidden_files_are_left_out(tmp_path: Path) -> None:
    site(tmp_path, a_js="1")
    before = overlay.load(tmp_path)
    (tmp_path / ".a.js.swp").write_text("x")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "b.js").write_text("x")
    assert overlay.load(tmp_path) == before


def test_an_unknown_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(overlay.UnknownFileType, match=r"a\.exe"):
        overlay.load(site(tmp_path, a_exe="1"))
