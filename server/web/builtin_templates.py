"""Questions that come with the program, so that a first poll is two presses away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Builtin:
    """A starting point. `settings` are fields of a poll that differ from their defaults."""

    label: str
    question: str
    options: tuple[str, ...]
    duration_s: int = 60
    settings: Mapping[str, Any] = field(default_factory=dict)


#: In the order in which the desk offers them: the four most used first.
BUILTIN = (
    Builtin("Yes / No", "Should they do it?", ("Yes", "No"), 30),
    Builtin(
        "Fight or talk",
        "A stranger blocks the road. What now?",
        ("Fight", "Talk", "Sneak past", "Run"),
    ),
    Builtin("Left / Right", "The corridor forks. Which way?", ("Left", "Right"), 30),
    Builtin(
        "Which door?",
        "Three doors. Which one do they open?",
        ("The red door", "The iron door", "The one that hums"),
    ),
    Builtin("A–D", "Your answer?", ("A", "B", "C", "D")),
    Builtin("Who goes first?", "Who goes in first?", ("The fighter", "The rogue", "The mage", "The healer")),
    Builtin(
        "Spare or strike",
        "The villain kneels. What is justice?",
        ("Spare", "Strike", "Take prisoner"),
        90,
    ),
    Builtin("Trust the stranger?", "Do you believe a word of it?", ("Trust", "Doubt", "Ask for proof")),
    Builtin(
        "One thing to carry",
        "Only one thing can be carried. Which?",
        ("The crown", "The map", "The sleeping child"),
    ),
    Builtin(
        "What lurks?",
        "What waits in the dark?",
        ("Something old", "Something hungry", "Nothing at all"),
    ),
    Builtin("Fate decides", "An omen appears. Which one?", ("Raven", "Wolf", "Stag"), 60, {"tie": "random"}),
    Builtin(
        "Sealed vote",
        "Who is the traitor?",
        ("The captain", "The priest", "The bard"),
        120,
        {"secret": True},
    ),
    Builtin("Louder!", "Spam to win!", ("Team sun", "Team moon"), 30, {"rule": "every_message"}),
    Builtin(
        "One channel, one voice",
        "Where does the journey go?",
        ("North", "East", "South", "West"),
        120,
        {"weighting": "channel"},
    ),
    Builtin("Break?", "Shall we take a break?", ("Now", "In ten minutes", "Never"), 30),
)
