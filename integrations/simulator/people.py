"""The people of a simulated crowd: names in the scripts that a real chat has, and a few that test a page."""

from __future__ import annotations

from functools import lru_cache
from random import Random

from server.rules.events import User

_FIRST = [
    "mossy",
    "rook",
    "tinker",
    "goblin",
    "velvet",
    "salty",
    "pixel",
    "lantern",
    "iron",
    "sleepy",
    "feral",
    "cosmic",
    "turnip",
    "waffle",
    "ember",
    "quiet",
    "nacho",
    "brave",
    "soggy",
    "lucky",
    "dire",
    "honey",
    "grim",
    "tiny",
]
_LAST = [
    "feather",
    "tess",
    "bard",
    "wizard",
    "otter",
    "crit",
    "dagger",
    "moth",
    "kraken",
    "paladin",
    "badger",
    "potato",
    "raven",
    "mimic",
    "druid",
    "comet",
    "goose",
    "owlbear",
    "lurker",
    "dice",
    "fox",
    "toad",
    "knight",
    "noodle",
]
#: Shown names that are not the login in capitals: one in six people has one of these.
_SHOWN = [
    "테스트계정",
    "주사위굴림",
    "さいころ侍",
    "ダンジョン猫",
    "骰子狂人",
    "龍之旅人",
    "Кубик20",
    "Тёмный_Бард",
    "ζάρι_μάγος",
    "زهر_التنين",
    "قطة_الزنزانة",
    "קוביה",
    "लुढ़कता_पासा",
    "ลูกเต๋า",
    "Zażółć",
    "Ærø_Ulv",
    "Þórdís",
    "Ñandú",
    "Đặng_Rồng",
    "Çelik",
    "Grüße",
    "ꜱᴍᴏʟ_ɢᴏʙʟɪɴ",
    "𝓡𝓸𝓰𝓾𝓮",
    "Ｆｕｌｌｗｉｄｔｈ",
    "🎲Nat20🎲",
    "Z͑̓a͗l̾g͐o",
]
_ROLES = (("subscriber", 22), ("vip", 2), ("moderator", 1))


@lru_cache(maxsize=16_384)
def person(seed: str, number: int) -> User:
    """Person `number` of a crowd; the id can be told from every id that a platform gives."""
    random = Random(f"{seed}/person/{number}")  # noqa: S311  a crowd has to come back, not to be secret
    login = f"{random.choice(_FIRST)}{random.choice(_LAST)}{number}"
    shown = random.choice(_SHOWN) if random.random() < 1 / 6 else login.capitalize()
    roles = tuple(role for role, percent in _ROLES if random.random() * 100 < percent)
    return User(id=f"sim-{number}", login=login, name=shown, roles=roles)
