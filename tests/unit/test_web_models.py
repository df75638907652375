"""Text for people, parts of lists, addresses."""

from __future__ import annotations

from uuid import UUID

import pytest
from pydantic import TypeAdapter, ValidationError

from server.web.models import Clean, PageQuery, part
from server.web.origins import origins_of
from server.web.problems import pointer


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  a \t b\n", "a b"),
        ("e\u0301", "é"),
        ("a\u202eb\u2066c\u200fd", "abcd"),
        ("👩‍🚀 go", "👩‍🚀 go"),
        ("=1+1", "=1+1"),
        ("<b>x</b>", "<b>x</b>"),
        ("x" * 64, "x" * 64),
        (" " * 40 + "x" * 64, "x" * 64),
    ],
)
def test_text_is_cleaned(text: str, cleaned: str) -> None:
    assert Clean(64).check(text) == cleaned


@pytest.mark.parametrize(
    "text", ["", " ", "\u200b", "\u202e", "\u00ad\u2060", "x" * 65, "a\x00b", "a\x1bb", "a\x7f"]
)
def test_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"visible|longer|control"):
        Clean(64).check(text)


@pytest.mark.parametrize(
    "given", ["7 ", "+7", "0x7", "1e1", "101", "0", "-1", "٣", "7.0", "1_0", "1000000000000000000000"]
)
def test_a_limit_is_plain_digits(given: str) -> None:
    with pytest.raises(ValidationError):
        PageQuery.model_validate_strings({"limit": given})


def test_a_list_is_cut_into_parts() -> None:
    ids = [UUID(int=n) for n in range(5)]

    def cut(**query: object) -> tuple[list[int], int | None]:
        chosen, following = part(ids, PageQuery.model_validate(query), lambda item: item)
        return [item.int for item in chosen], following.int if following else None

    assert cut() == ([0, 1, 2, 3, 4], None)
    assert cut(limit=5) == ([0, 1, 2, 3, 4], None)
    assert cut(limit=2) == ([0, 1], 1)
    assert cut(limit=2, cursor=ids[1]) == ([2, 3], 3)
    assert cut(limit=2, cursor=ids[3]) == ([4], None)


@pytest.mark.parametrize(
    ("public_url", "host", "url", "allowed", "hosts"),
    [
        ("", "127.0.0.1", "http://127.0.0.1:80", {"http://localhost:80", "http://[::1]:80"}, {"localhost"}),
        ("", "0.0.0.0", "http://127.0.0.1:80", {"http://localhost:80"}, None),  # noqa: S104
        ("", "::1", "http://[::1]:80", {"http://127.0.0.1:80"}, {"[::1]"}),
        ("https://a.example", "0.0.0.0", "https://a.example", set(), None),  # noqa: S104
        ("https://a.example", "127.0.0.1", "https://a.example", {"http://127.0.0.1:80"}, {"a.example"}),
        ("", "192.168.1.5", "http://192.168.1.5:80", {"http://localhost:80"}, None),
    ],
)
def test_our_addresses(
    public_url: str, host: str, url: str, allowed: set[str], hosts: set[str] | None
) -> None:
    origins = origins_of(public_url, host, 80)
    assert origins.public_url == url
    assert origins.allowed >= {url, *allowed}
    assert "null" not in origins.allowed
    if hosts is None:
        assert origins.hosts is None
    else:
        assert origins.hosts is not None
        assert origins.hosts >= {"127.0.0.1", *hosts}


def test_a_foreign_network_name_is_no_origin_of_a_public_server() -> None:
    assert origins_of("https://a.example", "0.0.0.0", 80).allowed == {"https://a.example"}  # noqa: S104


def test_pointers_are_escaped() -> None:
    assert pointer(("a/b", 0, "c~d")) == "/a~1b/0/c~0d"


def test_clean_says_its_limits_in_the_schema() -> None:
    from typing import Annotated

    assert TypeAdapter(Annotated[str, Clean(64)]).json_schema() == {
        "type": "string",
        "minLength": 1,
        "maxLength": 64,
    }
