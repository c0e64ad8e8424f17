"""An aiohttp server that does nothing: what `scripts/bench exchange` holds the exchange against.

It answers a placement with a fixed row of the usual size, and reads the body for it.
"""

import asyncio
import json
import sys

import uvloop
from aiohttp import web

_ROW = json.dumps({"id": "700604309511", "text": "t-1", "filler": "x" * 700}).encode()


async def _placed(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(body=_ROW, status=201, content_type="application/json")


async def _serve() -> None:
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", _placed)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    sys.stdout.write(json.dumps({"ready": True, "url": url}) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve())
