"""What may go wrong on a line to a platform's API, in the words of those who must not do a thing twice."""

from __future__ import annotations


class LineRefused(Exception):
    """The platform says no, and will say so again. `reason` is its own, for people, without a secret."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason


class LineAway(Exception):
    """No answer, one of the platform's own faults, or an answer that is none: later.

    `is_unsent`: nothing reached the platform, so nothing can have been done. The message goes behind
    its name.
    """

    def __init__(self, reason: str, *, status: int = 0, is_unsent: bool = False) -> None:
        super().__init__(reason)
        self.status = status
        self.is_unsent = is_unsent


class LineBusy(Exception):
    """The platform asks for fewer calls; nothing was done. `after_s`: when to try again."""

    def __init__(self, after_s: float) -> None:
        super().__init__(f"rate limited for {after_s:.1f} s")
        self.after_s = after_s
