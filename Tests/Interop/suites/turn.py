"""Reprise where only a relay gets through: coturn over UDP, TCP and TLS; the link drops all other ways."""

from rig.coturn import Coturn
from rig.janus import Janus
from rig.link import Link
from rig.network import Namespace
from rig.peer import Peer
from rig.reprise import Reprise

from .common import check_sessions, check_tone

#: How often Reprise comes over each.
CYCLES = {"udp": 5, "tcp": 5, "tls": 5}


def run(checks, lab):
    far = Namespace.new()
    link = Link(lab.workshop, lab.here, far, 1, lab.seed)
    janus = Janus(lab.workshop, lab.here)
    relay = Coturn(lab.workshop, lab.here, link.near_address)
    peer = Peer(lab.workshop, lab.here, "aiortc_room.py", janus.url, "--tone", 880)
    peer.ask("join", 1001)
    for transport, cycles in CYCLES.items():
        # UDP passes to the relay's own port only, and not at all where the relay is reached by TCP.
        link.set(blocked=True, allowed=[relay.port] if transport == "udp" else [], blocked_tcp=False)
        before = link.counts()
        reprise = Reprise(
            lab, f"janus:{janus.url}", "--ice-server", relay.url(transport), "--ice-username", relay.user,
            "--ice-credential", relay.password, "--cycles", cycles, "--duration", 1, "--pause", 0.1, namespace=far,
            name=f"reprise-{transport}", environment={"SSL_CERT_FILE": str(relay.certificate)},
        )  # fmt: skip
        sessions = reprise.hold(60)
        checks.note(f"over {transport}:")
        check_sessions(checks, sessions, cycles)
        check_tone(checks, reprise, 880, "aiortc's")
        pairs = {session.pair for session in sessions}
        checks.that({pair[0] for pair in pairs} == {"relayed"}, f"{transport}: the path is the relay's", pairs)
        blocked = sum(now["blocked"] - then["blocked"] for now, then in zip(link.counts(), before))
        checks.that(blocked > 0, f"{transport}: direct ways were tried, and dropped", f"{blocked} packets")
