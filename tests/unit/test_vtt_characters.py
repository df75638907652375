"""Characters of the published module (vtt-wire-protocol §5, vtt-and-dice §5)."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.vtt.characters import LARGEST, Unreadable, avatar, read, tidy
from server.rules.character import CharacterUpdate

SAMPLE = json.loads((Path(__file__).parents[1] / "data/vtt/character-update.json").read_text())

ROOK = CharacterUpdate(
    world_id="mossy-world",
    character_id="actRook000000001",
    name="Rook Feather",
    character_type="pc",
    avatar="tokens/rook.webp",
    stats={"hp": {"current": 21, "max": 28, "temp": 0}, "ac": 15, "level": 4},
    inventory=(
        {
            "id": "itm1",
            "name": "Longbow",
            "type": "weapon",
            "quantity": 1,
            "equipped": True,
            "img": "icons/bow.webp",
        },
    ),
    spells=(
        {
            "id": "spl1",
            "name": "Hunter's Mark",
            "img": "",
            "type": "spell",
            "level": 1,
            "school": "div",
            "prepared": True,
            "uses": {"value": 1, "max": 2},
            "activeEffect": None,
        },
    ),
    features=(
        {"id": "fea1", "name": "Favoured Enemy", "img": "", "type": "feat", "subtype": "class", "uses": None},
    ),
    vtt_data={"system": "dnd5e", "type": "character", "flags": {"some-module": {"seen": True}}},
)


def sample(**changes: Any) -> dict[str, Any]:
    return dict(copy.deepcopy(SAMPLE), **changes)


def character(message: object) -> CharacterUpdate:
    found = read(message)
    assert isinstance(found, CharacterUpdate), found
    return found


def test_the_sample() -> None:
    assert read(SAMPLE) == ROOK


def test_the_hash_tells_what_changed() -> None:
    backwards = json.loads(json.dumps(SAMPLE), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    assert character(backwards).content_hash == ROOK.content_hash
    assert character(sample(stats=SAMPLE["stats"] | {"level": 4})).content_hash == ROOK.content_hash
    changed = [
        sample(name="Rook"),
        sample(avatarUrl="tokens/other.webp"),
        sample(characterType="npc"),
        sample(stats=SAMPLE["stats"] | {"ac": 16}),
        sample(spells=[]),
        sample(features=None),
        sample(characterId="other"),
        sample(worldId="other"),
    ]
    assert len({ROOK.content_hash, *(character(message).content_hash for message in changed)}) == 9
    assert len(ROOK.content_hash) == 64


def test_parts_that_were_not_sent_keep_their_old_value() -> None:
    message = sample(name="Rook", stats=None, spells=[])
    for key in ("avatarUrl", "inventory", "features", "vttData"):
        message.pop(key)
    found = character(message)
    assert (found.avatar, found.stats, found.inventory, found.features, found.vtt_data) == (None,) * 5
    assert found.over(ROOK) == replace(ROOK, name="Rook", spells=())
    assert character(sample(avatarUrl="")).over(ROOK).avatar == ""


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("https://img.example/a b", ""),
        ("https://img.example/rook.webp", "https://img.example/rook.webp"),
        ("tokens/rook.webp", "tokens/rook.webp"),
        ("/worlds/mossy/rook.webp?123", "/worlds/mossy/rook.webp?123"),
        ("icons/Rook Feather.webp", "icons/Rook Feather.webp"),
        ("http://img.example/rook.webp", ""),
        ("//img.example/rook.webp", ""),
        ("\\\\img.example\\rook.webp", ""),
        ("javascript:alert(1)", ""),
        ("data:image/png;base64,AA", ""),
        ("HTTP://img.example/rook.webp", ""),
        ("../../etc/passwd", ""),
        ("a/../b.webp", ""),
        ("a\nb.webp", ""),
        ("https://img.example/\ud800", ""),
        ("x" * 513, ""),
        ("", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_pictures(sent: object, kept: str) -> None:
    assert avatar(sent) == kept


@pytest.mark.parametrize(
    ("sent", "kind", "found"),
    [
        ("npc", "character", "npc"),
        ("monster", None, "monster"),
        (None, "npc", "npc"),
        (None, "Character", "pc"),
        ("hero", "creature", "monster"),
        (None, "vehicle", "pc"),
        (["pc"], 7, "pc"),
        (None, None, "pc"),
    ],
)
def test_types(sent: object, kind: object, found: str) -> None:
    assert character(sample(characterType=sent, vttData={"type": kind})).character_type == found


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"characterId": None}, "characterId is missing, or longer than 128 characters"),
        ({"characterId": "unknown"}, "characterId is unknown"),
        ({"worldId": "", "campaignId": ""}, "worldId is missing, or longer than 128 characters"),
        ({"name": "<b> </b>"}, "name is missing"),
    ],
)
def test_characters_that_nobody_could_find_again(changes: dict[str, Any], reason: str) -> None:
    assert read(sample(**changes)) == Unreadable(reason)


def test_a_character_has_a_size() -> None:
    text = "x" * 1_000
    fits = {f"key{at}": text for at in range(60)}
    assert character(sample(stats=fits)).stats == fits
    # Flags are the first to go: modules put into them whatever they like.
    without = character(sample(stats=fits, vttData=SAMPLE["vttData"] | {"flags": fits}))
    assert without.vtt_data == {"system": "dnd5e", "type": "character"}
    assert without.stats == fits
    assert read(sample(stats={f"key{at}": text for at in range(66)})) == Unreadable(
        "the character is larger than 64 KiB"
    )


def test_json_in_bounds() -> None:
    assert tidy({"a\u0000b\ud800": "<b>x</b>\u202e", 5: 1, "n": [1.0, 2.5, float("nan"), 2**60, True]}) == {
        "a b": "x",
        "n": [1, 2.5, None, None, True],
    }
    assert tidy("x" * 2_000) == "x" * 1_024
    assert tidy(list(range(600))) == list(range(500))
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    assert tidy(deep) == [[[[[[[[None]]]]]]]]
    assert tidy(object()) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100)
@given(st.sampled_from(list(SAMPLE)), JSON)
def test_nothing_a_stranger_sends_is_a_fault(key: str, value: object) -> None:
    found = read(sample(**{key: value}))
    if isinstance(found, CharacterUpdate):
        assert len(found.content_hash) == 64
        size = json.dumps([found.stats, found.inventory, found.spells, found.features, found.vtt_data])
        assert len(size) <= 2 * LARGEST
        assert found.over(ROOK).over(ROOK) == found.over(ROOK)
    assert isinstance(read(value), Unreadable)


@settings(max_examples=50)
@given(JSON)
def test_what_is_tidy_stays_as_it_is(value: object) -> None:
    assert tidy(tidy(value)) == tidy(value)
