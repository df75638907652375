"""`make chaos` runs every test that has a long form, wherever it stands."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: How a test asks whether it is to be long.
ASKS = re.compile(r"Scale\.of\(\)\.|environ\.get\([\"']CHAOS[\"']\)")


def test_every_long_form_has_its_place_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8").replace("\\\n", "")
    listed = next(line for line in makefile.splitlines() if line.startswith("LONG_FORMS ="))
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").glob("*/test_*.py")
        if path.parent.name != "chaos" and path != Path(__file__) and ASKS.search(path.read_text("utf-8"))
    }
    assert set(listed.removeprefix("LONG_FORMS =").split()) == found
    assert "pytest $(LONG_FORMS) tests/chaos" in makefile
