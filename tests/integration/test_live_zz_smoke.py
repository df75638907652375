import asyncio
from tests.integration.live_rig import *
async def test_smoke(database):
    engine = await make_campaign(database)
    link = await make_overlay(database, engine.campaign_id, theme="paper")
    async with house(database) as h:
        v = await h.overlay(link).open()
        await until(lambda: v.seq is not None, "snapshot")
        print(v.frames)
        b = str(uuid7())
        h.hub.publish(await engine.commit({b: poll_board(1)}, events=({"id": "e1"},)))
        await until(lambda: v.seq == 2, "delta")
        await engine.commit({b: poll_board(2)})
        print(await until(lambda: v.seq == 3, "heal"))
        await v.close()
        await engine.commit(unset=(b,), events=({"id":"e2"},))
        await v.open()
        await until(lambda: len(v.frames) >= 2, "x")
        print(v.frames)
        await asyncio.sleep(2)
