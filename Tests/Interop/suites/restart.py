"""Janus is killed and started again during a call: Reprise comes back by itself."""

import time

from rig.janus import Janus
from rig.peer import Peer
from rig.programs import wait_until
from rig.reprise import Reprise


def run(checks, lab):
    janus = Janus(lab.workshop, lab.here)
    reprise = Reprise(lab, f"janus:{janus.url}", "--duration", 60)
    sessions = reprise.lines(70)

    def hears(peer):
        def heard():
            seen = peer.observe()
            return seen["level"] > 0.8 and sum(seen["pictures"].values()) > 3

        return heard

    first = Peer(lab.workshop, lab.here, "aiortc_room.py", janus.url, name="aiortc-before")
    first.ask("join", 1001)
    wait_until(hears(first), "Reprise before the restart", 20)
    janus.kill()
    first.program.end()
    janus.start()
    began = time.monotonic()
    second = Peer(lab.workshop, lab.here, "aiortc_room.py", janus.url, "--tone", 880, name="aiortc-after")
    second.ask("join", 1001)
    wait_until(hears(second), "Reprise after the restart of Janus", 30)
    checks.that(True, "Reprise is heard and seen again after Janus started anew", f"{time.monotonic() - began:.1f} s")
    wait_until(lambda: time.monotonic() - began > 3, "a moment more")
    reprise.interrupt()
    session = list(sessions)[0]
    share = max(reprise.shares_of(880), default=0)
    checks.that(share > 0.02, "Reprise hears who came after the restart", f"{share:.0%} of what it recorded")
    checks.note(f"reconnections {session['reconnections']}, errors {session['errors']}")
