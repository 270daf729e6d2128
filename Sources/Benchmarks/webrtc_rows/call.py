"""What a call costs: mono Opus both ways, VP8 of 640 × 360 at 30 up, in Reprise and in GStreamer."""

import time

import meter
from rig.janus import Janus
from rig.peer import Peer
from rig.programs import wait_until
from rig.reprise import Reprise

ROOM = 1004
BITRATE = 600_000


def measure(say, lab, seconds):
    """Usage of each, over so many seconds once it runs evenly."""
    janus = Janus(lab.workshop, lab.here)
    other = Peer(lab.workshop, lab.here, "aiortc_room.py", janus.url, "--no-video", "--tone", 880, name="whistler")
    other.ask("join", ROOM)

    def is_seen():
        return sum(other.observe()["pictures"].values()) > 10

    if lab.reprise:
        say(f"call: Reprise, {seconds} s")
        run = Reprise(lab, f"janus:{janus.url}", "--duration", 600, camera=("--size", "640x360", "--rate", 30), room=ROOM,
                      records=False)  # fmt: skip
        wait_until(is_seen, "pictures of Reprise", 20)
        time.sleep(3)
        yield "Reprise", *meter.measure([run.program.pid], seconds)
        run.interrupt()
        for _ in run.lines(20):
            pass
    say(f"call: GStreamer, {seconds} s")
    peer = Peer(lab.workshop, lab.here, "gstreamer_room.py", janus.url, "--video", "--bitrate", BITRATE, name="gstreamer")
    peer.ask("join", ROOM)
    wait_until(lambda: peer.ask("statistics")["buffers"].get("audio", 0) > 100, "sound in GStreamer", 20)
    time.sleep(3)
    yield "GStreamer", *meter.measure([peer.program.pid], seconds)
    peer.ask("leave")
