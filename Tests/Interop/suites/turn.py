"""Reprise where only a relay gets through: coturn over UDP, TCP and TLS; the link drops all other ways. It starts anew
in a call: its allocations are opened once more."""

import time

from rig.coturn import Coturn
from rig.janus import Janus
from rig.link import Link
from rig.network import Namespace
from rig.peer import Peer
from rig.programs import wait_until
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
        before = block(link, relay, transport)
        reprise = come(lab, janus, relay, transport, far, f"reprise-{transport}", "--cycles", cycles, "--duration", 1,
                       "--pause", 0.1)  # fmt: skip
        sessions = reprise.hold(60)
        checks.note(f"over {transport}:")
        check_sessions(checks, sessions, cycles)
        check_tone(checks, reprise, 880, "aiortc's")
        pairs = {session.pair for session in sessions}
        checks.that({pair[0] for pair in pairs} == {"relayed"}, f"{transport}: the path is the relay's", pairs)
        blocked = sum(now["blocked"] - then["blocked"] for now, then in zip(link.counts(), before))
        checks.that(blocked > 0, f"{transport}: direct ways were tried, and dropped", f"{blocked} packets")
    for transport in ("udp", "tcp"):
        lose_allocation(checks, lab, link, janus, relay, far, peer, transport)


def block(link, relay, transport):
    """UDP passes to the relay's own port only, and not at all where the relay is reached by TCP.

    - Returns: what was counted until now."""
    link.set(blocked=True, allowed=[relay.port] if transport == "udp" else [], blocked_tcp=False)
    return link.counts()


def come(lab, janus, relay, transport, far, name, *arguments):
    return Reprise(
        lab, f"janus:{janus.url}", "--ice-server", relay.url(transport), "--ice-username", relay.user,
        "--ice-credential", relay.password, *arguments, namespace=far, name=name,
        environment={"SSL_CERT_FILE": str(relay.certificate)},
    )  # fmt: skip


def lose_allocation(checks, lab, link, janus, relay, far, peer, transport):
    block(link, relay, transport)
    reprise = come(lab, janus, relay, transport, far, f"reprise-{transport}-lost", "--duration", 90, "--trace")
    sessions = reprise.lines(100)

    def pictures():
        return sum(peer.observe()["pictures"].values())

    def more(than):
        return lambda: pictures() > than + 5

    wait_until(more(pictures()), f"Reprise's pictures over {transport}", 20)
    relay.kill()
    relay.start()
    began, seen = time.monotonic(), pictures()
    wait_until(more(seen), f"Reprise's pictures over {transport} after the relay began anew", 40)
    checks.that(True, f"{transport}: Reprise is seen again after the relay lost its allocation",
                f"{time.monotonic() - began:.1f} s")  # fmt: skip
    wait_until(lambda: time.monotonic() - began > 12, "a moment more", 20)
    reprise.interrupt()
    session = list(sessions)[0]
    checks.that(session.pair[0] == "relayed", f"{transport}: over the relay once more", session.pair)
    share = max(reprise.shares_of(880), default=0)
    checks.that(share > 0.3, f"{transport}: and hears the other again", f"{share:.0%} of what it recorded")
    checks.note(f"reconnections {session['reconnections']}, errors {session['errors']}")
