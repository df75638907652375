"""Sealed rolls: a commitment on stream now, the value with its proof later.

The commitment is SHA-256 over the roll and 32 random bytes of the server. The bytes keep the value from
being guessed (there are only twenty faces), and the hash keeps it from being exchanged. On stream stand the
first 8 characters; they are too few to bind anybody who may choose the random bytes, so these come from the
server alone and the whole commitment is kept with the roll from the start.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from server.rules.dice import DiceRoll, DieState

FORMAT = "hubbub.sealed_roll/1"
NONCE_BYTES = 32
SHOWN = 8


@dataclass(frozen=True, slots=True)
class Seal:
    """What is kept of a sealed roll until it is opened."""

    commitment: str  # 64 hexadecimal digits; may be shown
    nonce: bytes  # 32 bytes; secret until the reveal

    @property
    def shown(self) -> str:
        """What stands on stream."""
        return self.commitment[:SHOWN]


def content(roll: DiceRoll) -> dict[str, Any]:
    """What a seal is about: which roll it is, its total and its dice, in plain JSON.

    Raises ValueError when the roll holds no value, or one that is no number: there is nothing to seal.
    """
    if roll.total is None and not any(group.dice for group in roll.groups):
        raise ValueError("a roll whose values were withheld cannot be sealed")
    return {
        "system": roll.source.system,
        "instance_id": roll.source.instance_id,
        "roll_id": roll.roll_id,
        "revision": roll.revision,
        "total": None if roll.total is None else _number(roll.total),
        "dice": [
            {
                "sides": group.sides,
                "sign": group.sign,
                "value": die.value,
                "state": die.state,
                "symbol": die.symbol,
            }
            for group, die in roll.dice
        ],
    }


def _number(value: float) -> float:
    """A whole number without a point, so that 24 and 24.0 have one seal."""
    if not math.isfinite(value):
        raise ValueError("a total that is no number cannot be sealed")
    return int(value) if value == int(value) else value


def seal(roll: DiceRoll, nonce: bytes) -> Seal:
    """Seal a roll. `nonce` is 32 bytes from a cryptographic source, used once. Raises ValueError."""
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"the nonce has {NONCE_BYTES} bytes")
    return Seal(_commitment(content(roll), nonce), nonce)


def _commitment(what: Mapping[str, Any], nonce: bytes) -> str:
    """SHA-256 over JSON with sorted keys and without blanks; non-ASCII characters stand for themselves."""
    text = json.dumps(
        {"format": FORMAT, "nonce": nonce.hex(), "roll": what},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def reveal(roll: DiceRoll, sealed: Seal) -> dict[str, Any]:
    """The proof, for everybody. Must not leave the server before the game master opens the seal.

    `roll` is the revision that was sealed. Raises ValueError when the seal is not of this roll.
    """
    what = content(roll)
    if _commitment(what, sealed.nonce) != sealed.commitment:
        raise ValueError("the seal is of another roll, or of another revision of it")
    return {
        "format": FORMAT,
        "commitment": sealed.commitment,
        "nonce": sealed.nonce.hex(),
        "roll": what,
    }


def check(proof: object, shown: str = "") -> bool:
    """Whether a proof holds: its commitment is that of its roll, and begins as `shown` on stream.

    Trusts nothing in the proof; whatever is misshapen does not hold. A proof alone says that it is complete
    and unchanged. That it was made before, only the characters seen on stream say.
    """
    try:
        return _holds(proof, shown)
    except (KeyError, TypeError, ValueError, RecursionError):
        return False


_ROLL_KEYS = {"system", "instance_id", "roll_id", "revision", "total", "dice"}
_DIE_KEYS = {"sides", "sign", "value", "state", "symbol"}


def _holds(proof: object, shown: str) -> bool:
    if not isinstance(proof, dict) or proof.keys() != {"format", "commitment", "nonce", "roll"}:
        return False
    commitment, nonce, roll = proof["commitment"], proof["nonce"], proof["roll"]
    if proof["format"] != FORMAT or not isinstance(commitment, str) or not _is_roll(roll):
        return False
    # `fromhex` takes blanks and capitals; the one form that we write is the one that counts.
    raw = bytes.fromhex(nonce)
    if len(raw) != NONCE_BYTES or raw.hex() != nonce:
        return False
    if not hmac.compare_digest(_commitment(roll, raw).encode(), commitment.encode()):
        return False
    return commitment.startswith(shown.strip().lower())


def _is_roll(roll: object) -> bool:
    """Whether it has the shape of `content`; another shape could hold two meanings."""
    if not isinstance(roll, dict) or roll.keys() != _ROLL_KEYS or not isinstance(roll["dice"], list):
        return False
    texts = all(isinstance(roll[key], str) for key in ("system", "instance_id", "roll_id"))
    # A bool is an int to Python and another text in JSON.
    numbers = type(roll["revision"]) is int and (roll["total"] is None or _is_number(roll["total"]))
    return texts and numbers and all(_is_die(die) for die in roll["dice"])


def _is_number(value: object) -> bool:
    """As `_number` writes it."""
    return type(value) is int or (type(value) is float and math.isfinite(value) and value != int(value))


def _is_die(die: object) -> bool:
    return (
        isinstance(die, dict)
        and die.keys() == _DIE_KEYS
        and (type(die["sides"]) is int or die["sides"] in ("F", "custom"))
        and type(die["sign"]) is int
        and type(die["value"]) is int
        and die["state"] in get_args(DieState)
        and isinstance(die["symbol"], str)
    )
