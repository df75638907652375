"""What happens once at a table, as programs read it: what AsyncAPI says of events of kind `dice.*`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from server.web.table_boards import CriticalSeen


class DiceCriticalData(BaseModel):
    """A critical that counts: somebody's own, public and consistent. It is told once."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="Of the roll, as on the board")
    player_name: str
    character_name: str
    critical: CriticalSeen


class SealedRollProof(BaseModel):
    """What `hubbub verify` reads."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["hubbub.sealed_roll/1"]
    commitment: str
    nonce: str
    roll: dict[str, Any]


class DiceProofData(BaseModel):
    """A sealed roll was opened; its commitment begins with what stood on the seal."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="Of the roll, as on the board")
    proof: SealedRollProof
