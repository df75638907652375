"""Settings: the only reader of the environment (contract §3)."""

from __future__ import annotations

import re
import secrets
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import (
    AliasChoices,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")

#: Of the names in the DNS what a host may be called (RFC 1123 §2.1), in lower case; no dot at the end.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME: re.Pattern[str] = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_NUMBER: re.Pattern[str] = re.compile(r"[0-9]+|0x[0-9a-f]*")

#: An e-mail address as an operator writes it: no name beside it, nothing that could end a header line.
_ADDRESS: re.Pattern[str] = re.compile(r"[^\s@<>,;:\"]{1,64}@[a-zA-Z0-9.-]{1,190}")

#: What redis-py reads as a number from the query of a URL.
_REDIS_PARAMETERS: dict[str, type[int] | type[float] | type[str]] = {
    **dict.fromkeys(("db", "health_check_interval", "max_connections", "protocol"), int),
    **dict.fromkeys(("socket_read_size", "ssl_min_version"), int),
    **dict.fromkeys(("socket_connect_timeout", "socket_timeout", "timeout"), float),
    **dict.fromkeys(("client_name", "password", "username", "ssl_cert_reqs", "ssl_ca_certs"), str),
    **dict.fromkeys(("ssl_certfile", "ssl_check_hostname", "ssl_keyfile"), str),
}


def _is_weak(key: str, shortest: int) -> bool:
    """Short, the well-known `changeme`, or a few characters over and over."""
    return len(key.encode()) < shortest or "changeme" in key.lower() or len(set(key)) < 6


def _is_redis_url(text: str) -> bool:
    """Whether redis-py's `from_url` takes it; redis itself is imported by server.live only."""
    try:
        parts = urlsplit(text)
        schemes = ("redis", "rediss", "unix", "redis+cluster", "rediss+cluster")
        if parts.scheme not in schemes or not text.startswith(f"{parts.scheme}://"):
            return False
        if parts.scheme.endswith("+cluster") and (
            not parts.hostname or parts.path.strip("/") not in ("", "0")
        ):
            return False  # a cluster has one database, and no socket in the file system
        _ = parts.port  # raises for what is no port
        for name, value in parse_qsl(parts.query):
            if name == "db" and parts.scheme.endswith("+cluster"):
                return False
            _REDIS_PARAMETERS[name](value)
    except (ValueError, KeyError):
        return False
    return bool(parts.path) if parts.scheme == "unix" else True


def _is_url(text: str, schemes: tuple[str, ...]) -> bool:
    """Whether it names a host with one of these schemes, and a port that exists if it names one."""
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _host_as_browsers_write_it(host: str) -> str | None:
    """A host as it stands in the `Origin` and `Host` of a browser's requests; None for one that cannot stand
    there, or that requests are not taken for (server/web/headers.py). `host` has no brackets."""
    if ":" in host:
        try:
            address = IPv6Address(host)
        except ValueError:
            return None
        return None if address.scope_id or address.ipv4_mapped else f"[{address.compressed}]"
    if not _NAME.fullmatch(host):
        return None
    if _NUMBER.fullmatch(host.rpartition(".")[2]):  # then browsers read all of it as an IPv4 address
        try:
            return str(IPv4Address(host))
        except ValueError:
            return None
    return host


def _is_postgres_url(text: str) -> bool:
    """Whether it can name a PostgreSQL; several hosts may stand between commas."""
    try:
        parts = urlsplit(text)
        hosts = parts.netloc.rpartition("@")[2].split(",")
        ports = [int(port) for host in hosts if (port := host.rpartition("]")[2].partition(":")[2])]
    except ValueError:
        return False
    is_scheme = parts.scheme in ("postgresql", "postgres") and text.startswith(f"{parts.scheme}://")
    return is_scheme and all(0 < port < 65536 for port in ports)


class RefusedConfiguration(Exception):
    """The program must not start like this; the message is the one sentence for the operator (exit 78)."""


class Settings(BaseSettings):
    """Everything that can be configured. Names without the HUBBUB_ prefix are the customary ones."""

    model_config = SettingsConfigDict(
        env_prefix="HUBBUB_",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,  # `NAME=` in a copied .env.example means "not set"
        extra="ignore",
        populate_by_name=True,
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8787, ge=0, le=65535, validation_alias=AliasChoices("HUBBUB_PORT", "PORT"))
    data_dir: Path = Path(".hubbub")
    public_url: str = ""
    database_url: SecretStr | None = Field(default=None, validation_alias="DATABASE_URL")
    redis_url: SecretStr | None = Field(default=None, validation_alias="REDIS_URL")
    secret_key: SecretStr | None = None
    api_key: SecretStr | None = None
    demo: bool | None = None
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    #: Applications that were registered with the platforms; without an id people cannot sign in with one.
    twitch_client_id: str = Field(default="", validation_alias="TWITCH_CLIENT_ID")
    twitch_client_secret: SecretStr | None = Field(default=None, validation_alias="TWITCH_CLIENT_SECRET")
    twitch_eventsub_secret: SecretStr | None = Field(default=None, validation_alias="TWITCH_EVENTSUB_SECRET")
    kick_client_id: str = Field(default="", validation_alias="KICK_CLIENT_ID")
    kick_client_secret: SecretStr | None = Field(default=None, validation_alias="KICK_CLIENT_SECRET")
    #: PEM text, or the path of a file with it; empty: the key that Kick documents.
    kick_public_key: str = Field(default="", validation_alias="KICK_PUBLIC_KEY")
    google_client_id: str = Field(default="", validation_alias="GOOGLE_CLIENT_ID")
    google_client_secret: SecretStr | None = Field(default=None, validation_alias="GOOGLE_CLIENT_SECRET")
    #: Where the platforms are; a mock or a proxy may stand in. Without a slash at the end.
    twitch_irc_url: str = Field(
        default="wss://irc-ws.chat.twitch.tv:443", validation_alias=AliasChoices("TWITCH_IRC_URL")
    )
    twitch_eventsub_url: str = Field(
        default="wss://eventsub.wss.twitch.tv/ws", validation_alias="TWITCH_EVENTSUB_URL"
    )
    twitch_api_url: str = Field(default="https://api.twitch.tv/helix", validation_alias="TWITCH_API_URL")
    twitch_id_url: str = Field(default="https://id.twitch.tv/oauth2", validation_alias="TWITCH_ID_URL")
    kick_api_url: str = Field(default="https://api.kick.com", validation_alias="KICK_API_URL")
    kick_id_url: str = Field(default="https://id.kick.com", validation_alias="KICK_ID_URL")
    google_issuer_url: str = Field(
        default="https://accounts.google.com", validation_alias="GOOGLE_ISSUER_URL"
    )
    #: Sign-in by e-mail and password; None: on when mail can be sent.
    email_sign_in: bool | None = None
    #: smtp://user:password@host:587 (STARTTLS) or smtps://…:465; unset: letters are printed on the terminal.
    mail_url: SecretStr | None = None
    mail_from: str = ""
    #: Asked, by the first five characters of a hash, whether a password is known to thieves; empty: nobody
    #: is.
    password_breach_url: str = ""
    #: What is logged; `debug` tells no secrets and no chat either.
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    #: The built-in probe of processes with the `web` role (reliability R30).
    probe: bool = True
    #: Where a process without `web` answers `/livez`, `/readyz` and `/metrics`; None: nowhere.
    metrics_port: int | None = Field(default=None, ge=0, le=65535)
    #: Overlay sockets that one campaign may hold open on one process (reliability §3.9).
    overlay_sockets: int = Field(default=20, ge=1, le=100_000)

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split_proxies(cls, value: object) -> object:
        return tuple(p.strip() for p in value.split(",") if p.strip()) if isinstance(value, str) else value

    @field_validator("public_url")
    @classmethod
    def _public_url_is_an_origin(cls, value: str) -> str:
        if not value:
            return value
        is_web = _is_url(value, ("http", "https"))
        parts = urlsplit(value) if is_web else urlsplit("")
        if not is_web or parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
            raise ValueError("HUBBUB_PUBLIC_URL must be an origin such as https://show.example.org")
        host = _host_as_browsers_write_it(parts.hostname or "")
        if host is None:
            raise ValueError(
                "HUBBUB_PUBLIC_URL needs an IP address or a host of letters a-z, digits, hyphens and dots "
                "(xn--... for other letters)"
            )
        # As browsers write an Origin: without the port that the scheme implies.
        is_implied = parts.port in (None, 443 if parts.scheme == "https" else 80)
        return f"{parts.scheme}://{host}" + ("" if is_implied else f":{parts.port}")

    @field_validator("twitch_irc_url", "twitch_eventsub_url")
    @classmethod
    def _sockets_are_urls(cls, value: str, info: ValidationInfo) -> str:
        if not _is_url(value, ("ws", "wss")):
            default = cls.model_fields[str(info.field_name)].default
            raise ValueError(f"{str(info.field_name).upper()} must be like {default}")
        return value

    @field_validator(
        "twitch_api_url",
        "twitch_id_url",
        "kick_api_url",
        "kick_id_url",
        "google_issuer_url",
        "password_breach_url",
    )
    @classmethod
    def _bases_are_urls(cls, value: str, info: ValidationInfo) -> str:
        name = str(info.field_name)
        parts = urlsplit(value) if _is_url(value, ("http", "https")) else None
        if value and (parts is None or parts.query or parts.fragment or parts.username is not None):
            default = cls.model_fields[name].default or "https://api.pwnedpasswords.com/range"
            prefix = "HUBBUB_" if name == "password_breach_url" else ""
            raise ValueError(f"{prefix}{name.upper()} must be like {default}")
        return value.rstrip("/")

    @field_validator("mail_url")
    @classmethod
    def _mail_url_is_one(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not _is_url(value.get_secret_value(), ("smtp", "smtps")):
            raise ValueError("HUBBUB_MAIL_URL must be like smtp://user:password@mail.example.org:587")
        return value

    @field_validator("mail_from")
    @classmethod
    def _mail_from_is_an_address(cls, value: str) -> str:
        if value and not _ADDRESS.fullmatch(value):
            raise ValueError("HUBBUB_MAIL_FROM must be an address such as hubbub@example.org")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in value:
            try:
                ip_network(proxy)
            except ValueError:
                raise ValueError(
                    f"HUBBUB_TRUSTED_PROXIES has {proxy!r}: give addresses or networks such as 10.0.0.0/8"
                ) from None
        return value

    @field_validator("database_url")
    @classmethod
    def _database_url_is_one(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not _is_postgres_url(value.get_secret_value()):
            raise ValueError("DATABASE_URL must be like postgresql://user:password@host:5432/database")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis_url_is_one(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not _is_redis_url(value.get_secret_value()):
            raise ValueError(
                "REDIS_URL must be like redis://host:6379/0, rediss://:password@host:6379/0, "
                "redis+cluster://host:6379, rediss+cluster://host:6379 or unix:///path"
            )
        return value

    @model_validator(mode="after")
    def _secrets_are_strong(self) -> Self:
        for key in self.secret_key.get_secret_value().split(",") if self.secret_key else ():
            if _is_weak(key.strip(), 32):
                raise ValueError(
                    "HUBBUB_SECRET_KEY is short or a well-known default; make one with: openssl rand -hex 32"
                )
        if self.api_key:
            text = self.api_key.get_secret_value()
            if not text.startswith("hb_") or _is_weak(text[3:], 32):
                raise ValueError("HUBBUB_API_KEY must be hb_ and at least 32 random characters")
        if self.database_url and not self.secret_key:
            raise ValueError("HUBBUB_SECRET_KEY is required when DATABASE_URL is set")
        return self

    @model_validator(mode="after")
    def _applications_are_whole(self) -> Self:
        for name, client_id, secret in (
            ("TWITCH", self.twitch_client_id, self.twitch_client_secret),
            ("KICK", self.kick_client_id, self.kick_client_secret),
            ("GOOGLE", self.google_client_id, self.google_client_secret),
        ):
            if secret and not client_id:
                raise ValueError(f"{name}_CLIENT_SECRET is set without {name}_CLIENT_ID")
            if (
                client_id and not secret and name != "TWITCH"
            ):  # Twitch has codes for devices, without a secret
                raise ValueError(f"{name}_CLIENT_ID is set without {name}_CLIENT_SECRET")
        if self.twitch_eventsub_secret:
            text = self.twitch_eventsub_secret.get_secret_value()
            if len(text) > 100 or not text.isascii() or _is_weak(text, 10):
                raise ValueError(
                    "TWITCH_EVENTSUB_SECRET must be 10 to 100 random ASCII characters; "
                    "make one with: openssl rand -hex 32"
                )
        if self.mail_url and not self.mail_from:
            raise ValueError("HUBBUB_MAIL_FROM is required when HUBBUB_MAIL_URL is set")
        return self

    @property
    def embedded_postgres(self) -> bool:
        return self.database_url is None

    @property
    def embedded_redis(self) -> bool:
        return self.redis_url is None

    @property
    def wants_email_sign_in(self) -> bool:
        """HUBBUB_EMAIL_SIGN_IN, by default on when mail can be sent."""
        return self.mail_url is not None if self.email_sign_in is None else self.email_sign_in

    @property
    def wants_demo(self) -> bool:
        """HUBBUB_DEMO, by default on with the embedded PostgreSQL only."""
        return self.embedded_postgres if self.demo is None else self.demo


def load(**overrides: object) -> Settings:
    """Settings from the environment and `.env`. Raises RefusedConfiguration with one sentence."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        if first["type"] == "value_error":  # one of our own sentences, which names the variable
            raise RefusedConfiguration(str(first["msg"]).removeprefix("Value error, ")) from None
        field_name = str(first["loc"][0])
        variable = field_name if field_name.isupper() else f"HUBBUB_{field_name.upper()}"
        raise RefusedConfiguration(f"{variable}: {first['msg']}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedConfiguration(f".env cannot be read as UTF-8 text: {error}") from None


def secret_keys(settings: Settings) -> tuple[bytes, ...]:
    """The key ring, newest first; made and kept in the data directory when nothing is configured."""
    if settings.secret_key:
        return tuple(part.strip().encode() for part in settings.secret_key.get_secret_value().split(","))
    path = settings.data_dir / "secret.key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32) + "\n", "ascii")
    text = path.read_text("ascii", "replace").strip()
    if len(text) < 64 or not text.isascii():
        raise RefusedConfiguration(f"{path} is damaged: restore it from a backup, or delete it")
    return (text.encode(),)
