"""Pages, files, health, and the headers that every answer carries (T26)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

import overlay
from server.web import pages
from server.web.app import create_app
from server.web.origins import origins_of
from server.web.pages import MissingPage
from sql.pool import Database
from tests.integration.web_rig import Rig, rig_on, wrong

OVERLAY_ID = "01933b3e-0000-7000-8000-000000000001"


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path) as made:
        yield made


def directives(answer: httpx2.Response) -> dict[str, list[str]]:
    policy = answer.headers["content-security-policy"]
    return {name: values for name, *values in (part.split() for part in policy.split("; "))}


async def test_the_desk_is_for_who_is_logged_in(rig: Rig) -> None:
    stranger = rig.client()
    home = await stranger.get("/")
    assert (home.status_code, home.headers["location"]) == (307, "/desk")
    refused = await stranger.get("/desk")
    assert refused.status_code == 401
    assert refused.text.startswith("pages/refused.html")
    desk = await (await rig.browser()).get("/desk")
    assert (desk.status_code, desk.text) == (200, f"desk/desk.html of build {rig.services.assets.build}")


async def test_pages_name_their_build_and_are_asked_for_anew(rig: Rig) -> None:
    for path, file in [
        ("/login", pages.LOGIN),
        ("/docs", pages.DOCS),
        ("/me", pages.ME),
        ("/beyond20", pages.BEYOND20),
        (f"/o/{OVERLAY_ID}", pages.OVERLAY),
        (f"/o/{OVERLAY_ID}?widget=poll&debug=1", pages.OVERLAY),
        ("/o/sw.js", pages.SERVICE_WORKER),
    ]:
        answer = await rig.client().get(path)
        assert answer.text == f"{file} of build {rig.services.assets.build}"
        assert answer.headers["cache-control"] == "no-cache"
        kind = "text/javascript" if file.endswith(".js") else "text/html"
        assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
        again = await rig.client().get(path, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["content-security-policy"] == answer.headers["content-security-policy"]


async def test_files_of_the_build_never_change(rig: Rig) -> None:
    build = rig.services.assets.build
    file = await rig.client().get(f"/static/{build}/overlay/main.js")
    assert file.text == "overlay/main.js of build {{build}}"
    assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
    for path in (
        f"/static/{build}/overlay/nothing.js",
        f"/static/{build}/desk/desk.html",
        "/static/0123456789abcdef/overlay/main.js",
        f"/static/{build}/../../pyproject.toml",
        f"/static/{build}/%2e%2e/%2e%2e/pyproject.toml",
        f"/static/{build}//etc/passwd",
    ):
        wrong(await rig.client().get(path), 404, "not_found")


async def test_a_lost_person_gets_a_page_and_a_program_a_problem(rig: Rig) -> None:
    person = await rig.client().get("/nowhere", headers={"accept": "text/html,*/*"})
    assert person.status_code == 404
    assert person.text.startswith("pages/notfound.html")
    wrong(await rig.client().get("/nowhere"), 404, "not_found")
    wrong(await rig.client().get("/api/v1/nowhere", headers={"accept": "text/html"}), 404, "not_found")
    assert (await rig.client().get("/o/not-an-id", headers={"accept": "text/html"})).status_code == 404


async def test_a_wrong_method_is_told_the_right_ones(rig: Rig) -> None:
    answer = await rig.root.put("/api/v1/campaigns", json={})
    wrong(answer, 405, "wrong_method")
    assert {"GET", "POST"} <= set(answer.headers["allow"].replace(" ", "").split(","))
    assert (await rig.root.options("/api/v1/campaigns")).status_code == 405
    head = await rig.root.head("/api/v1/campaigns")
    assert head.status_code == 200


async def test_every_answer_carries_the_headers(rig: Rig) -> None:
    build = rig.services.assets.build
    desk = await rig.browser()
    answers = [
        await desk.get(path)
        for path in ("/", "/desk", "/login", "/docs", "/me", "/beyond20", "/nowhere", "/livez", "/readyz",
                     "/metrics", "/openapi.json", "/asyncapi.json", f"/o/{OVERLAY_ID}", "/o/sw.js",
                     f"/static/{build}/overlay/main.js", f"/static/{build}/x", "/api/v1/campaigns",
                     "/api/v1/nowhere", "/api/v1/polls/x")
    ]  # fmt: skip
    answers.append(await rig.client().get("/desk"))
    answers.append(await desk.post("/api/v1/campaigns", content=b"{"))
    answers.append(await desk.put("/api/v1/campaigns"))
    answers.append(await rig.client(base_url="http://evil.example").get("/desk"))
    for answer in answers:
        csp = directives(answer)
        assert csp["default-src"] == ["'none'"]
        assert csp["frame-ancestors"] == csp["base-uri"] == csp["form-action"] == ["'none'"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"]
        assert answer.headers["x-request-id"]
        assert "access-control-allow-origin" not in answer.headers


async def test_pages_may_load_from_here_only(rig: Rig) -> None:
    overlay_page = directives(await rig.client().get(f"/o/{OVERLAY_ID}"))
    assert overlay_page == {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'"],
        "font-src": ["'self'"],
        "connect-src": ["'self'", "ws://127.0.0.1:8787", "wss://127.0.0.1:8787"],
        "worker-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
    }
    desk = directives(await rig.client().get("/login"))
    assert desk == overlay_page | {"img-src": ["'self'", "data:"]}


async def test_a_host_header_cannot_write_a_policy(database: Database, tmp_path: Path) -> None:
    origins = origins_of("", "0.0.0.0", 8787)  # noqa: S104
    async with rig_on(database, tmp_path, origins=origins) as rig:
        for host in ("a.example; script-src *", "a.example *", "évil", "a_b.example", "a.example:x"):
            answer = await rig.client().get(
                "/login",
                headers=[(b"host", host.encode("latin-1"))],
            )
            assert directives(answer)["connect-src"] == ["'self'"]
            assert "*" not in answer.headers["content-security-policy"]
        answer = await rig.client().get("/login", headers={"host": "stream-pc.local:8787"})
        assert "ws://stream-pc.local:8787" in directives(answer)["connect-src"]


async def test_on_loopback_we_answer_to_our_own_names(rig: Rig) -> None:
    for host in ["127.0.0.1:8787", "localhost:1", "LOCALHOST", "[::1]:8787", "127.0.0.1"]:
        assert (await rig.client().get("/livez", headers={"host": host})).status_code == 200


async def test_on_loopback_a_rebound_name_gets_nothing(rig: Rig) -> None:
    for host in ["evil.example", "127.0.0.1.evil.example:8787", "localhost.evil", "10.0.0.1", "", "127.1"]:
        answer = await rig.client().get("/desk", headers={"host": host})
        wrong(answer, 421, "unknown_host")


async def test_health_follows_the_database_and_not_redis(rig: Rig) -> None:
    client = rig.client()
    assert (await client.get("/livez")).json() == {"status": "alive"}
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "redis": "away"})
    await rig.services.database.close()
    away = await client.get("/readyz")
    assert (away.status_code, away.json()["status"]) == (503, "database away")
    assert (await client.get("/livez")).status_code == 200
    answer = await rig.root.get("/api/v1/campaigns")
    wrong(answer, 503, "database_away")
    assert answer.headers["retry-after"] == "2"
    assert (await rig.client(cookie="hubbub_session=x").get("/desk")).status_code == 503


async def test_metrics_count_by_pattern_and_never_by_id(rig: Rig) -> None:
    await rig.root.get(f"/api/v1/polls/{OVERLAY_ID}")
    await rig.root.get("/api/v1/" + "x" * 50)
    await rig.client().request("BREW", "/livez")
    text = (await rig.client().get("/metrics")).text
    assert re.search(
        r'hubbub_http_requests_total\{method="GET",route="/api/v1/polls/\{poll_id\}",status="404"\} \d', text
    )
    assert OVERLAY_ID not in text
    assert "xxxxx" not in text
    assert "BREW" not in text
    assert 'method="other"' in text


async def test_a_request_keeps_the_id_it_came_with(rig: Rig) -> None:
    given = await rig.client().get("/livez", headers={"x-request-id": "trace-1"})
    assert given.headers["x-request-id"] == "trace-1"
    for bad in ("a b", "x" * 65, "a\tb"):
        answer = await rig.client().get("/livez", headers={"x-request-id": bad})
        assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["x-request-id"])


async def test_a_failure_of_ours_says_nothing_about_us(rig: Rig) -> None:
    async with rig.services.database.connection() as connection:
        await connection.execute("ALTER TABLE campaigns RENAME TO campaigns_away")
    answer = await rig.root.get("/api/v1/campaigns")
    body = wrong(answer, 500, "internal")
    assert answer.headers["x-request-id"] in body["detail"]
    assert "campaigns" not in body["detail"]


async def test_a_missing_page_is_named_at_the_start(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / pages.LOGIN).unlink()
    with pytest.raises(MissingPage, match="login"):
        create_app(replace(rig.services, assets=overlay.load(tmp_path)))


async def test_a_slow_body_is_given_up(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.web.body._PATIENCE_S", 0.05)

    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"name":'
        await asyncio.sleep(1)
        yield b'"Night"}'

    answer = await rig.root.post(
        "/api/v1/campaigns", content=slowly(), headers={"content-type": "application/json"}
    )
    wrong(answer, 408, "too_slow")


async def test_the_real_site_has_every_page() -> None:
    site = overlay.load()
    for name in pages.REQUIRED:
        assert name in site.files, f"overlay/static/{name} is missing"
    for name, file in site.files.items():
        found = set(re.findall(rb"\{\{.*?\}\}", file.body))
        if name.endswith(".html"):
            assert found <= {b"{{build}}"}, name
