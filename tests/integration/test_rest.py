"""What goes wrong with calls for channel points, told as what may have happened."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from integrations.rest import Denied, Limited, NotFound, PlatformError, Refused, Rest, Unclear
from integrations.tokens import NoToken
from sql.pool import Database
from tests.fakes.twitch_world import CLIENT_ID, Fault
from tests.integration.twitch_rig import MOSSY, TwitchRig, twitch_rig

PATH = "/channel_points/custom_rewards"
QUERY = [("broadcaster_id", MOSSY)]


@pytest.fixture
async def rig(database: Database) -> AsyncIterator[TwitchRig]:
    async with twitch_rig(database) as rig:
        await rig.link()
        yield rig


@pytest.fixture
async def rest(rig: TwitchRig) -> AsyncIterator[Rest]:
    async with aiohttp.ClientSession() as session:
        headers = {"client-id": CLIENT_ID}
        yield Rest(session, rig.tokens, "twitch", rig.twitch.api_url, headers=headers, timeout_s=1)


async def test_a_call_that_succeeds(rig: TwitchRig, rest: Rest) -> None:
    assert (await rest.call(MOSSY, "GET", PATH, query=QUERY)).data["data"] == []
    rig.twitch.world.revoke_tokens(MOSSY)
    assert (await rest.call(MOSSY, "GET", PATH, query=QUERY)).data["data"] == []
    assert rig.issuer.refreshes == 1


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (Fault(302), Unclear, "302"),
        (Fault(400, "No such colour."), Refused, 'The platform refuses it: "No such colour".'),
        (Fault(401, times=2), Denied, "does not accept a token"),
        (Fault(403, "Not an affiliate"), Denied, 'The platform does not allow it: "Not an affiliate".'),
        (Fault(404), NotFound, "does not find it"),
        (Fault(429), Limited, "limit of calls"),
        (Fault(500), Unclear, "answered 500"),
        (Fault(503, after_work=True), Unclear, "answered 503"),
        (Fault(delay_s=2), Unclear, "gave no answer"),
    ],
)
async def test_what_goes_wrong(
    rig: TwitchRig, rest: Rest, fault: Fault, error: type[PlatformError], words: str
) -> None:
    rig.twitch.world.faults[f"GET {PATH[1:]}"] = fault
    calls = 2 if fault.status == 401 else 1
    with pytest.raises(error, match=words):
        await rest.call(MOSSY, "GET", PATH, query=QUERY)
    assert len(rig.twitch.world.calls_of("GET", PATH[1:])) == calls, "nothing is done twice"


async def test_a_line_that_is_cut(rig: TwitchRig, rest: Rest) -> None:
    rig.twitch.world.faults[f"POST {PATH[1:]}"] = Fault(cut=True)
    with pytest.raises(Unclear, match="gave no answer"):
        await rest.call(MOSSY, "POST", PATH, query=QUERY, body={"title": "Hydrate", "cost": 1})
    assert len(rig.twitch.world.calls_of("POST", PATH[1:])) == 1


async def test_after_a_refusal_nothing_is_asked_until_its_time(rig: TwitchRig, rest: Rest) -> None:
    rig.twitch.world.faults[f"GET {PATH[1:]}"] = Fault(429, headers={"Retry-After": "7"})
    for _ in range(2):
        with pytest.raises(Limited) as limited:
            await rest.call(MOSSY, "GET", PATH, query=QUERY)
        assert 6 < limited.value.after_s <= 8
    assert len(rig.twitch.world.calls_of("GET", PATH[1:])) == 1


async def test_an_empty_bucket_is_not_asked(rig: TwitchRig, rest: Rest) -> None:
    rig.twitch.world.bucket = 1
    await rest.call(MOSSY, "GET", PATH, query=QUERY)
    with pytest.raises(Limited):
        await rest.call(MOSSY, "GET", PATH, query=QUERY)
    assert len(rig.twitch.world.calls_of("GET", PATH[1:])) == 1


async def test_nobody_is_linked(rest: Rest) -> None:
    with pytest.raises(NoToken):
        await rest.call("5", "GET", PATH, query=QUERY)
