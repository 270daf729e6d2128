"""From the call to join a Janus room to what another there sends: Reprise, Chromium, aiortc, GStreamer, one Janus.

All but Reprise keep their WebSocket, Janus session and devices from one stay to the next, as a good application would;
how Reprise joins is its own affair. Somebody of the rig's (aiortc) whistles in the room all the time."""

import functools
import time

from rig.chromium import Chromium
from rig.janus import Janus
from rig.peer import Peer
from rig.programs import RigFailure, wait_until
from rig.reprise import Reprise

ROOM = 1001
#: How long a stay lasts once something was heard, and the pause before the next, in seconds.
STAY, PAUSE = 0.1, 0.1
PATIENCE = 10


def chromium(lab, janus, cycles):
    browser = Chromium(lab.workshop, lab.here)
    browser.open_devices(video="false")
    browser.connect(janus.url)
    for _ in range(cycles):
        browser.join(ROOM, times_sound=True)
        wait_until(lambda: "sound" in browser.run("room.first"), "sound in Chromium", PATIENCE)
        first = browser.run("room.first")
        yield first["audio"], first["sound"]
        time.sleep(STAY)
        browser.leave()
        time.sleep(PAUSE)


def aiortc(lab, janus, cycles):
    peer = Peer(lab.workshop, lab.here, "aiortc_room.py", janus.url, "--no-video", name="aiortc")
    for _ in range(cycles):
        peer.ask("join", ROOM)

        def heard():
            return next((each for each in peer.ask("statistics")["heard"] if each["firstSoundMs"]), None)

        first = wait_until(heard, "sound in aiortc", PATIENCE)
        # aiortc tells of frames, not of packets.
        yield None, first["firstSoundMs"]
        time.sleep(STAY)
        peer.ask("leave")
        time.sleep(PAUSE)


def gstreamer(lab, janus, cycles):
    peer = Peer(lab.workshop, lab.here, "gstreamer_room.py", janus.url, name="gstreamer")
    for _ in range(cycles):
        peer.ask("join", ROOM)
        wait_until(lambda: "sound" in peer.ask("statistics")["first"], "sound in GStreamer", PATIENCE)
        first = peer.ask("statistics")["first"]
        yield first["audio"], first["sound"]
        time.sleep(STAY)
        peer.ask("leave")
        time.sleep(PAUSE)


def reprise(lab, janus, cycles, parts, standby="release"):
    run = Reprise(lab, f"janus:{janus.url}", "--cycles", cycles, "--duration", STAY + 0.15, "--pause",
                  PAUSE, "--standby", standby, room=ROOM, records=False, camera=("--no-camera",))  # fmt: skip
    for session in run.lines(cycles * 3 + 20):
        parts.append(session)
        yield session["firstRtpMs"], session["firstSoundMs"]


#: What follows what in a rejoin of Reprise, and whether it is the server's and the other's, which no client can shorten.
PARTS = (
    ("signalling, until our answer is made", None, "describedMs", False),
    ("Janus' first connectivity check", "describedMs", "checkedMs", True),
    ("DTLS", "checkedMs", "connectedMs", False),
    ("the next packet of who sends one in 20 ms", "connectedMs", "firstRtpMs", True),
    ("decoding it for the speaker", "firstRtpMs", "firstSoundMs", False),
)


def cells(sessions, times):
    """The parts of Reprise's rejoins as rows, and the mean of what is not ours."""
    rows, floor = [], 0
    for what, begin, end, is_others in PARTS:
        moments = [{**session.record, **session.transport} for session in sessions]
        spans = [each[end] - (each[begin] if begin else 0) for each in moments
                 if None not in (each.get(end), each.get(begin) if begin else 0)]  # fmt: skip
        if not spans:
            continue
        mean, found = sum(spans) / len(spans), times(spans)
        floor += mean if is_others else 0
        rows.append((what, "the server's or the other's" if is_others else "ours", f"{mean:.1f}", f"{found.p50:.1f}",
                     f"{found.p95:.1f}"))  # fmt: skip
    return rows, floor


def measure(say, lab, cycles):
    """For each client its times to the first RTP and to the first sound, in milliseconds, notes of what failed, and
    Reprise's sessions with nothing kept. The first stay of those that keep their transport has none yet, and counts too."""
    janus = Janus(lab.workshop, lab.here)
    other = Peer(lab.workshop, lab.here, "aiortc_room.py", janus.url, "--no-video", "--tone", 880, name="whistler")
    other.ask("join", ROOM)
    sessions = []
    clients = {
        "Reprise": functools.partial(reprise, parts=sessions),
        "Reprise, warm": functools.partial(reprise, parts=[], standby="warm"),
        "Chromium": chromium, "aiortc": aiortc, "GStreamer webrtcbin": gstreamer,
    }  # fmt: skip
    times, notes = {}, []
    for name, client in clients.items():
        if name.startswith("Reprise") and not lab.reprise:
            continue
        say(f"rejoin: {name}, {cycles} times")
        times[name] = ([], [])
        try:
            for pair in client(lab, janus, cycles):
                for values, value in zip(times[name], pair):
                    if value is not None:
                        values.append(value)
        except RigFailure as failure:
            notes.append(f"{name}: {len(times[name][1])} of {cycles} stays: {str(failure).splitlines()[0]}.")
    return times, notes, sessions
