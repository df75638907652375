"""Settings: what is read, what is refused, and that a refusal is one sentence that tells no secret."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

import pytest
from redis.asyncio.connection import parse_url

from server.config import RefusedConfiguration, Settings, load, secret_keys

STRONG = "9f2c4b7e1a8d3056c7e4f1b2a9d80634"
STRONGER = secrets.token_hex(32)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the developer's environment nor a .env file of the project."""
    for name in os.environ:
        if name.startswith(("HUBBUB_", "TWITCH_", "KICK_")) or name in ("PORT", "DATABASE_URL", "REDIS_URL"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def from_environment(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return load()


def test_nothing_set_gives_the_defaults_of_the_contract() -> None:
    settings = load()
    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 8787, Path(".hubbub"))
    assert settings.embedded_postgres
    assert settings.embedded_redis
    assert settings.wants_demo
    assert settings.public_url == ""
    assert settings.trusted_proxies == ()
    assert settings.twitch_irc_url == "wss://irc-ws.chat.twitch.tv:443"


def test_every_variable_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = from_environment(
        monkeypatch,
        HUBBUB_HOST="0.0.0.0",  # noqa: S104
        HUBBUB_PORT="0",
        HUBBUB_DATA_DIR="/somewhere/else",
        HUBBUB_PUBLIC_URL="https://Show.Example.org/",
        DATABASE_URL="postgresql://h/db",
        REDIS_URL="rediss://h",
        HUBBUB_SECRET_KEY=f"{STRONG}, {STRONGER}",
        HUBBUB_API_KEY=f"hb_{STRONG}",
        HUBBUB_DEMO="1",
        HUBBUB_TRUSTED_PROXIES="10.0.0.1, 10.1.0.0/16,",
        TWITCH_IRC_URL="ws://127.0.0.1:9",
    )
    assert (settings.host, settings.port) == ("0.0.0.0", 0)  # noqa: S104
    assert settings.data_dir == Path("/somewhere/else")
    assert settings.public_url == "https://show.example.org"
    assert not settings.embedded_postgres
    assert not settings.embedded_redis
    assert settings.wants_demo
    assert settings.trusted_proxies == ("10.0.0.1", "10.1.0.0/16")
    assert settings.twitch_irc_url == "ws://127.0.0.1:9"
    assert secret_keys(settings) == (STRONG.encode(), STRONGER.encode())


def test_port_is_honoured_and_hubbub_port_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    assert from_environment(monkeypatch, PORT="5000").port == 5000
    assert from_environment(monkeypatch, HUBBUB_PORT="6000").port == 6000


def test_a_database_of_ones_own_starts_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = from_environment(monkeypatch, DATABASE_URL="postgresql://h/db", HUBBUB_SECRET_KEY=STRONG)
    assert not settings.wants_demo
    assert from_environment(monkeypatch, HUBBUB_DEMO="1").wants_demo


def test_dotenv_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("HUBBUB_PORT=1234\nHUBBUB_HOST=::1\nSOMETHING_ELSE=1\n", "utf-8")
    settings = from_environment(monkeypatch, HUBBUB_HOST="localhost")
    assert (settings.port, settings.host) == (1234, "localhost")


def test_empty_means_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a copied .env.example."""
    Path(".env").write_text("HUBBUB_PORT=\nHUBBUB_DEMO=\nHUBBUB_SECRET_KEY=\nTWITCH_IRC_URL=\n", "utf-8")
    names = ("PORT", "HUBBUB_HOST", "DATABASE_URL", "REDIS_URL", "HUBBUB_API_KEY", "HUBBUB_PUBLIC_URL")
    assert from_environment(monkeypatch, **dict.fromkeys(names, "")) == load()
    settings = load()
    assert (settings.port, settings.host, settings.embedded_postgres) == (8787, "127.0.0.1", True)
    assert settings.twitch_irc_url.startswith("wss://irc-ws.chat.twitch.tv")


REFUSED = [
    ("HUBBUB_SECRET_KEY", "changeme"),
    ("HUBBUB_SECRET_KEY", "changeme" * 8),
    ("HUBBUB_SECRET_KEY", "ChangeMe-" + STRONG),
    ("HUBBUB_SECRET_KEY", STRONG[:31]),
    ("HUBBUB_SECRET_KEY", "0" * 64),
    ("HUBBUB_SECRET_KEY", "abcd" * 16),
    ("HUBBUB_SECRET_KEY", f"{STRONG},{STRONG[:31]}"),  # every key of the ring
    ("HUBBUB_SECRET_KEY", f"{STRONG},"),
    ("HUBBUB_API_KEY", STRONG),
    ("HUBBUB_API_KEY", "hb_" + STRONG[:31]),
    ("HUBBUB_API_KEY", "hb_" + "a" * 40),
    ("HUBBUB_API_KEY", "hb_changeme" + STRONG),
    ("HUBBUB_PORT", "x"),
    ("HUBBUB_PORT", "65536"),
    ("HUBBUB_PORT", "-1"),
    ("PORT", "8787a"),
    ("HUBBUB_DEMO", "maybe"),
    ("HUBBUB_PUBLIC_URL", "show.example.org"),
    ("HUBBUB_PUBLIC_URL", "ftp://show.example.org"),
    ("HUBBUB_PUBLIC_URL", "https://"),
    ("HUBBUB_PUBLIC_URL", "https://show.example.org/path"),
    ("HUBBUB_PUBLIC_URL", "https://show.example.org/?a=1"),
    ("HUBBUB_PUBLIC_URL", "https://show.example.org/#a"),
    ("HUBBUB_PUBLIC_URL", "https://user:secret@show.example.org"),
    ("HUBBUB_PUBLIC_URL", "http://my_host.local"),
    ("HUBBUB_PUBLIC_URL", "http://b\u00fccher.example"),
    ("HUBBUB_PUBLIC_URL", "http://a%20b.example"),
    ("HUBBUB_PUBLIC_URL", "http://-a.example"),
    ("HUBBUB_PUBLIC_URL", "http://a..example"),
    ("HUBBUB_PUBLIC_URL", "http://show.example."),
    ("HUBBUB_PUBLIC_URL", f"http://{'a' * 64}.example"),
    ("HUBBUB_PUBLIC_URL", "http://127.1"),
    ("HUBBUB_PUBLIC_URL", "http://1.2.3.0x4"),
    ("HUBBUB_PUBLIC_URL", "http://[fe80::1%25eth0]"),
    ("HUBBUB_PUBLIC_URL", "http://[::ffff:1.2.3.4]"),
    ("HUBBUB_OVERLAY_SOCKETS", "0"),
    ("DATABASE_URL", "nonsense"),
    ("DATABASE_URL", "mysql://user:secret@host/db"),
    ("DATABASE_URL", "postgresql:/host/db"),
    ("DATABASE_URL", "postgresql://user:secret@host:port/db"),
    ("DATABASE_URL", "postgresql://user:secret@host:99999/db"),
    ("DATABASE_URL", "postgresql://[::1"),
    ("REDIS_URL", "nonsense"),
    ("REDIS_URL", "redis://h?foo=bar"),  # redis-py would fail at the first use
    ("REDIS_URL", "redis:host"),  # redis-py would take it for localhost
    ("REDIS_URL", "http://user:secret@host"),
]

POSTGRES_URLS = [
    "postgres://h",
    "postgresql://user:p%40ss:word@h:5432/db?sslmode=require",
    "postgresql://a:5432,b:5433/db",
    "postgresql://[::1]:5432/db",
    "postgresql:///db?host=/run/postgresql",
]


@pytest.mark.parametrize("url", POSTGRES_URLS)
def test_every_form_of_a_postgresql_url_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    settings = from_environment(monkeypatch, DATABASE_URL=url, HUBBUB_SECRET_KEY=STRONG)
    assert settings.database_url is not None


REDIS_URLS = [
    "redis://",
    "redis://h",
    "redis://user:p%40ss@h:6380/3",
    "redis://[::1]:6379/0?socket_timeout=1.5&protocol=3",
    "rediss://:secret@h:6379/0?ssl_cert_reqs=none",
    "unix:///run/valkey.sock?db=0",
    "unix://user:secret@/run/valkey.sock",
    "nonsense",
    "h:6379",
    "redis",
    "http://h",
    "redis+sentinel://h",
    "redis://h:port",
    "redis://h:99999",
    "redis://[::1",
    "redis://h?db=first",
    "redis://h?socket_timeout=soon",
]


@pytest.mark.parametrize("url", REDIS_URLS)
def test_a_redis_url_is_taken_when_its_client_takes_it(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    try:
        parse_url(url)
    except ValueError:
        with pytest.raises(RefusedConfiguration, match="REDIS_URL must be like"):
            from_environment(monkeypatch, REDIS_URL=url)
    else:
        assert from_environment(monkeypatch, REDIS_URL=url).redis_url is not None


@pytest.mark.parametrize(
    "url", ["redis+cluster://h", "rediss+cluster://user:secret@h:7000/0?ssl_cert_reqs=none"]
)
def test_a_cluster_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    assert from_environment(monkeypatch, REDIS_URL=url).redis_url is not None


@pytest.mark.parametrize(
    "url",
    [
        "redis+cluster://",
        "redis+cluster://h/1",
        "redis+cluster://h?db=2",
        "unix+cluster:///s",
        "redis+cluster:h",
    ],
)
def test_a_cluster_has_hosts_and_one_database(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(RefusedConfiguration, match="REDIS_URL must be like"):
        from_environment(monkeypatch, REDIS_URL=url)


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_a_bad_value_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(RefusedConfiguration) as refused:
        from_environment(monkeypatch, **{name: value})
    sentence = str(refused.value)
    assert name in sentence
    assert "\n" not in sentence
    assert len(sentence) < 200
    assert refused.value.__cause__ is None
    if "KEY" in name or "@" in value:
        assert value not in sentence
        assert STRONG[:20] not in sentence


def test_a_database_of_ones_own_needs_a_key_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RefusedConfiguration, match="HUBBUB_SECRET_KEY is required when DATABASE_URL is set"):
        from_environment(monkeypatch, DATABASE_URL="postgresql://h/db")


def test_an_unreadable_dotenv_is_refused() -> None:
    Path(".env").write_bytes(b"HUBBUB_HOST=\xff\xfe\n")
    with pytest.raises(RefusedConfiguration, match=r"\.env cannot be read"):
        load()


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://show.example.org:443", "https://show.example.org"),
        ("http://show.example.org:80/", "http://show.example.org"),
        ("https://show.example.org:80", "https://show.example.org:80"),
        ("http://[::1]:8787", "http://[::1]:8787"),
        ("http://[0:0:0::1]:8787", "http://[::1]:8787"),
        ("http://192.168.0.20:8787", "http://192.168.0.20:8787"),
        ("http://show:", "http://show"),
        ("http://show:08787", "http://show:8787"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("HTTPS://SHOW.example.ORG:8443/", "https://show.example.org:8443"),
    ],
)
def test_the_public_url_is_written_as_browsers_write_an_origin(
    monkeypatch: pytest.MonkeyPatch, url: str, origin: str
) -> None:
    assert from_environment(monkeypatch, HUBBUB_PUBLIC_URL=url).public_url == origin


def test_no_secret_is_in_the_settings_text(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = from_environment(
        monkeypatch,
        HUBBUB_SECRET_KEY=STRONG,
        HUBBUB_API_KEY=f"hb_{STRONGER}",
        DATABASE_URL="postgresql://u:hunter2@h/db",
        REDIS_URL="redis://:hunter2@h",
    )
    for secret in (STRONG, STRONGER, "hunter2"):
        assert secret not in repr(settings)
        assert secret not in str(settings.model_dump())


def test_the_generated_key_is_kept_and_private(tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path / "data")
    keys = secret_keys(settings)
    assert secret_keys(settings) == keys
    assert len(keys[0]) == 64
    path = tmp_path / "data" / "secret.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert secret_keys(load(data_dir=tmp_path / "other")) != keys


def test_a_damaged_key_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("", "ascii")
    with pytest.raises(RefusedConfiguration, match=r"secret\.key is damaged"):
        secret_keys(load(data_dir=tmp_path))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TWITCH_IRC_URL", "ws://127.0.0.1:abc"),
        ("TWITCH_IRC_URL", "ws://[bad"),
        ("TWITCH_IRC_URL", "ws://127.0.0.1:99999"),
        ("TWITCH_IRC_URL", "foo"),
        ("TWITCH_IRC_URL", "https://irc.example.org"),
        ("HUBBUB_PUBLIC_URL", "http://x:99999"),
        ("HUBBUB_PUBLIC_URL", "https://ex.org:abc"),
        ("HUBBUB_PUBLIC_URL", "http://["),
        ("HUBBUB_TRUSTED_PROXIES", "banana"),
    ],
)
def test_an_address_that_cannot_be_is_refused_by_name(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(RefusedConfiguration, match=name):
        load()


def test_a_key_file_that_is_no_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.key").write_bytes(b"\xff\xfe" * 60)
    monkeypatch.setenv("HUBBUB_DATA_DIR", str(tmp_path))
    with pytest.raises(RefusedConfiguration, match="damaged"):
        secret_keys(load())
