"""A GStreamer webrtcbin client in a Janus VideoRoom: a tone, and a picture if wanted, up, and what others send down.

Commands are `join ROOM`, `statistics`, `leave` and `end` on stdin; each is answered by a line of JSON."""

import argparse
import asyncio
import json
import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC  # noqa: E402
from janus import Janus  # noqa: E402

AUDIO = (
    "audiotestsrc is-live=true samplesperbuffer=960 wave=sine freq={tone} volume=0.3 ! audio/x-raw,rate=48000,channels=1 "
    "! opusenc bitrate=32000 frame-size=20 complexity=5 inband-fec=true ! rtpopuspay pt=111 "
    "! application/x-rtp,media=audio,encoding-name=OPUS,payload=111 ! up. "
)
VIDEO = (
    "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=640,height=360,framerate=30/1 "
    "! vp8enc deadline=1 cpu-used=8 threads=1 target-bitrate={bitrate} keyframe-max-dist=3000 error-resilient=default "
    "! rtpvp8pay pt=96 picture-id-mode=15-bit ! application/x-rtp,media=video,encoding-name=VP8,payload=96 ! up. "
)


class Connection:
    """One webrtcbin in one pipeline."""

    def __init__(self, description, name):
        self.loop = asyncio.get_running_loop()
        # With parentheses, for a description of one element alone would be that element and no pipeline.
        self.pipeline = Gst.parse_launch(f"pipeline. ( {description} webrtcbin name={name} bundle-policy=max-bundle latency=40 )")
        self.bin = self.pipeline.get_by_name(name)
        self.candidates = asyncio.Queue()
        self.bin.connect("on-ice-candidate", self.on_candidate)

    def on_candidate(self, _, line, candidate):
        self.loop.call_soon_threadsafe(self.candidates.put_nowait, {"sdpMLineIndex": line, "candidate": candidate})

    async def trickle(self, janus, handle):
        while True:
            janus.request(janus="trickle", handle_id=handle, candidate=await self.candidates.get())

    async def ask(self, action, *arguments):
        """Emits one of webrtcbin's actions and waits for its promise."""
        done = self.loop.create_future()

        def changed(promise, *_):
            self.loop.call_soon_threadsafe(done.set_result, promise)

        self.bin.emit(action, *arguments, Gst.Promise.new_with_change_func(changed))
        reply = (await done).get_reply()
        return reply

    async def describe(self, kind):
        reply = await self.ask(f"create-{kind}", None)
        description = reply.get_value(kind)
        await self.ask("set-local-description", description)
        return {"type": kind, "sdp": description.sdp.as_text()}

    async def set_remote(self, jsep):
        _, message = GstSdp.SDPMessage.new_from_text(jsep["sdp"])
        kind = getattr(GstWebRTC.WebRTCSDPType, jsep["type"].upper())
        await self.ask("set-remote-description", GstWebRTC.WebRTCSessionDescription.new(kind, message))

    def close(self):
        self.pipeline.set_state(Gst.State.NULL)


class Room:
    def __init__(self, janus, room, options):
        self.janus, self.room, self.options = janus, room, options
        self.first, self.tasks, self.buffers = {}, [], {}

    async def join(self):
        self.began = time.monotonic()
        self.down = self.subscriber = None
        self.work = asyncio.Lock()
        sources = AUDIO.format(tone=self.options.tone)
        if self.options.video:
            sources += VIDEO.format(bitrate=self.options.bitrate)
        self.up = Connection(sources, "up")
        self.publisher = await self.janus.attach(self.on_event)
        joined = await self.janus.request(janus="message", handle_id=self.publisher, body={
            "request": "join", "ptype": "publisher", "room": self.room, "display": "gstreamer"})  # fmt: skip
        subscribing = self.subscribe_to(joined["plugindata"]["data"]["publishers"])
        await self.publish()
        if subscribing:
            await subscribing

    async def publish(self):
        negotiate = asyncio.Event()
        self.up.bin.connect("on-negotiation-needed", lambda *_: self.up.loop.call_soon_threadsafe(negotiate.set))
        self.up.pipeline.set_state(Gst.State.PLAYING)
        await negotiate.wait()
        for index in range(1 + self.options.video):
            transceiver = self.up.bin.emit("get-transceiver", index)
            transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
        offer = await self.up.describe("offer")
        answer = await self.janus.request(
            janus="message", handle_id=self.publisher, body={"request": "publish"}, jsep=offer)  # fmt: skip
        self.tasks.append(asyncio.ensure_future(self.up.trickle(self.janus, self.publisher)))
        await self.up.set_remote(answer["jsep"])

    def on_event(self, event):
        self.subscribe_to(event.get("plugindata", {}).get("data", {}).get("publishers", []))

    def subscribe_to(self, publishers):
        # One who is there at the start, or the first who comes: what the measurements need.
        if publishers and self.down is None:
            self.down = Connection("", "down")
            return asyncio.ensure_future(self.subscribe([{"feed": each["id"]} for each in publishers]))
        return None

    async def subscribe(self, streams):
        self.subscriber = await self.janus.attach(lambda event: None)
        offer = await self.janus.request(janus="message", handle_id=self.subscriber, body={
            "request": "join", "ptype": "subscriber", "room": self.room, "streams": streams})  # fmt: skip
        self.down.bin.connect("pad-added", self.on_pad)
        self.down.pipeline.set_state(Gst.State.PLAYING)
        await self.down.set_remote(offer["jsep"])
        answer = await self.down.describe("answer")
        await self.janus.request(
            janus="message", handle_id=self.subscriber, body={"request": "start"}, jsep=answer)  # fmt: skip
        self.tasks.append(asyncio.ensure_future(self.down.trickle(self.janus, self.subscriber)))

    def on_pad(self, _, pad):
        # On a thread of GStreamer's.
        if pad.direction != Gst.PadDirection.SRC:
            return
        kind = pad.get_current_caps().get_structure(0).get_string("media")
        pad.add_probe(Gst.PadProbeType.BUFFER, self.on_packet, kind)
        tail = {
            "audio": "rtpopusdepay ! opusdec ! fakesink name=sink sync=false signal-handoffs=true",
            "video": "rtpvp8depay ! vp8dec ! fakesink name=sink sync=false signal-handoffs=true",
        }[kind]
        decoder = Gst.parse_bin_from_description(tail, True)
        decoder.get_by_name("sink").connect("handoff", self.on_decoded, kind)
        self.down.pipeline.add(decoder)
        decoder.sync_state_with_parent()
        pad.link(decoder.get_static_pad("sink"))

    def on_packet(self, pad, _, kind):
        self.first.setdefault(kind, (time.monotonic() - self.began) * 1000)
        return Gst.PadProbeReturn.REMOVE

    def on_decoded(self, _, buffer, pad, kind):
        self.buffers[kind] = self.buffers.get(kind, 0) + 1
        if kind == "audio" and "sound" not in self.first:
            data = buffer.extract_dup(0, buffer.get_size())
            if max(memoryview(data).cast("h"), default=0) > 300:
                self.first["sound"] = (time.monotonic() - self.began) * 1000

    async def leave(self):
        for task in self.tasks:
            task.cancel()
        for connection in (self.up, self.down):
            if connection:
                connection.close()
        for handle in (self.publisher, self.subscriber):
            if handle:
                await self.janus.detach(handle)


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--tone", type=float, default=440)
    parser.add_argument("--video", action="store_true", help="640 × 360 at 30 as VP8")
    parser.add_argument("--bitrate", type=int, default=600_000)
    options = parser.parse_args()
    Gst.init(None)
    janus = Janus()
    await janus.connect(options.url)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    room, result = None, {"version": Gst.version_string().removeprefix("GStreamer ")}
    while True:
        print(json.dumps(result), flush=True)
        words = (await lines.readline()).decode().split() or ["end"]
        result = {}
        try:
            if words[0] == "join":
                room = Room(janus, int(words[1]), options)
                await room.join()
            elif words[0] == "statistics":
                result = {"first": room.first, "buffers": room.buffers}
            elif words[0] == "leave":
                await room.leave()
            else:
                return
        except Exception as error:
            result = {"error": repr(error)}


asyncio.run(main())
