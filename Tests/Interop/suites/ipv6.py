"""Reprise on a machine that has IPv6 alone, and on one whose IPv4 leads nowhere."""

from rig.janus import Janus
from rig.link import Link
from rig.network import Namespace
from rig.peer import Peer
from rig.reprise import Reprise, Stays

from .common import check_tone

ROOM = 1001


def run(checks, lab):
    janus = Janus(lab.workshop, lab.here, ipv6=True)
    whistler = Peer(lab.workshop, lab.here, "aiortc_room.py", janus.url, "--tone", 880, name="whistler")
    whistler.ask("join", ROOM)
    for number, what in ((1, "IPv6 alone"), (2, "IPv4 that leads nowhere")):
        link = Link(lab.workshop, lab.here, Namespace.new(), number, lab.seed)
        address = link.add_ipv6(keeps_ipv4=number == 2)
        link.set(without_ipv4=True, delay=5)
        stays = Stays(whistler.observe)
        reprise = Reprise(lab, f"janus:ws://[{address}]:{janus.port}", "--cycles", 2, "--duration", 3, "--pause", 0.5,
                          room=ROOM, namespace=link.far, name=f"reprise-{number}")  # fmt: skip
        sessions = reprise.hold(60, stays.look)
        checks.that(len(sessions) == 2 and not any(session["errors"] for session in sessions),
                    f"{what}: two calls are held", [session["errors"] for session in sessions])  # fmt: skip
        pairs = [(session.transport.get("candidatePair") or {}) for session in sessions]
        ours = [str(pair.get("local", {}).get("address")) for pair in pairs]
        checks.note(f"{what}: pairs {pairs}, first sound after {[session['firstSoundMs'] for session in sessions]} ms")
        checks.that(all(session.most("audio", "packets") > 50 for session in sessions), f"{what}: sound comes", ours)
        check_tone(checks, reprise, 880, f"{what}: the whistler's")
        checks.that(sum(each > 50 for each in stays.came("sound")) >= 2, f"{what}: the whistler hears Reprise",
                    stays.came("sound"))  # fmt: skip
