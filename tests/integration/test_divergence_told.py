"""An overlay that shows something else than the server is corrected, counted, and told on the desk."""

from __future__ import annotations

import json

import httpx2
from websockets.asyncio.client import connect

from tests.integration.live_rig import until
from tests.servers import Hubbub


async def test_an_overlay_that_shows_something_else_is_told_on_the_desk(hubbub: Hubbub) -> None:
    async with httpx2.AsyncClient(base_url=hubbub.base_url, headers=hubbub.headers) as api:
        campaign = (await api.post("/api/v1/campaigns", json={"name": "Show"})).json()["id"]
        link = (await api.post(f"/api/v1/campaigns/{campaign}/overlays", json={"name": "Main"})).json()["url"]

        async def corrected() -> int:
            status = (await api.get(f"/api/v1/campaigns/{campaign}/status")).json()
            return int(status["corrected_last_minute"])

        async def is_counted() -> bool:
            return await corrected() == 1

        async with connect(f"{hubbub.base_url.replace('http', 'ws', 1)}/live", proxy=None) as overlay:
            key = link.partition("#k=")[2]
            hello = {"op": "hello", "proto": 1, "key": key, "client": {"kind": "overlay"}}
            await overlay.send(json.dumps(hello))
            snapshot = json.loads(await overlay.recv())
            assert snapshot["op"] == "snapshot"
            assert await corrected() == 0
            await overlay.send(json.dumps({"op": "ack", "seq": snapshot["seq"], "hash": 12345}))
            while json.loads(await overlay.recv())["op"] != "snapshot":
                pass  # a ping may come first
            await until(is_counted, "the desk is told")
        assert "hubbub_overlay_divergence_total 1.0" in (await api.get("/metrics")).text
