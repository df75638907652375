"""Every state a poll can be in on stream, as boards: for pictures, and for tests that walk through all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.browser.overlay_harness import Json, OverlayServer, closed, poll_board, sealed

COMMITMENT = "9f3a01bc5e77d2c4" * 4
SEED = "4be1c07788a0f3d1" * 4
MONSTROUS = "Kvlt" * 20
RTL = "\u202eمرحبا بالعالم هذه جملة طويلة جدا تكسر السطر"
ZALGO = (
    "Z\u0351\u0343\u0310\u036b\u0300\u0327\u0328a\u0334\u0335\u0336\u0337\u0338\u0301\u0302l\u0489\u0488g\u0363\u0364o"
    * 3
)
#: A big chat and a small one, as in docs/game-master.md: every weighting makes another result of them.
TWO_CHATS = ((212, 95, 61), (4, 9, 21))
EMOJI = "👩‍👩‍👧‍👦🏳️‍🌈🧙🏽‍♀️🐉" * 8


@dataclass(frozen=True, slots=True)
class Scene:
    """A state by name: its board, and the layout of the overlay that shows it."""

    name: str
    board: Callable[[OverlayServer], Json]
    layout: Json = field(default_factory=dict)
    says: str = ""  # a text that proves it is on screen
    size: tuple[int, int] = (1920, 1080)


def _tie(rule: str, **more: object) -> Json:
    return {"rule": rule, "options": [], "pending": False, "commitment": None, "seed": None} | more


def _options(board: Json, *labels: str) -> Json:
    for option, label in zip(board["options"], labels, strict=True):
        option["label"] = label
    return board


def _hostile(server: OverlayServer) -> Json:
    board = poll_board(server, (12, 400, 33, 8), question="W" * 120)
    return _options(board, MONSTROUS, RTL, ZALGO, EMOJI)


def _tied(server: OverlayServer, rule: str, **tie: object) -> Json:
    return poll_board(server, (512, 512, 230), tie=_tie(rule, options=[1, 2], **tie))


def _points(server: OverlayServer) -> Json:
    return poll_board(server, tally=TWO_CHATS, weighting="channel", tie=_tie("none", options=[1, 3]))


def _ten(server: OverlayServer) -> Json:
    return poll_board(
        server,
        (112, 96, 301, 12, 44, 260, 8, 31, 77, 1204),
        question="The dragon opens one eye. What does the party do first?",
    )


SCENES = (
    Scene("open", poll_board, says="Which door?"),
    Scene("last-10s", lambda s: poll_board(s, age=53.4), says="Which door?"),
    Scene("long-countdown", lambda s: poll_board(s, age=3, duration=145), says="2:2"),
    Scene(
        "four-options",
        lambda s: poll_board(s, (41, 38, 5, 12), question="Who goes first into the dark?"),
        says="dark",
    ),
    Scene(
        "two-options",
        lambda s: poll_board(s, (3, 1), question="Trust the vampire with the map of the old city?"),
        says="vampire",
    ),
    Scene("no-votes-yet", lambda s: poll_board(s, (0, 0, 0), age=2), says="0%"),
    Scene("closing", lambda s: closed(s, poll_board(s, age=60), phase="closing"), says="Counting last votes"),
    Scene("closed", lambda s: closed(s, poll_board(s, age=64)), says="Votes are in"),
    Scene(
        "closed-timed", lambda s: closed(s, poll_board(s, age=64)) | {"ends_at": s.at(3)}, says="Votes are in"
    ),
    Scene(
        "reveal-confetti",
        lambda s: closed(s, poll_board(s, age=66), ago=0.35, phase="revealed") | {"winner": 2},
        says="1 812 votes".replace(" ", "\u202f", 1),
    ),
    Scene(
        "revealed",
        lambda s: closed(s, poll_board(s, age=70), ago=3, phase="revealed") | {"winner": 2},
        says="tie rule: none",
    ),
    Scene(
        "revealed-no-votes",
        lambda s: closed(s, poll_board(s, (0, 0, 0), age=70), phase="revealed"),
        says="No votes",
    ),
    Scene(
        "tie-gm",
        lambda s: closed(s, _tied(s, "gm", pending=True), phase="revealed") | {"ends_at": None},
        says="GM decides",
    ),
    Scene("tie-none", lambda s: closed(s, _tied(s, "none"), phase="revealed"), says="no winner"),
    Scene(
        "tie-gm-decided",
        lambda s: closed(s, _tied(s, "gm"), phase="revealed") | {"winner": 1},
        says="the GM decided",
    ),
    Scene(
        "tie-random-open", lambda s: poll_board(s, tie=_tie("random", commitment=COMMITMENT)), says="9f3a01bc"
    ),
    Scene(
        "tie-random-closed",
        lambda s: closed(s, _tied(s, "random", commitment=COMMITMENT)) | {"winner": 2},
        says="the draw decides",
    ),
    Scene(
        "tie-random-drawn",
        lambda s: (
            closed(s, _tied(s, "random", commitment=COMMITMENT, seed=SEED), phase="revealed") | {"winner": 2}
        ),
        says="4be1c077",
    ),
    Scene("secret", lambda s: sealed(poll_board(s, (180, 130, 102))), says="votes sealed"),
    Scene(
        "secret-two", lambda s: sealed(poll_board(s, (1800, 130), question="Burn it?")), says="votes sealed"
    ),
    Scene("secret-closed", lambda s: closed(s, sealed(poll_board(s, (180, 130, 102)))), says="votes sealed"),
    Scene("secret-ten", lambda s: sealed(_ten(s)), says="votes sealed"),
    Scene(
        "secret-race",
        lambda s: closed(s, poll_board(s, secret=True), ago=0.5, phase="revealed") | {"winner": 2},
        says="Which door?",
    ),
    Scene(
        "secret-revealed",
        lambda s: closed(s, poll_board(s, secret=True), ago=4, phase="revealed") | {"winner": 2},
        says="tie rule",
    ),
    Scene(
        "weighted",
        lambda s: poll_board(s, tally=TWO_CHATS, weighting="capped", cap_percent=60),
        says="No channel counts",
    ),
    Scene(
        "weighted-heads",
        lambda s: poll_board(s, tally=TWO_CHATS, weighting="per_head", rule="every_message"),
        says="weigh the same",
    ),
    Scene(
        "weighted-points",
        lambda s: closed(s, _points(s), phase="revealed"),
        says="no winner",
    ),
    Scene("simulated", lambda s: poll_board(s, simulated=True), says="SIMULATED"),
    Scene("ten-options", _ten, says="dragon"),
    Scene(
        "ten-revealed",
        lambda s: closed(s, _ten(s), ago=3, phase="revealed") | {"winner": 10},
        says="votes",
    ),
    Scene("lower-third", lambda s: poll_board(s, (41, 38, 5, 12)), {"anchor": "lower-third"}, "Which door?"),
    Scene(
        "top-right-large",
        lambda s: poll_board(s, (41, 38, 5, 12)),
        {"anchor": "top-right", "scale": 1.6},
        "Which door?",
    ),
    Scene("hostile", _hostile, says="WWWW"),
    Scene("german", poll_board, {"lang": "de"}, "Tippe"),
    Scene(
        "vertical",
        lambda s: poll_board(s, (41, 38, 5, 12)),
        {"stage": "vertical"},
        "Which door?",
        (1080, 1920),
    ),
    Scene("vertical-ten", _ten, {"stage": "vertical"}, "dragon", (1080, 1920)),
    Scene("small-source", lambda s: poll_board(s, (41, 38, 5, 12)), {}, "Which door?", (800, 600)),
)

THEME_SCENES = tuple(
    Scene(f"theme-{theme}-{scene.name}", scene.board, {"theme": theme}, scene.says)
    for theme in ("paper", "arcade")
    for scene in SCENES
    if scene.name in ("four-options", "last-10s", "revealed", "tie-gm", "secret", "ten-options", "simulated")
)
