"""Reprise on a link that goes from 2 Mbit/s to 500 kbit/s and back: it follows, and its sound is heard throughout."""

import time

from rig.janus import Janus
from rig.link import Link
from rig.network import Namespace
from rig.peer import Peer
from rig.programs import wait_until
from rig.reprise import Reprise

QUEUE, DELAY = 50, 20
ROOM = 1001


def run(checks, lab):
    far = Namespace.new()
    link = Link(lab.workshop, lab.here, far, 1, lab.seed)
    janus = Janus(lab.workshop, lab.here, bitrate=6_000_000)
    other = Peer(lab.workshop, lab.here, "aiortc_room.py", janus.url, "--no-video")
    other.ask("join", ROOM)
    narrow(link, 2_000_000)
    reprise = Reprise(lab, f"janus:{janus.url}", "--duration", 120, namespace=far, name="reprise-uplink", room=ROOM,
                      records=False, camera=("--size", "1280x720", "--rate", 30))  # fmt: skip
    wait_until(lambda: other.observe()["level"] > 0.8, "Reprise's sound", 20)
    wait_until(lambda: rate(link) > 1_200_000, "more than 1.2 Mbit/s of Reprise", 15, every=0)
    checks.that(True, "it finds what the link carries")
    before = narrow(link, 500_000)
    began = time.monotonic()
    wait_until(lambda: rate(link, "offered") <= 550_000, "Reprise to send no more than the link carries", 10, every=0)
    checks.that(True, "it sends no more than the narrower link carries", f"after {time.monotonic() - began:.1f} s")
    heard = other.observe()["sound"]
    start, rates = time.monotonic(), []
    while time.monotonic() - start < 8:
        rates.append(rate(link))
    now = other.observe()["sound"]
    mean = sum(rates) / len(rates)
    checks.that(mean > 0.3 * 500_000, "it uses what the narrow link carries", f"{mean / 500_000:.0%}")
    frames = max(now.values(), default=0) - max(heard.values(), default=0)
    # aiortc's frames are of 20 ms.
    checks.that(frames > 0.9 * 8 * 50, "its sound is heard on the narrow link, without gaps", f"{frames} frames in 8 s")
    after = link.counts()[1]
    full, carried = after["full"] - before["full"], after["carried"] - before["carried"]
    checks.that(full < 0.25 * (full + carried), "little is lost while it falls", f"{full / max(full + carried, 1):.1%}")
    narrow(link, 2_000_000)
    began = time.monotonic()
    wait_until(lambda: rate(link) > 1_000_000, "Reprise to climb", 20, every=0)
    checks.that(True, "it climbs when the link is wide again", f"after {time.monotonic() - began:.1f} s")
    reprise.interrupt()
    for session in reprise.lines(20):
        checks.that(not session["errors"], "no error", session["errors"])


def narrow(link, bits):
    return link.set(back={"rate": bits, "queue": QUEUE, "delay": DELAY}, there={"delay": DELAY})[1]


def rate(link, what="bytes"):
    """Bits a second over the next second."""
    first, began = link.counts()[1][what], time.monotonic()
    time.sleep(1)
    return (link.counts()[1][what] - first) * 8 / (time.monotonic() - began)
