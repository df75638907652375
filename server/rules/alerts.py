"""Which kindnesses become an alert, how loudly, for how long and in which words: a campaign's own rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from server.rules.platform_events import Supported, SupportKind
from server.rules.support import KINDS

LONGEST_TEMPLATE: Final = 120
SHORTEST, LONGEST = timedelta(seconds=2), timedelta(seconds=30)
HIGHEST_MINIMUM: Final = 10**12

#: What a template may name. `amount` is what was given, with its unit: "100 bits", "5.00 EUR", "12 viewers".
PLACEHOLDERS: Final = ("name", "amount", "months", "tier", "message")

#: What of a kindness its minimum is about, for people.
MEASURES: Final[Mapping[SupportKind, str]] = {
    "subscription": "tier",
    "resub": "months",
    "gift": "gifts",
    "bits": "bits",
    "kicks": "kicks",
    "donation": "smallest units of its currency",
    "follow": "",
    "raid": "viewers",
}

#: Who is shown before whom: a rank is worth four seconds of waiting.
RANKS: Final[Mapping[SupportKind, int]] = {
    "raid": 5,
    "donation": 4,
    "gift": 4,
    "bits": 3,
    "kicks": 3,
    "subscription": 2,
    "resub": 2,
    "follow": 0,
}

_PLACEHOLDER = re.compile(r"\{(" + "|".join(PLACEHOLDERS) + r")\}")


@dataclass(frozen=True, slots=True)
class AlertRule:
    """What a campaign wants of one kind."""

    is_shown: bool = True
    minimum: int = 0  # of what MEASURES says; less is in the feed and not on stream
    template: str = ""  # empty: the page's own words, in the viewers' language
    lasts: timedelta = timedelta(seconds=6)


DEFAULTS: Final[Mapping[SupportKind, AlertRule]] = {
    **dict.fromkeys(KINDS, AlertRule()),
    "follow": AlertRule(lasts=timedelta(seconds=4)),
    "raid": AlertRule(lasts=timedelta(seconds=8)),
    "donation": AlertRule(lasts=timedelta(seconds=8)),
}

Rules = Mapping[SupportKind, AlertRule]


class BadTemplate(ValueError):
    """The words hold something that means nothing; the message says what."""


def check_template(text: str) -> str:
    """`text`, if every brace in it is part of a known placeholder. Raises BadTemplate."""
    rest = _PLACEHOLDER.sub("", text)
    if "{" in rest or "}" in rest:
        known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        raise BadTemplate(f"braces stand around one of these words only: {known}")
    return text


def measure(event: Supported) -> int:
    """What a minimum is compared with."""
    match event.kind:
        case "subscription":
            return event.tier
        case "resub":
            return event.months
        case "donation":
            return event.amount_minor
        case _:
            return event.quantity


def is_wanted(rules: Rules, event: Supported) -> bool:
    """Whether the event goes on stream."""
    rule = rules[event.kind]
    return rule.is_shown and measure(event) >= rule.minimum
