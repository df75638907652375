"""The stand-ins played by a person: a typed line is what a viewer does (`hubbub fake twitch`)."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.fakes.identity_server import identity_server
from tests.fakes.kick import FakeBroadcaster, FakeKick, fake_kick, user
from tests.fakes.twitch import FakeTwitch, running
from tests.fakes.twitch_world import Person

Act = Callable[..., Awaitable[Any]]
Acts = dict[str, tuple[str, Act]]


async def obey(line: str, acts: Acts) -> str:
    """Do what a line says; the answer for the person. Wrong usage is answered, never raised."""
    name, *words = line.split()
    if name == "help" or name not in acts:
        return "\n".join(f"  {known} {usage}".rstrip() for known, (usage, _) in acts.items()) + "\n  quit"
    usage, act = acts[name]
    try:
        done = await act(*words)
    except (TypeError, ValueError, KeyError, IndexError, AssertionError) as error:
        return f"usage: {name} {usage} ({error})"
    return "done" if done is None else str(done)


async def _converse(acts: Acts) -> None:
    print("Type what viewers do; 'help' lists it, 'quit' ends.", flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        if line.strip() == "quit":
            return
        if line.strip():
            print(await obey(line, acts), flush=True)


def _show(settings: dict[str, str]) -> None:
    for name, value in settings.items():
        print(f"{name}={value}", flush=True)


def twitch_acts(twitch: FakeTwitch, channel: Person) -> Acts:
    """What can be done in one channel."""
    world, eventsub, helix, id_ = twitch.world, twitch.eventsub, twitch.helix, channel.id

    def viewer(login: str) -> Person:
        known = next((one for one in world.people.values() if one.login == login), None)
        return known or world.person(str(700_300_000 + world.number()), login)

    async def redeem(login: str, reward: str, *words: str) -> str:
        return (await helix.redeem(id_, reward, viewer(login).id, " ".join(words))).id

    async def rewards() -> str:
        found = [one for one in world.rewards.values() if one.channel is channel]
        return "\n".join(f"{one.id}  {one.fields['cost']}  {one.fields['title']}" for one in found) or "none"

    async def vote(choice: str, free: str = "1", points: str = "0") -> None:
        polls = [one for one in world.polls.values() if one.channel is channel and not one.is_over]
        if not polls:
            raise ValueError("no poll is active")
        poll = polls[0]
        await helix.vote(poll, int(choice) - 1, free=int(free), points=int(points))

    async def affiliate(state: str) -> None:
        channel.kind = {"on": "affiliate", "off": ""}[state]  # type: ignore[assignment]

    async def doubles(state: str) -> None:
        eventsub.doubles = {"on": True, "off": False}[state]

    async def silence(seconds: str) -> None:
        eventsub.silence(float(seconds))

    return {
        "say": ("USER TEXT", lambda u, *t: twitch.say(id_, viewer(u), " ".join(t))),
        "cheer": ("USER BITS TEXT", lambda u, b, *t: twitch.cheer(id_, viewer(u), int(b), " ".join(t))),
        "sub": ("USER", lambda u: twitch.subscribe(id_, viewer(u))),
        "resub": (
            "USER MONTHS TEXT",
            lambda u, m, *t: twitch.resubscribe(id_, viewer(u), int(m), " ".join(t)),
        ),
        "gift": ("USER COUNT", lambda u, n: twitch.gift_bomb(id_, viewer(u), int(n))),
        "follow": ("USER", lambda u: twitch.follow(id_, viewer(u))),
        "raid": ("USER VIEWERS", lambda u, n: twitch.raid(id_, viewer(u), int(n))),
        "rewards": ("", rewards),
        "redeem": ("USER REWARD-ID TEXT", redeem),
        "vote": ("CHOICE [FREE [POINTS]]", vote),
        "online": ("", lambda: helix.go_live(id_)),
        "offline": ("", lambda: helix.go_offline(id_)),
        "revoke": ("", lambda: twitch.disconnect(id_)),
        "affiliate": ("on|off", affiliate),
        "drop": ("[SECONDS]", lambda s="0": eventsub.drop(away_s=float(s))),
        "silence": ("SECONDS", silence),
        "doubles": ("on|off", doubles),
    }


def kick_acts(kick: FakeKick, channel: FakeBroadcaster) -> Acts:
    """What can be done in one channel; the answers are those of the webhook."""
    ids: dict[str, int] = {}

    def author(name: str) -> int:
        return ids.setdefault(name, 910_000 + len(ids))

    async def tell(type_: str, body: dict[str, Any]) -> str:
        status = await kick.tell(type_, body)
        return "nobody has subscribed" if status is None else f"answered {status}"

    async def say(name: str, *words: str) -> str:
        line = channel.chat(" ".join(words), author(name))
        line["sender"]["username"] = name
        return await tell("chat.message.sent", line)

    async def follow(name: str) -> str:
        body = {"broadcaster": channel.user, "follower": user(author(name), name)}
        return await tell("channel.followed", body)

    async def redeem(name: str, reward: str, *words: str) -> str:
        body = channel.redeem(reward, author(name), " ".join(words))
        return await tell("channel.reward.redemption.updated", body)

    async def rewards() -> str:
        return "\n".join(f"{id_}  {one['title']}" for id_, one in channel.rewards.items()) or "none"

    async def live(*, is_live: bool) -> str:
        return await tell("livestream.status.updated", channel.stream(is_live=is_live))

    return {
        "say": ("USER TEXT", say),
        "follow": ("USER", follow),
        "rewards": ("", rewards),
        "redeem": ("USER REWARD-ID TEXT", redeem),
        "online": ("", lambda: live(is_live=True)),
        "offline": ("", lambda: live(is_live=False)),
    }


async def play_twitch() -> None:
    async with running(with_irc=True) as twitch:
        account = twitch.identity.people["twitch"]
        channel = twitch.world.person(account.id, account.login, name=account.name)
        _show(twitch.settings)
        await _converse(twitch_acts(twitch, channel))


async def play_kick(webhook: str) -> None:
    with tempfile.TemporaryDirectory(prefix="hubbub-fake-") as folder:
        async with identity_server() as identity, fake_kick() as kick:
            account, key = identity.people["kick"], Path(folder) / "kick.pem"
            key.write_text(kick.public_pem)
            kick.webhook_url = webhook
            kick.whose = lambda token: next(
                (int(one.account.id) for one in identity.issued
                 if one.provider == "kick" and one.access == token and identity.is_alive(one)), None
            )  # fmt: skip
            channel = kick.broadcaster(int(account.id), account.name)
            mine = {name: value for name, value in identity.settings.items() if name.startswith("KICK_")}
            _show(mine | {"KICK_API_URL": kick.url, "KICK_PUBLIC_KEY": str(key)})
            await _converse(kick_acts(kick, channel))


def main(platform: str, webhook: str) -> None:
    """Play a platform until somebody says `quit`."""
    asyncio.run(play_twitch() if platform == "twitch" else play_kick(webhook))
