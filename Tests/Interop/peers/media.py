"""What aiortc peers send, and what they make of what they get."""

import asyncio
import fractions
import math
import time

import numpy
from aiortc.mediastreams import AUDIO_PTIME, AudioStreamTrack, MediaStreamError, VideoStreamTrack
from av import AudioFrame, VideoFrame
from rig.sound import share_at, tone_of

RATE = 48_000
#: What peers whistle, in Hz.
TONES = (440, 660, 880, 1000)


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
    """What came of one remote track. `began`: the monotonic second that its times count from."""

    #: How long to wait for a picture before asking for a keyframe: aiortc by itself does not.
    PATIENCE = 0.4

    def __init__(self, track, began, connection):
        self.kind, self.frames, self.first_ms, self.first_sound_ms = track.kind, 0, None, None
        self.size, self.samples = None, []
        self.task = asyncio.ensure_future(self.listen(track, began))
        if track.kind == "video":
            receiver = next(each for each in connection.getReceivers() if each.track is track)
            self.asking = asyncio.ensure_future(self.ask_for_keyframes(receiver))

    async def ask_for_keyframes(self, receiver):
        while not self.task.done():
            before = self.frames
            await asyncio.sleep(self.PATIENCE)
            if self.frames == before:
                for source in receiver.getSynchronizationSources():
                    await receiver._send_rtcp_pli(source.source)

    async def listen(self, track, began):
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
            if self.first_sound_ms is None and numpy.abs(self.samples[-1]).max() > 0.01:
                self.first_sound_ms = (time.monotonic() - began) * 1000
            del self.samples[:-100]

    def report(self):
        report = {"kind": self.kind, "frames": self.frames, "firstMs": self.first_ms, "size": self.size,
                  "firstSoundMs": self.first_sound_ms}  # fmt: skip
        if self.samples:
            samples = numpy.concatenate(self.samples)
            hertz, purity = tone_of(samples, RATE)
            report |= {"hertz": hertz, "purity": purity, "level": float(numpy.sqrt(numpy.mean(samples**2)))}
            report["shares"] = {str(each): share_at(samples, RATE, each) for each in TONES}
        return report
