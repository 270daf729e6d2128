"""An aiortc client in a Janus VideoRoom: a tone and a picture up, all that others send down.

Commands are words on stdin, `join ROOM`, `statistics`, `leave`, `end`; each is answered by a line of JSON."""

import argparse
import asyncio
import json
import sys
import time

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from janus import Janus
from media import Heard, Picture, Tone


def jsep(description):
    return {"type": description.type, "sdp": description.sdp}


class Room:
    def __init__(self, janus, room, name, tracks):
        self.janus, self.room, self.name, self.tracks = janus, room, name, tracks
        #: The mids subscribed to of each feed, the newest feed last.
        self.feeds, self.heard, self.up, self.down = {}, [], None, None
        self.lock, self.has_left, self.errors = asyncio.Lock(), False, []

    async def join(self):
        self.began = time.monotonic()
        self.publisher = await self.janus.attach(self.on_event)
        joined = await self.janus.request(janus="message", handle_id=self.publisher, body={
            "request": "join", "ptype": "publisher", "room": self.room, "display": self.name})  # fmt: skip
        data = joined["plugindata"]["data"]
        subscribing = self.subscribe_to(data["publishers"])
        if self.tracks:
            await self.publish()
        if subscribing:
            await subscribing

    async def publish(self):
        self.up = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        for track in self.tracks:
            self.up.addTransceiver(track, direction="sendonly")
        await self.up.setLocalDescription(await self.up.createOffer())
        answer = await self.janus.request(
            janus="message", handle_id=self.publisher, body={"request": "publish"},
            jsep=jsep(self.up.localDescription))  # fmt: skip
        await self.up.setRemoteDescription(RTCSessionDescription(**answer["jsep"]))

    def on_event(self, event):
        data = event.get("plugindata", {}).get("data", {})
        self.subscribe_to(data.get("publishers", []))
        gone = {data.get("unpublished"), data.get("leaving")} & set(self.feeds)
        if gone:
            for feed in gone:
                del self.feeds[feed]
            self.serially(self.update({"request": "unsubscribe", "streams": [{"feed": feed} for feed in gone]}))

    def subscribe_to(self, publishers):
        """A publisher may come with some of its streams, and add others later."""
        streams, is_new = [], False
        for each in publishers:
            is_new = is_new or each["id"] not in self.feeds
            mids = self.feeds.setdefault(each["id"], set())
            for stream in each.get("streams", []):
                if not stream.get("disabled") and stream["mid"] not in mids:
                    mids.add(stream["mid"])
                    streams.append({"feed": each["id"], "mid": stream["mid"]})
        if is_new:
            for heard in self.heard:
                heard.samples.clear()
        return self.serially(self.subscribe(streams)) if streams else None

    def serially(self, action):
        async def run():
            async with self.lock:
                if self.has_left:
                    action.close()
                    return
                try:
                    await action
                except Exception as error:
                    self.errors.append(repr(error))

        return asyncio.ensure_future(run())

    async def subscribe(self, streams):
        if self.down:
            return await self.update({"request": "subscribe", "streams": streams})
        self.down = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.down.on("track", lambda track: self.heard.append(Heard(track, self.began, self.down)))
        self.subscriber = await self.janus.attach(
            lambda event: event.get("jsep") and self.serially(self.answer(event["jsep"])))  # fmt: skip
        offer = await self.janus.request(janus="message", handle_id=self.subscriber, body={
            "request": "join", "ptype": "subscriber", "room": self.room, "streams": streams})  # fmt: skip
        await self.answer(offer["jsep"])

    async def update(self, body):
        event = await self.janus.request(janus="message", handle_id=self.subscriber, body=body)
        if "jsep" in event:
            await self.answer(event["jsep"])

    async def answer(self, offer):
        await self.down.setRemoteDescription(RTCSessionDescription(**offer))
        await self.down.setLocalDescription(await self.down.createAnswer())
        await self.janus.request(
            janus="message", handle_id=self.subscriber, body={"request": "start"},
            jsep=jsep(self.down.localDescription))  # fmt: skip

    def statistics(self):
        return {
            "heard": [each.report() for each in self.heard], "errors": self.errors,
            "feed": next(reversed(self.feeds), None),
            "states": [each and each.connectionState for each in (self.up, self.down)],
        }  # fmt: skip

    async def leave(self):
        self.has_left = True
        for connection in (self.up, self.down):
            if connection:
                await connection.close()
        for handle in (self.publisher, getattr(self, "subscriber", None)):
            if handle:
                await self.janus.detach(handle)


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--name", default="aiortc")
    parser.add_argument("--tone", type=float, default=880)
    parser.add_argument("--no-video", action="store_true")
    parser.add_argument("--listen-only", action="store_true")
    options = parser.parse_args()
    janus = Janus()
    await janus.connect(options.url)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    room, result = None, {}
    while True:
        print(json.dumps(result), flush=True)
        words = (await lines.readline()).decode().split() or ["end"]
        result = {}
        try:
            if words[0] == "join":
                tracks = [] if options.listen_only else [Tone(options.tone)]
                if tracks and not options.no_video:
                    tracks.append(Picture())
                room = Room(janus, int(words[1]), options.name, tracks)
                await room.join()
            elif words[0] == "statistics":
                result = room.statistics()
            elif words[0] == "leave":
                await room.leave()
            else:
                return
        except Exception as error:
            result = {"error": repr(error)}


asyncio.run(main())
