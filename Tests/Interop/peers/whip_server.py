"""A WHIP and WHEP server on aiortc: RFC 9725 and draft-ietf-wish-whep.

What is published to `/whip` is decoded and measured; `/whep` plays a tone and a picture. `/moved/whip` and `/moved/whep`
answer with a redirect. Without the token the answer is 401. The first line on stdout says where the server is; commands
are `statistics` and `end`."""

import argparse
import asyncio
import json
import sys
import time

import aioice
from aiohttp import web
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp
from media import Heard, Picture, Tone

TRICKLE = "application/trickle-ice-sdpfrag"
_connect = aioice.Connection.connect


async def connect_once_there_is_someone(self):
    """aioice gives up at once where no candidate is known yet; with trickle the first comes a moment later."""
    until = time.monotonic() + 10
    while not self._remote_candidates and not self._early_checks and time.monotonic() < until:
        await asyncio.sleep(0.005)
    await _connect(self)


aioice.Connection.connect = connect_once_there_is_someone


class Resource:
    """One publication or one playback."""

    def __init__(self, kind, number):
        self.kind, self.etag = kind, f'"{number}"'
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.began, self.heard, self.patches, self.trickled, self.ended_by = time.monotonic(), [], 0, 0, None

    async def answer(self, offer, tone):
        if self.kind == "whip":
            self.connection.on("track", lambda track: self.heard.append(Heard(track, self.began, self.connection)))
        await self.connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        if self.kind == "whep":
            kinds = [transceiver.kind for transceiver in self.connection.getTransceivers()]
            for kind in kinds:
                self.connection.addTrack(Tone(tone) if kind == "audio" else Picture())
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        return self.connection.localDescription.sdp

    async def trickle(self, fragment):
        mid = None
        for line in fragment.splitlines():
            if line.startswith("a=mid:"):
                mid = line[6:]
            elif line.startswith("a=candidate:"):
                candidate = candidate_from_sdp(line[12:])
                candidate.sdpMid = mid
                self.trickled += 1
                await self.connection.addIceCandidate(candidate)

    def report(self):
        return {
            "kind": self.kind, "state": self.connection.connectionState, "endedBy": self.ended_by,
            "patches": self.patches, "trickled": self.trickled, "heard": [each.report() for each in self.heard],
        }  # fmt: skip


class Server:
    def __init__(self, token, tone):
        self.token, self.tone, self.resources = token, tone, []
        self.refused, self.redirected = 0, 0

    def application(self):
        application = web.Application()
        application.router.add_post("/{kind:whip|whep}", self.post)
        application.router.add_post("/moved/{kind:whip|whep}", self.move)
        application.router.add_patch("/resource/{number}", self.patch)
        application.router.add_delete("/resource/{number}", self.delete)
        return application

    def check(self, request):
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            self.refused += 1
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})

    async def move(self, request):
        self.redirected += 1
        raise web.HTTPTemporaryRedirect(f"/{request.match_info['kind']}")

    async def post(self, request):
        self.check(request)
        if request.content_type != "application/sdp":
            raise web.HTTPUnsupportedMediaType()
        number = len(self.resources)
        resource = Resource(request.match_info["kind"], number)
        self.resources.append(resource)
        answer = await resource.answer(await request.text(), self.tone)
        return web.Response(
            status=201, text=answer, content_type="application/sdp",
            headers={"Location": f"/resource/{number}", "ETag": resource.etag, "Accept-Patch": TRICKLE},
        )  # fmt: skip

    def resource(self, request):
        self.check(request)
        number = int(request.match_info["number"])
        if number >= len(self.resources) or self.resources[number].ended_by:
            raise web.HTTPNotFound()
        return self.resources[number]

    async def patch(self, request):
        resource = self.resource(request)
        if request.content_type != TRICKLE:
            raise web.HTTPUnsupportedMediaType()
        if request.headers.get("If-Match", resource.etag) not in (resource.etag, "*"):
            raise web.HTTPPreconditionFailed()
        resource.patches += 1
        await resource.trickle(await request.text())
        return web.Response(status=204)

    async def delete(self, request):
        resource = self.resource(request)
        resource.ended_by = "DELETE"
        await resource.connection.close()
        return web.Response()

    def statistics(self):
        return {
            "refused": self.refused, "redirected": self.redirected,
            "resources": [resource.report() for resource in self.resources],
        }  # fmt: skip


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--token", default="secret")
    parser.add_argument("--tone", type=float, default=880)
    options = parser.parse_args()
    server = Server(options.token, options.tone)
    runner = web.AppRunner(server.application())
    await runner.setup()
    site = web.TCPSite(runner, options.address, 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    result = {"url": f"http://{options.address}:{port}"}
    while True:
        print(json.dumps(result), flush=True)
        word = (await lines.readline()).decode().strip() or "end"
        if word == "end":
            return
        result = server.statistics()


asyncio.run(main())
