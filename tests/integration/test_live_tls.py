"""`/live` over TLS by this server itself: the same, through asyncio instead of straight to the socket."""

from __future__ import annotations

import asyncio
import ssl
import time
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from server.live import client
from sql.ids import uuid7
from sql.pool import Database
from tests.integration.live_rig import Viewer, house, make_campaign, poll_board, until
from tests.integration.test_live_slow import show


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody signed but its own key, and the key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "show")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


async def test_a_show_over_tls(
    database: Database, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "STUCK_S", 1.5)
    engine = await make_campaign(database)
    board = str(uuid7())
    trust = ssl.create_default_context(cafile=certificate)

    async def watching(viewer: Viewer) -> Viewer:
        await viewer.dial(ssl=trust)
        await viewer.say(viewer._hello)
        await until(lambda: viewer.seq is not None, "the snapshot")
        return viewer

    async with house(database, frame_every_s=0.02, certificate=certificate) as live:
        good, stuck = [await watching(live.program(engine.campaign_id)) for _ in range(2)]
        for votes in range(1, 20):
            live.hub.publish(await engine.commit({board: poll_board(votes)}))
        await until(lambda: good.boards == {board: poll_board(19)}, "all of it")
        await good.say({"op": "resync", "why": "test"})
        await until(lambda: good.ops().count("snapshot") == 2, "it is heard")
        await asyncio.sleep(2)
        assert live.hub.figures.cut == 0, "nobody is full without bytes"
        stuck.stop_reading()
        start = time.monotonic()
        async with show(live, engine, 0.01):
            await until(lambda: live.hub.figures.cut == 1, "cut", 15)
        pauses = [b - a for a, b in zip(good.arrived, good.arrived[1:], strict=False) if b > start]
        assert max(pauses[1:]) < 1, "no hole"
        assert good.gaps == 0
        live.hub.close()
        assert await good.ended() == 1012
        stuck.read_again()
        await stuck.ended()
        await until(lambda: not live.server.server_state.connections, "the sockets are freed")
