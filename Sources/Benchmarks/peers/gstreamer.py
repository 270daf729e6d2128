"""Restarts of GStreamer's alsasrc and v4l2src, as JSON on standard output.

A pipeline goes to PLAYING and back, to READY (the device stays open: our `warm`) or to NULL (it is closed: `release`).
The first buffer is seen by a probe right behind the source: what an application gets is never sooner.

    gstreamer.py CYCLES alsa BLOCK_US | gstreamer.py CYCLES v4l2 NODE FORMAT WIDTH HEIGHT RATE

Sound must come from the ideal card and pictures from the ideal camera: their stamps say how old the first buffer is.
"""

import json
import random
import struct
import sys
import threading
import time

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402 (needs the version first)

SECOND = 1_000_000_000
CARD_RATE = 48_000


def sound_age(head, started):
    """Nanoseconds from the start to the capture of the first sample, which is the low 16 bits of its frame number."""
    (stamp,) = struct.unpack_from("<H", head)
    frames = (stamp - started * CARD_RATE // SECOND + 0x8000 & 0xFFFF) - 0x8000
    # The start lies within a frame.
    return (frames + 1) * SECOND // CARD_RATE


def picture_age(head, started):
    """Nanoseconds from the start to the exposure, which is the second number of the picture."""
    return struct.unpack_from("<qq", head)[1] - started


class Source:
    def __init__(self, description, age):
        self.pipeline = Gst.parse_launch(description + " ! fakesink name=sink sync=false")
        self.age = age
        self.first = None
        self.arrived = threading.Event()
        self.pipeline.get_by_name("sink").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self.probe)

    def probe(self, _pad, info):
        if self.first is None:
            self.first = (time.monotonic_ns(), info.get_buffer().extract_dup(0, 16))
            self.arrived.set()
        return Gst.PadProbeReturn.OK

    def trouble(self):
        message = self.pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
        return message.parse_error()[0].message if message else "no buffer within 5 s"

    def restart(self, state):
        """Milliseconds to the first buffer, and of leaving; whether that buffer is older than the start."""
        self.first = None
        self.arrived.clear()
        started = time.monotonic_ns()
        self.pipeline.set_state(Gst.State.PLAYING)
        if not self.arrived.wait(5):
            raise RuntimeError(self.trouble())
        at, head = self.first
        time.sleep(random.uniform(0.02, 0.05))
        left = time.monotonic_ns()
        self.pipeline.set_state(state)
        self.pipeline.get_state(5 * SECOND)
        leave = time.monotonic_ns() - left
        time.sleep(random.uniform(0.005, 0.025))
        return (at - started) / 1e6, leave / 1e6, self.age(head, started) < 0


def measure(source, state, cycles):
    # The first one is not counted: it opens everything for the first time.
    restarts = [source.restart(state) for _ in range(cycles + 1)][1:]
    return {
        "start": [start for start, _, _ in restarts],
        "leave": [leave for _, leave, _ in restarts],
        "stale": sum(stale for _, _, stale in restarts),
    }


def main():
    Gst.init(None)
    cycles, kind, *rest = sys.argv[1:]
    if kind == "alsa":
        block = int(rest[0])
        description = (
            f"alsasrc device=ideal latency-time={block} buffer-time={block * 8} "
            f"! audio/x-raw,format=S16LE,rate={CARD_RATE},channels=1"
        )
        source = Source(description, sound_age)
    else:
        node, pixels, width, height, rate = rest
        pixels = {"YUYV": "YUY2"}.get(pixels, pixels)
        description = (
            f"v4l2src device={node} ! video/x-raw,format={pixels},width={width},height={height},framerate={rate}/1"
        )
        source = Source(description, picture_age)
    try:
        result = {
            "release": measure(source, Gst.State.NULL, int(cycles)),
            "warm": measure(source, Gst.State.READY, int(cycles)),
        }
    finally:
        source.pipeline.set_state(Gst.State.NULL)
    result["version"] = ".".join(str(part) for part in Gst.version()[:3])
    json.dump(result, sys.stdout)


main()
