"""Reprise and Reprise in a Janus VideoRoom: one stays, one comes five times."""

from rig.janus import Janus
from rig.reprise import Reprise

from .common import CYCLES, check_sessions, check_tone


def run(checks, lab):
    janus = Janus(lab.workshop, lab.here)
    service = f"janus:{janus.url}"
    staying = Reprise(lab, service, "--duration", 60, name="reprise-stays")
    coming = Reprise(lab, service, "--cycles", CYCLES, "--duration", 1.5, "--pause", 0.3, name="reprise-comes")
    check_sessions(checks, coming.hold(60))
    check_tone(checks, coming, 440, "the other's")
    staying.interrupt()
    sessions = staying.hold(10)
    checks.that(len(sessions) == 1, "the one that stays held one session", len(sessions))
    check_tone(checks, staying, 440, "the other's")
    for kind, what in (("wav", "sound"), ("jpg", "last picture")):
        apart = sorted(path.name for path in staying.heard.glob(f"session-1-{coming.name}*.{kind}"))
        checks.that(len(apart) == CYCLES, f"the {what} of each stay of the other is recorded apart", apart)
    checks.that(not janus.errors(), "Janus complained about nothing", "; ".join(janus.errors()[:3]))
