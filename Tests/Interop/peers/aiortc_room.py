"""An aiortc client in a Janus VideoRoom: a tone and a picture up, all that others send down.

Commands are words on stdin, `join ROOM`, `statistics`, `leave`, `end`; each is answered by a line of JSON."""

import argparse
import asyncio
import fractions
import json
import math
import random
import sys
import time

import aiohttp
import numpy
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AUDIO_PTIME, AudioStreamTrack, VideoStreamTrack
from av import AudioFrame, VideoFrame

RATE = 48_000


class Tone(AudioStreamTrack):
    def __init__(self, hertz):
        super().__init__()
        self.step = 2 * math.pi * hertz / RATE
        self.sent, self.began = 0, None

    async def recv(self):
        count = int(AUDIO_PTIME * RATE)
        self.began = self.began or time.monotonic()
        await asyncio.sleep(self.began + self.sent / RATE - time.monotonic())
        wave = 0.3 * 32767 * numpy.sin(self.step * (numpy.arange(count) + self.sent))
        frame = AudioFrame.from_ndarray(wave.astype(numpy.int16).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self.sent, fractions.Fraction(1, RATE)
        self.sent += count
        return frame


class Picture(VideoStreamTrack):
    """A bar that moves over grey."""

    def __init__(self, width=320, height=240, rate=15):
        super().__init__()
        self.size, self.rate = (height, width), rate
        self.sent, self.began = 0, None

    async def recv(self):
        self.began = self.began or time.monotonic()
        await asyncio.sleep(self.began + self.sent / self.rate - time.monotonic())
        image = numpy.full((*self.size, 3), 90, numpy.uint8)
        column = self.sent * 4 % (self.size[1] - 40)
        image[:, column : column + 40] = (40, 200, 60)
        frame = VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = self.sent * 90_000 // self.rate, fractions.Fraction(1, 90_000)
        self.sent += 1
        return frame


class Heard:
    """What came of one remote track."""

    def __init__(self, track, began):
        self.kind, self.frames, self.first_ms = track.kind, 0, None
        self.size, self.samples = None, []
        self.task = asyncio.ensure_future(self.listen(track, began))

    async def listen(self, track, began):
        from aiortc.mediastreams import MediaStreamError

        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if self.first_ms is None:
                self.first_ms = (time.monotonic() - began) * 1000
            self.frames += 1
            if self.kind == "video":
                self.size = [frame.width, frame.height]
                continue
            # Decoded sound is S16 stereo, interleaved; the last two seconds are kept.
            self.samples.append(frame.to_ndarray().reshape(-1)[::2].astype(float) / 32768)
            del self.samples[:-100]

    def report(self):
        report = {"kind": self.kind, "frames": self.frames, "firstMs": self.first_ms, "size": self.size}
        if self.samples:
            from rig.sound import share_at, tone_of

            samples = numpy.concatenate(self.samples)
            hertz, purity = tone_of(samples, RATE)
            report |= {"hertz": hertz, "purity": purity, "level": float(numpy.sqrt(numpy.mean(samples**2)))}
            report["shares"] = {str(each): share_at(samples, RATE, each) for each in (440, 660, 880, 990, 1000)}
        return report


class Janus:
    """One WebSocket and one session; outlives a stay in a room."""

    async def connect(self, url):
        self.waiting, self.events, self.session = {}, {}, None
        self.client = aiohttp.ClientSession()
        self.socket = await self.client.ws_connect(url, protocols=["janus-protocol"], autoping=True)
        self.reader = asyncio.ensure_future(self.read())
        self.session = (await self.request(janus="create"))["data"]["id"]
        self.keeper = asyncio.ensure_future(self.keep_alive())

    async def keep_alive(self):
        while True:
            await asyncio.sleep(15)
            await self.request(janus="keepalive")

    async def read(self):
        async for text in self.socket:
            message = json.loads(text.data)
            waiting, is_message = self.waiting.get(message.get("transaction"), (None, False))
            if waiting:
                if message["janus"] == "ack" and is_message:
                    continue
                del self.waiting[message["transaction"]]
                error = message.get("error") or message.get("plugindata", {}).get("data", {}).get("error")
                if error:
                    waiting.set_exception(RuntimeError(str(error)))
                else:
                    waiting.set_result(message)
            elif message.get("sender") in self.events:
                self.events[message["sender"]](message)

    def request(self, **message):
        transaction = f"{random.getrandbits(48):x}"
        if self.session:
            message["session_id"] = self.session
        waiting = asyncio.get_running_loop().create_future()
        self.waiting[transaction] = (waiting, message["janus"] == "message")
        asyncio.ensure_future(self.socket.send_str(json.dumps({**message, "transaction": transaction})))
        return waiting

    async def attach(self, on_event):
        handle = (await self.request(janus="attach", plugin="janus.plugin.videoroom"))["data"]["id"]
        self.events[handle] = on_event
        return handle

    async def detach(self, handle):
        self.events.pop(handle, None)
        await self.request(janus="detach", handle_id=handle)


def jsep(description):
    return {"type": description.type, "sdp": description.sdp}


class Room:
    def __init__(self, janus, room, name, tracks):
        self.janus, self.room, self.name, self.tracks = janus, room, name, tracks
        self.feeds, self.heard, self.up, self.down = set(), [], None, None
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
        gone = {data.get("unpublished"), data.get("leaving")} & self.feeds
        if gone:
            self.feeds -= gone
            self.serially(self.update({"request": "unsubscribe", "streams": [{"feed": feed} for feed in gone]}))

    def subscribe_to(self, publishers):
        streams = [{"feed": each["id"]} for each in publishers if each["id"] not in self.feeds]
        self.feeds |= {each["id"] for each in publishers}
        if not streams:
            return asyncio.sleep(0)
        return self.serially(self.subscribe(streams))

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
        self.down.on("track", lambda track: self.heard.append(Heard(track, self.began)))
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
