"""Tokens on a real database, with a provider that takes each refresh token once (R19, T7, T9)."""

from __future__ import annotations

import asyncio
import traceback
from collections import Counter
from collections.abc import AsyncIterator
from uuid import UUID

import aiohttp
import pytest

from integrations.token_keeper import TokenKeeper
from integrations.tokens import (
    NeedsRelink,
    NotLinked,
    NoToken,
    Token,
    Tokens,
    TokensAway,
    relink_words,
)
from integrations.twitch.validation import TwitchValidation
from server.places import place
from server.vault import CannotOpen, Vault
from sql import tokens as table
from sql.tokens import Reason
from tests.fakes.identity_server import Fault, IdentityServer, identity_server
from tests.integration.engine_rig import until
from tests.integration.tokens_rig import (
    Process,
    age,
    identities,
    issue,
    link,
    processes,
    row_of,
)

ACCOUNT = "700100200"
ONE_ID, OTHER_ID = UUID(int=1), UUID(int=2)


@pytest.fixture
async def server() -> AsyncIterator[IdentityServer]:
    async with identity_server() as made:
        yield made


@pytest.fixture
async def one(database_url: str, server: IdentityServer) -> AsyncIterator[Process]:
    async with processes(database_url, server) as (process,):
        yield process


async def asked_with(process: Process, version: int) -> Token | NoToken:
    try:
        return await process.tokens.refused("twitch", ACCOUNT, version)
    except NoToken as error:
        return error


def refreshes(server: IdentityServer, provider: str = "twitch") -> int:
    return server.calls.count(f"{provider} token")


async def test_a_hundred_in_three_processes_are_refused_at_once_and_one_refreshes(
    database_url: str, server: IdentityServer
) -> None:
    async with processes(database_url, server, 3) as made:
        issued = issue(server)
        await link(made[0], issued)
        versions = {(await process.tokens.user("twitch", ACCOUNT)).version for process in made}
        assert versions == {1}
        found = await asyncio.gather(*(asked_with(process, 1) for process in made for _ in range(100)))
        assert refreshes(server) == 1
        fresh = server.issued[-1]
        assert fresh is not issued
        assert Counter((token.value, token.version) for token in found if isinstance(token, Token)) == {
            (fresh.access, 2): 300
        }
        # Whoever comes late with the old one is given the new one, and asks nobody.
        assert (await made[1].tokens.refused("twitch", ACCOUNT, 1)).value == fresh.access
        assert refreshes(server) == 1


async def test_what_ends_soon_is_refreshed_before_it_is_given_out(
    one: Process, server: IdentityServer
) -> None:
    await link(one, issue(server), lives_s=20)
    token = await one.tokens.user("twitch", ACCOUNT)
    assert (token.value, token.version) == (server.issued[-1].access, 2)
    assert token.scopes == ("channel:manage:redemptions",)


async def test_a_crash_before_the_answer_was_stored_says_link_again_and_asks_once(
    database_url: str, server: IdentityServer
) -> None:
    """The platform has used the refresh token up, and nobody knows the new one."""
    async with processes(database_url, server, 3) as made:
        provider_id = await link(made[0], issue(server))
        await die_after_asking(made[0], server)
        async with made[1].database.connection() as connection:  # half a minute later
            await connection.execute("UPDATE oauth_tokens SET rotating_until = now() - interval '1 s'")
        found = await asyncio.gather(*(asked_with(process, 1) for process in made for _ in range(50)))
        assert {type(error) for error in found} == {NeedsRelink}
        assert {str(error) for error in found} == {relink_words("twitch", "lost_rotation")}
        assert refreshes(server) == 2, "the one of the crash, and one more"
        row = await row_of(made[0], provider_id)
        assert (row["state"], row["reason"]) == ("needs_relink", "lost_rotation")
        assert (row["access_token"], row["refresh_token"]) == (None, None), "dead tokens are not kept"
        for _ in range(5):
            with pytest.raises(NeedsRelink):
                await made[2].tokens.user("twitch", ACCOUNT)
        assert refreshes(server) == 2, "no storm"


async def test_a_crash_whose_refresh_token_still_works_is_healed(
    one: Process, server: IdentityServer
) -> None:
    server.twitch_rotates = False
    await link(one, issue(server))
    await die_after_asking(one, server)
    async with one.database.connection() as connection:
        await connection.execute("UPDATE oauth_tokens SET rotating_until = now() - interval '1 s'")
    token = await one.tokens.refused("twitch", ACCOUNT, 1)
    assert token.value == server.issued[-1].access


async def die_after_asking(process: Process, server: IdentityServer) -> None:
    """As a process that is killed between the platform's answer and its own save: the answer is on its way
    while the lease is in the table, and nothing more is done."""
    server.faults["twitch token"] = Fault(status=200, delay_s=30, after_work=True)
    before = refreshes(server)
    refreshing = asyncio.create_task(process.tokens.refused("twitch", ACCOUNT, 1))
    await until(lambda: refreshes(server) > before, "the platform is asked")
    await asyncio.sleep(0.05)  # and has done its part
    for task in process.tokens._running.values():
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await refreshing


async def test_nobody_takes_over_while_the_other_is_at_it(database_url: str, server: IdentityServer) -> None:
    server.faults["twitch token"] = Fault(delay_s=0.6, status=500)
    async with processes(database_url, server, 2) as (first, second):
        await link(first, issue(server))
        refreshing = asyncio.create_task(asked_with(first, 1))
        await until(lambda: refreshes(server) > 0, "the platform is asked")
        assert isinstance(await asked_with(second, 1), TokensAway)
        assert refreshes(server) == 1
        assert isinstance(await refreshing, TokensAway)


async def test_a_platform_that_is_away_deactivates_nobody_and_is_not_asked_again_at_once(
    one: Process, server: IdentityServer
) -> None:
    provider_id = await link(one, issue(server))
    server.faults["twitch token"] = Fault(status=503, times=0)
    for _ in range(20):
        with pytest.raises(TokensAway) as away:
            await one.tokens.refused("twitch", ACCOUNT, 1)
        assert 0 < away.value.after_s <= 2
    assert refreshes(server) == 1
    row = await row_of(one, provider_id)
    assert (row["state"], row["failures"]) == ("valid", 1)
    del server.faults["twitch token"]
    async with one.database.connection() as connection:
        await connection.execute("UPDATE oauth_tokens SET try_at = now()")
    assert (await one.tokens.refused("twitch", ACCOUNT, 1)).version == 2
    row = await row_of(one, provider_id)
    assert (row["failures"], row["rotating_since"], row["try_at"]) == (0, None, None)


async def test_a_wrong_secret_of_ours_is_not_the_streamers_fault(
    one: Process, server: IdentityServer
) -> None:
    provider_id = await link(one, issue(server))
    server.client_secret = "another one"
    with pytest.raises(TokensAway, match="client id and secret"):
        await one.tokens.refused("twitch", ACCOUNT, 1)
    row = await row_of(one, provider_id)
    assert (row["state"], row["rotating_since"]) == ("valid", None)


async def test_a_refusal_says_link_again(one: Process, server: IdentityServer) -> None:
    issued = issue(server)
    await link(one, issued)
    issued.is_dead = True  # disconnected, or another password
    with pytest.raises(NeedsRelink) as refused:
        await one.tokens.refused("twitch", ACCOUNT, 1)
    assert refused.value.reason == "refused"
    assert "Link Twitch again" in str(refused.value)


async def test_a_fresh_token_that_is_refused_is_not_refreshed_over_and_over(
    one: Process, server: IdentityServer
) -> None:
    await link(one, issue(server), age_s=0)
    for _ in range(10):
        with pytest.raises(TokensAway, match="just given out"):
            await one.tokens.refused("twitch", ACCOUNT, 1)
    assert refreshes(server) == 0


async def test_a_late_answer_revives_what_was_given_up(one: Process, server: IdentityServer) -> None:
    """The first holder was only slow: its answer is the only good one there is."""
    issued = issue(server)
    provider_id = await link(one, issued)
    async with one.database.connection() as connection:
        slow = await table.claim(connection, provider_id, 1, ONE_ID, 0.0)
        quick = await table.claim(connection, provider_id, 1, OTHER_ID, 20.0)
        assert slow is not None
        assert quick is not None
        assert (slow.is_unclear, quick.is_unclear) == (False, True)
        assert await table.give_up(connection, provider_id, 1, OTHER_ID, "lost_rotation")
        sealed = one.vault.seal(b"late", place("oauth_tokens", "access_token", provider_id))
        assert await table.save(
            connection,
            provider_id,
            1,
            access_token=sealed,
            refresh_token=None,
            scopes=(),
            expires_in_s=3600,
        )
    assert (await one.tokens.user("twitch", ACCOUNT)).value == "late"


async def test_a_new_sign_in_wins_over_a_refresh_that_is_under_way(
    one: Process, server: IdentityServer
) -> None:
    provider_id = await link(one, issue(server))
    async with one.database.connection() as connection:
        assert await table.claim(connection, provider_id, 1, ONE_ID, 20.0) is not None
        again = issue(server)
        version = await table.put(
            connection,
            provider_id,
            access_token=one.vault.seal(
                again.access.encode(), place("oauth_tokens", "access_token", provider_id)
            ),
            refresh_token=None,
            scopes=(),
            expires_in_s=3600,
        )
        assert version == 2
        assert not await table.save(
            connection,
            provider_id,
            1,
            access_token=b"x",
            refresh_token=None,
            scopes=(),
            expires_in_s=1,
        )
        assert not await table.give_up(connection, provider_id, 1, ONE_ID, "refused")
    assert (await one.tokens.user("twitch", ACCOUNT)).value == again.access


async def test_nobody_linked(one: Process) -> None:
    with pytest.raises(NotLinked, match="Twitch"):
        await one.tokens.user("twitch", ACCOUNT)


async def test_tokens_are_sealed_in_their_row_and_column(one: Process, server: IdentityServer) -> None:
    issued = issue(server)
    provider_id = await link(one, issued)
    row = await row_of(one, provider_id)
    assert issued.access.encode() not in row["access_token"]
    assert issued.refresh.encode() not in row["refresh_token"]
    for table_, column, id_ in (
        ("oauth_tokens", "refresh_token", provider_id),
        ("oauth_tokens", "access_token", ONE_ID),
        ("app_tokens", "access_token", provider_id),
    ):
        with pytest.raises(CannotOpen):
            one.vault.open(row["access_token"], place(table_, column, id_))


async def test_a_key_that_is_gone_says_link_again(
    one: Process, database_url: str, server: IdentityServer
) -> None:
    await link(one, issue(server))
    async with aiohttp.ClientSession() as session:
        other = Tokens(
            one.database, Vault([b"another key of 32 bytes and more!"]), identities(server, session), {}
        )
        with pytest.raises(NeedsRelink) as refused:
            await other.user("twitch", ACCOUNT)
    assert refused.value.reason == "unreadable"


async def test_nothing_secret_in_representations_and_tracebacks(one: Process, server: IdentityServer) -> None:
    issued = issue(server)
    await link(one, issued)
    token = await one.tokens.user("twitch", ACCOUNT)
    assert issued.access not in repr(token)
    assert issued.access not in repr(one.tokens.__dict__)
    issued.is_dead = True
    try:
        await one.tokens.refused("twitch", ACCOUNT, 1)
    except NeedsRelink as error:
        text = "".join(traceback.format_exception(error))
    for secret in (issued.access, issued.refresh, server.client_secret):
        assert secret not in text
    assert server.complaints == []


@pytest.mark.parametrize("reason", ["refused", "lost_rotation", "expired", "unreadable"])
def test_every_reason_has_words(reason: Reason) -> None:
    assert relink_words("kick", reason).endswith("Link Kick again.")


# --- the installation's own ------------------------------------------------------------------------------


async def test_the_installations_token_is_asked_for_once_and_kept(
    database_url: str, server: IdentityServer
) -> None:
    async with processes(database_url, server, 2) as (first, second):
        found = await asyncio.gather(*(first.tokens.app("twitch") for _ in range(50)))
        assert len({token.value for token in found}) == 1
        assert refreshes(server) == 1
        assert (await second.tokens.app("twitch")).value == found[0].value
        assert refreshes(server) == 1
        with pytest.raises(TokensAway):  # it has just been given out
            await second.tokens.app_refused("twitch", found[0].version)
        async with first.database.connection() as connection:
            await connection.execute("UPDATE app_tokens SET issued_at = issued_at - interval '1 hour'")
        fresh = await second.tokens.app_refused("twitch", found[0].version)
        assert (fresh.version, refreshes(server)) == (2, 2)
        assert (await first.tokens.app_refused("twitch", 1)).value == fresh.value
        assert refreshes(server) == 2
        assert (await first.tokens.app("kick")).value != fresh.value


async def test_an_installation_without_an_application_says_so(one: Process, server: IdentityServer) -> None:
    bare = Tokens(one.database, one.vault, {}, {})
    with pytest.raises(NoToken, match="not set up"):
        await bare.app("kick")
    server.client_secret = "another one"
    with pytest.raises(NoToken, match="client id and secret"):
        await one.tokens.app("twitch")


# --- while nobody uses them ------------------------------------------------------------------------------


async def test_the_keeper_refreshes_in_time_and_shows_tokens_once_an_hour(
    database_url: str, server: IdentityServer
) -> None:
    async with processes(database_url, server, 2) as made, aiohttp.ClientSession() as session:
        soon = await link(made[0], issue(server, "twitch", "1"), lives_s=500)
        later = await link(made[0], issue(server, "twitch", "2"), lives_s=700, age_s=0)
        kick = await link(made[0], issue(server, "kick", "3"), lives_s=100)
        keepers = [
            TokenKeeper(
                process.database,
                process.vault,
                process.tokens,
                refreshes=("twitch", "kick"),
                validates={"twitch": TwitchValidation(session, f"{server.url}/twitch/oauth2")},
            )
            for process in made
        ]
        await asyncio.gather(*(keeper.round() for keeper in keepers))
        versions = [(await row_of(made[0], id_))["version"] for id_ in (soon, later, kick)]
        assert versions == [2, 1, 2]
        assert (refreshes(server), refreshes(server, "kick")) == (1, 1)
        server.calls.clear()
        async with made[0].database.connection() as connection:
            for id_ in (soon, later, kick):
                await age(connection, id_, 3700)
        await asyncio.gather(*(keeper.round() for keeper in keepers))
        assert server.calls.count("twitch validate") == 2, "each once; Kick does not ask for it"
        await asyncio.gather(*(keeper.round() for keeper in keepers))
        assert server.calls.count("twitch validate") == 2


async def test_a_token_that_its_platform_calls_dead_is_replaced_or_linked_again(
    one: Process, server: IdentityServer
) -> None:
    ended, gone = issue(server, "twitch", "1"), issue(server, "twitch", "2")
    first, second = await link(one, ended), await link(one, gone)
    ended.ends = 0  # its access token is over, which nobody has told us
    gone.is_dead = True
    async with aiohttp.ClientSession() as session:
        validation = TwitchValidation(session, f"{server.url}/twitch/oauth2")
        keeper = TokenKeeper(
            one.database, one.vault, one.tokens, refreshes=(), validates={"twitch": validation}
        )
        async with one.database.connection() as connection:
            await connection.execute("UPDATE oauth_tokens SET validated_at = now() - interval '2 hours'")
        await keeper.round()
    assert (await row_of(one, first))["version"] == 2
    assert (await row_of(one, second))["reason"] == "refused"
    async with one.database.connection() as connection:
        standings = await table.standings(connection, "twitch", ["1", "2", "3"])
    assert {id_: (s.state, s.reason) for id_, s in standings.items()} == {
        "1": ("valid", ""),
        "2": ("needs_relink", "refused"),
    }


async def test_scopes_are_what_the_platform_says(one: Process, server: IdentityServer) -> None:
    issued = issue(server)
    provider_id = await link(one, issued)
    issued.scopes = ("user:read:chat",)
    async with aiohttp.ClientSession() as session:
        validation = TwitchValidation(session, f"{server.url}/twitch/oauth2")
        keeper = TokenKeeper(
            one.database, one.vault, one.tokens, refreshes=(), validates={"twitch": validation}
        )
        async with one.database.connection() as connection:
            await connection.execute("UPDATE oauth_tokens SET validated_at = now() - interval '2 hours'")
        server.faults["twitch validate"] = Fault(status=500)
        await keeper.round()  # no answer is no answer
        assert (await row_of(one, provider_id))["scopes"] == ["channel:manage:redemptions"]
        async with one.database.connection() as connection:
            await connection.execute("UPDATE oauth_tokens SET validated_at = now() - interval '2 hours'")
        await keeper.round()
    assert (await row_of(one, provider_id))["scopes"] == ["user:read:chat"]
