"""A crowd against the real program, through the API that every script uses."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from integrations.simulator import SimulationRefused, simulate_against
from tests.servers import Hubbub


def call(hubbub: Hubbub, method: str, path: str, body: object = None) -> Any:
    request = urllib.request.Request(  # noqa: S310  the address of our own subprocess
        f"{hubbub.base_url}/api/v1{path}",
        data=None if body is None else json.dumps(body).encode(),
        method=method,
        headers=hubbub.headers | {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
        return json.loads(response.read())


async def test_a_crowd_talks_and_votes(hubbub: Hubbub) -> None:
    campaign = call(hubbub, "POST", "/campaigns", {"name": "Show"})["id"]
    said: list[str] = []
    talk = await simulate_against(
        hubbub.base_url, hubbub.headers["Authorization"][7:], rate=40, seconds=1, say=said.append
    )
    assert talk.sent > 10
    assert talk.accepted == talk.sent - talk.duplicates
    assert "no poll is open" in said[0]

    channels = call(hubbub, "GET", f"/campaigns/{campaign}/channels")["items"]
    assert [(c["platform"], c["source"]) for c in channels] == [("custom", "simulated")]

    poll = call(
        hubbub,
        "POST",
        f"/campaigns/{campaign}/polls",
        {
            "question": "Which door?",
            "options": ["Left", "Right", "Stay"],
            "duration_s": 60,
            "words": "any_case",
        },
    )["id"]
    call(hubbub, "POST", f"/polls/{poll}/launch", {})
    totals = await simulate_against(
        hubbub.base_url, hubbub.api_key, campaign, rate=300, seconds=3, size=300, seed=5, say=said.append
    )
    assert totals.rejected == 0, totals.reasons
    assert totals.duplicates > 0
    assert totals.sent > 500
    assert totals.accepted == totals.sent - totals.duplicates
    assert call(hubbub, "GET", f"/polls/{poll}")["total_votes"] > 100
    assert "lines/s" in said[-1]
    # The same crowd a second time is not taken for a repeat.
    again = await simulate_against(
        hubbub.base_url, hubbub.api_key, campaign, rate=50, seconds=1, seed=5, say=said.append
    )
    assert again.accepted > again.duplicates


async def test_a_poll_of_real_viewers_is_left_alone(hubbub: Hubbub) -> None:
    campaign = call(hubbub, "POST", "/campaigns", {"name": "Show"})["id"]
    channel = {"platform": "custom", "login": "ana", "source": "api"}
    call(hubbub, "POST", f"/campaigns/{campaign}/channels", channel)
    body = {"question": "Which door?", "options": ["Left", "Right"], "duration_s": 60}
    poll = call(hubbub, "POST", f"/campaigns/{campaign}/polls", body)["id"]
    call(hubbub, "POST", f"/polls/{poll}/launch", {})
    said: list[str] = []
    totals = await simulate_against(
        hubbub.base_url, hubbub.api_key, campaign, rate=100, seconds=1, seed=5, say=said.append
    )
    assert totals.accepted > 50
    assert "real viewers" in said[0]
    assert call(hubbub, "GET", f"/polls/{poll}")["total_votes"] == 0


async def test_refusals_are_told_in_a_sentence(hubbub: Hubbub) -> None:
    with pytest.raises(SimulationRefused, match="no campaign"):
        await simulate_against(hubbub.base_url, hubbub.api_key, seconds=1)
    with pytest.raises(SimulationRefused, match="401"):
        await simulate_against(hubbub.base_url, "hb_" + "x" * 40, seconds=1)
    with pytest.raises(SimulationRefused, match="address"):
        await simulate_against("ftp://example.org", hubbub.api_key, seconds=1)
