"""Where a person may be sent after signing in: to a page of ours, and nowhere else (T6)."""

from __future__ import annotations

import re
from typing import Final

#: As the CHECK of `oauth_link_states.return_to`: no host, no escape, nothing that a browser would read as
#: one.
_PATH: Final = re.compile(r"/([A-Za-z0-9_.~-][A-Za-z0-9_.~/?&=#-]*)?", re.ASCII)
_LONGEST: Final = 200
#: What is no page for people, or would begin again.
_NOT_THERE: Final = ("/api/", "/auth/", "/webhooks/", "/static/", "/mj/", "/login")
HOME: Final = "/desk"


def own_path(text: str | None) -> str:
    """The path, if it is one of ours; otherwise the desk."""
    if text is None or len(text) > _LONGEST or not _PATH.fullmatch(text):
        return HOME
    if "//" in text or "/." in text or text == "/" or text.startswith(_NOT_THERE):
        return HOME
    return text


def with_word(path: str, word: str, provider: str) -> str:
    """The page with a word for it behind `#`, where no server sees it."""
    return f"{path.partition('#')[0]}#sign-in={word}&provider={provider}"
