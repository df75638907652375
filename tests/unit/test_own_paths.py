"""Where a person may be sent after signing in."""

from __future__ import annotations

import pytest

from server.web.own_paths import HOME, own_path, with_word


@pytest.mark.parametrize(
    "path", ["/desk", "/desk?show=1", "/desk#table", "/docs", "/me", "/beyond20", "/desk/a-b_c~d.e?f=g&h"]
)
def test_pages_of_ours(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "path",
    [None, "", "/", "desk", "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example",
     "/desk//evil.example", "/%2fevil.example", "/desk%0d%0aX:y", "/desk\n", "/desk\r\nX: y", "/ desk",
     "/@evil.example", "/desk@evil", "javascript:alert(1)", "data:text/html,x", "/../x", "/.well-known/x",
     "/desk/../api/v1/session", "/auth/twitch/start", "/api/v1/session", "/login", "/login#code=x",
     "/webhooks/x", "/d\u00e9sk", "/" + "x" * 200],
)  # fmt: skip
def test_anything_else_is_the_desk(path: str | None) -> None:
    assert own_path(path) == HOME


def test_a_word_replaces_what_stood_behind_the_hash() -> None:
    assert with_word("/desk?a=b#c", "linked", "kick") == "/desk?a=b#sign-in=linked&provider=kick"
