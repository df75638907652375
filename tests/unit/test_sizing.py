"""The calculation behind docs/operations.md: adds up by hand, grows with its load, is quoted as it is."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest

from benchmarks import sizing
from benchmarks.sizing import Costs, Load, Sizing

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
#: Round figures, so that a person can follow.
ROUND = Costs(
    delivery_us=10,
    overlay_kib=4,
    process_mib=100,
    frame_bytes=900,
    ping_bytes=150,
    wire_bytes=100,
    batch_app_ms=4,
    batch_db_ms=2,
    vote_app_us=10,
    vote_db_us=10,
    batch_wal_kib=4,
    vote_wal_bytes=1024,
    vote_disk_bytes=500,
    line_us=10,
    check_db_us=2,
    presence_db_us=6,
    presence_wal_bytes=600,
    assign_db_ms=1,
    message_us=50,
    proxy_us=5,
    redis_messages=100_000,
)


def test_a_case_that_was_added_up_by_hand() -> None:
    """10,000 overlays of 2,500 shows, 250 with a poll; 5,000 votes/s: 20 a show, so 20 transactions a show
    and ten frames a second to each of their overlays."""
    load = Load(10_000, 5_000)
    assert (load.shows, load.active_shows, load.batches_s) == (2_500, 250, 5_000)
    assert load.deliveries_s == 10_000 * (0.1 * 10 + 0.2)
    needs = {need.part: need for need in Sizing(load, ROUND).needs()}
    # Twice: 50,000 lines of 10 µs, 5,000 transactions of 4 ms, 5,000 votes of 10 µs.
    assert needs["connectors"].amount == pytest.approx(2 * (0.5 + 20 + 0.05))
    # One web process: 2,500 shows are asked for once a second. 10,000 overlays are noted in six seconds, and
    # 83 connectors (41.1 cores, half of each idle) ask twice a second what they read.
    rest = 0.005 + 10_000 / 6 * 6 / 1e6 + 83 * 2 * 0.001
    assert needs["PostgreSQL, CPU"].amount == pytest.approx(2 * (10 + 0.05) + rest)
    log = 5_000 * 4 / 1024 + 5_000 / 1024 + 10_000 / 6 * 600 / 2**20
    assert needs["PostgreSQL, log"].amount == pytest.approx(log)
    assert needs["Redis"].amount == 2 * 5_000 * 2
    assert needs["web, CPU"].amount == pytest.approx(0.12 + 5_000 * 50 / 1e6)  # of one process
    assert needs["web, memory"].amount == pytest.approx((10_000 * 4 / 1024 + 100) / 1024)
    assert needs["network, out"].amount == pytest.approx((10_000 * 1_000 + 2_000 * 250) * 8 / 1e9)
    assert Sizing(load, ROUND).cells() == 2  # 20.1 cores, 16 of which one database may use


def test_votes_that_come_many_at_a_time_share_transactions_and_frames() -> None:
    """One show with 10,000 votes a second commits 20 times, and its overlays get ten frames."""
    load = Load(4, 10_000)
    assert (load.batches_s, load.deliveries_s) == (20, 4 * (10 + 0.2))


@pytest.mark.parametrize("field", ["overlays", "votes_s", "active", "lines_per_vote"])
def test_more_of_anything_never_needs_less(field: str) -> None:
    costs = Costs.read()
    load = Load(50_000, 2_000)
    for _ in range(6):
        more = replace(load, **{field: getattr(load, field) * (1.5 if field == "active" else 3)})
        if more.active > 1:
            break
        before, after = Sizing(load, costs), Sizing(more, costs)
        assert after.machines() >= before.machines()
        assert after.web_processes() >= before.web_processes()
        load = more


def test_costs_have_a_figure_a_meaning_and_a_source(tmp_path: Path) -> None:
    written = json.loads(sizing.COSTS_FILE.read_text("utf-8"))
    assert written.keys() == {field.name for field in fields(Costs)}
    assert all(figure > 0 and meaning and source for figure, meaning, source in written.values())
    nothing: dict[str, object] = {}
    for wrong in (nothing, written | {"more": [1, "", ""]}, written | {"line_us": [0, "", ""]}):
        file = tmp_path / "costs.json"
        file.write_text(json.dumps(wrong))
        with pytest.raises(ValueError, match="must have a positive figure"):
            Costs.read(file)


def test_the_program_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert sizing.main(["--overlays", "1000000", "--votes", "50000", "--growth"]) == 0
    said = capsys.readouterr().out
    assert "1,000,000 overlays of 250,000 shows" in said
    assert "| 1,000 × | 1,000,000,000 |" in said
    with pytest.raises(SystemExit):
        sizing.main(["--overlays", "0", "--votes", "5"])
    assert "greater than 0" in capsys.readouterr().err


def test_the_operations_page_quotes_what_is_calculated(capsys: pytest.CaptureFixture[str]) -> None:
    """Its two tables, to the letter: new costs need new quotes."""
    page = OPERATIONS.read_text("utf-8")
    sizing.main(["--overlays", "1000000", "--votes", "50000"])
    sizing.main(["--overlays", "1000", "--votes", "200", "--growth"])
    said = capsys.readouterr().out
    tables = [part.strip() for part in said.split("\n\n") if part.startswith(("| part", "|  |"))]
    for wanted in (tables[0], tables[-1]):
        assert wanted in page, f"docs/operations.md should have\n{wanted}"
