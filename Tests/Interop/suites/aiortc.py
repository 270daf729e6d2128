"""Reprise and aiortc in a Janus VideoRoom."""

from rig.janus import Janus
from rig.peer import Peer
from rig.reprise import Reprise, Stays

from .common import CYCLES, check_sessions, check_stays, check_tone


def run(checks, lab):
    janus = Janus(lab.workshop, lab.here)
    peer = Peer(lab.workshop, lab.here, "aiortc_room.py", janus.url, "--tone", 880)
    peer.ask("join", 1001)
    stays = Stays(peer.observe)
    reprise = Reprise(lab, f"janus:{janus.url}", "--cycles", CYCLES, "--duration", 2.5, "--pause", 0.3)
    check_sessions(checks, reprise.hold(60, stays.look))
    check_tone(checks, reprise, 880, "aiortc's")
    check_stays(checks, stays, "aiortc", least_sound=20)
    checks.that(min(stays.levels, default=0) > 0.8, "what aiortc hears is Reprise's 440 Hz",
                " ".join(f"{each:.0%}" for each in stays.levels))  # fmt: skip
    errors = peer.ask("statistics")["errors"]
    checks.that(not errors, "aiortc had no error", errors[:2])
    checks.that(not janus.errors(), "Janus complained about nothing", "; ".join(janus.errors()[:3]))
