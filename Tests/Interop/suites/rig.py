"""The rig itself, without Reprise: Chromium and aiortc hear and see each other by Janus, a relay and a bad link."""

from rig.chromium import Chromium
from rig.coturn import Coturn
from rig.janus import Janus
from rig.link import Link
from rig.network import Namespace
from rig.peer import Peer
from rig.programs import wait_until

ROOM = 1001


def decoded(statistics):
    inbound = statistics["down"].get("inbound", [])
    return sum(each.get("framesDecoded", 0) for each in inbound if each["kind"] == "video")


def level(statistics):
    return max((each.get("audioLevel", 0) for each in statistics["down"].get("inbound", [])), default=0)


def run(checks, lab):
    janus = Janus(lab.workshop, lab.here)
    browser = Chromium(lab.workshop, lab.here, hertz=660)
    browser.open_devices()
    browser.connect(janus.url)
    other = Peer(lab.workshop, lab.here, "aiortc_room.py", janus.url, "--tone", 880)
    other.ask("join", ROOM)
    for number in range(1, 3):
        browser.join(ROOM)
        wait_until(lambda: level(browser.statistics()) > 0.01, "sound in the browser")
        wait_until(lambda: decoded(browser.statistics()) > 5, "pictures in the browser")
        seen = browser.statistics()
        checks.that(True, f"stay {number}: the browser hears and sees aiortc",
                    f"level {level(seen):.2f}, {decoded(seen)} pictures, first RTP {seen['first']}")  # fmt: skip

        def tone():
            heard = [each for each in other.ask("statistics")["heard"] if each.get("hertz") and each["purity"] > 0.8]
            return heard and abs(heard[-1]["hertz"] - 660) <= 5 and heard[-1]

        heard = wait_until(tone, "the browser's tone at aiortc")
        checks.that(True, f"stay {number}: aiortc hears the browser's 660 Hz", f"{heard['hertz']:.0f} Hz")
        pictures = [each for each in other.ask("statistics")["heard"] if each["kind"] == "video" and each["frames"]]
        checks.that(pictures, f"stay {number}: aiortc sees the browser", pictures and pictures[-1]["size"])
        browser.leave()
    through_a_relay(checks, lab, janus)
    through_a_bad_link(checks, lab, janus, other)
    checks.that(not janus.errors(), "Janus complained about nothing", "; ".join(janus.errors()[:3]))


def through_a_relay(checks, lab, janus):
    """Chromium on a machine from which only coturn's port is reached."""
    far = Namespace.new()
    link = Link(lab.workshop, lab.here, far, 2, lab.seed)
    relay = Coturn(lab.workshop, lab.here, link.near_address)
    browser = Chromium(lab.workshop, far, name="chromium-far")
    browser.open_devices()
    browser.connect(janus.url)
    for transport in ("udp", "tcp"):
        link.set(blocked=True, allowed=[relay.port] if transport == "udp" else [])
        browser.join(ROOM, servers=[relay.as_ice_server(transport)])
        wait_until(lambda: level(browser.statistics()) > 0.01, f"sound through the relay by {transport}", 20)
        seen = browser.statistics()["down"]["local"]
        checks.that(seen["candidateType"] == "relay" and seen["relayProtocol"] == transport,
                    f"the browser hears aiortc through coturn by {transport}", seen["candidateType"])  # fmt: skip
        browser.leave()
    browser.program.end()


def through_a_bad_link(checks, lab, janus, near):
    """A second aiortc, on a machine behind a link that loses a tenth."""
    far = Namespace.new()
    link = Link(lab.workshop, lab.here, far, 1, lab.seed)
    link.set(loss=0.1, delay=20, jitter=30, reorder=0.02)
    other = Peer(lab.workshop, far, "aiortc_room.py", janus.url, "--tone", 440, name="aiortc-far")
    other.ask("join", ROOM)

    def hears(peer, hertz):
        heard = [each for each in peer.ask("statistics")["heard"] if each.get("frames", 0) > 100 and "shares" in each]
        return [each for each in heard if each["shares"][str(hertz)] > 0.8]

    wait_until(lambda: hears(other, 880) and hears(near, 440), "sound both ways through the link", every=0.2)
    checks.that(True, "two aiortc hear each other through a link that loses a tenth")
    for name, counts in zip(("there", "back"), link.counts()):
        offered = counts["carried"] + counts["lost"]
        share = counts["lost"] / max(offered, 1)
        checks.that(0.05 < share < 0.15, f"the link loses what it is told, {name}", f"{share:.1%} of {offered} packets")
    link.set(outage=True)

    def blocked(more):
        goal = link.counts()[0]["blocked"] + more
        wait_until(lambda: link.counts()[0]["blocked"] >= goal, "packets in the outage")
        return link.counts()[0]["carried"]

    # What was under way when it began still arrives.
    before = blocked(10)
    checks.that(blocked(20) == before, "an outage lets nothing pass")
    link.set(outage=False)
    wait_until(lambda: link.counts()[0]["carried"] > before, "packets after the outage")
