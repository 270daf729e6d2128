"""Reprise behind a bad link, from a seed: loss, an outage, another address. Sound and pictures come back."""

import time

from rig.chromium import Chromium
from rig.janus import Janus
from rig.link import Link
from rig.network import Namespace
from rig.programs import wait_until
from rig.reprise import Reprise, Stays

from .common import check_tone

TONE = 660
LOSSES = (0, 0.01, 0.05, 0.1, 0.2)


def run(checks, lab):
    far = Namespace.new()
    link = Link(lab.workshop, lab.here, far, 1, lab.seed)
    janus = Janus(lab.workshop, lab.here)
    browser = Chromium(lab.workshop, lab.here, hertz=TONE)
    browser.open_devices()
    browser.connect(janus.url)
    browser.join(1001)
    service = f"janus:{janus.url}"
    for loss in LOSSES:
        lose(checks, lab, link, far, browser, service, loss)
    link.set(loss=0, jitter=0, reorder=0, delay=5)
    interrupt(checks, lab, link, far, browser, service, "outage")
    interrupt(checks, lab, link, far, browser, service, "address")


def lose(checks, lab, link, far, browser, service, loss):
    what = f"{loss:.0%} lost each way"
    link.set(loss=loss, jitter=30, reorder=0.02, delay=10)
    before = link.counts()
    stays = Stays(browser.observe)
    # From a tenth on the handshakes alone take seconds; at a fifth most frames miss a packet, and so do most repairs.
    duration, least = 5 if loss < 0.1 else 12, 10 if loss < 0.2 else 3
    reprise = Reprise(lab, service, "--duration", duration, namespace=far, name=f"reprise-loss-{loss:.0%}")
    session = reprise.hold(50, stays.look)[0]
    after = link.counts()
    lost = [now["lost"] - then["lost"] for now, then in zip(after, before)]
    share = max(reprise.shares_of(TONE), default=0)
    checks.that(share > 0.3, f"{what}: Reprise hears the browser's {TONE} Hz", f"{share:.0%} of the power")
    frames = session.most("video", "framesDecoded")
    checks.that(frames > least, f"{what}: Reprise decodes the browser's pictures", f"{frames} frames")
    checks.that(max(stays.came("sound"), default=0) > 1e-4, f"{what}: the browser hears Reprise")
    checks.that(max(stays.came("pictures"), default=0) > 3, f"{what}: the browser decodes Reprise's pictures",
                stays.came("pictures"))  # fmt: skip
    audio = session.tracks("audio")[0] if session.tracks("audio") else {}
    said = f"link {lost}, Reprise says {audio}, sent {session.transport.get('sent')}"
    if loss >= 0.05:
        checks.that((audio.get("lost") or 0) > 0 and (audio.get("concealed") or 0) > 0,
                    f"{what}: its statistics tell of lost and concealed sound", said)  # fmt: skip
    else:
        checks.note(said)
    check_statistics(checks, what, session, audio, loss)
    checks.that(not session["errors"], f"{what}: no error", session["errors"])


def check_statistics(checks, what, session, audio, loss):
    """That its statistics say what the link does: 10 ms and up to 30 ms more each way, and so much loss."""
    count = (audio.get("packets") or 0) + (audio.get("lost") or 0)
    said = (audio.get("lost") or 0) / max(count, 1)
    # Four deviations of so few packets.
    stray = 4 * (loss * (1 - loss) / max(count, 1)) ** 0.5 + 0.01
    checks.that(abs(said - loss) <= stray, f"{what}: its statistics tell of as much loss", f"{said:.1%} of {count} packets")
    jitter, round_trip = audio.get("jitterMs") or 0, session.transport.get("roundTripMs") or 0
    checks.that(3 < jitter < 20, f"{what}: of the link's jitter", f"{jitter:.1f} ms")
    # The packet that was timed last may have overtaken others: it has not waited on its way.
    checks.that(10 <= round_trip < 120, f"{what}: and of its round trip", f"{round_trip:.1f} ms")


def interrupt(checks, lab, link, far, browser, service, what):
    """Five seconds without a packet, or another address; the call must come back by itself."""
    name = {"outage": "a 5 s outage", "address": "another address"}[what]
    reprise = Reprise(lab, service, "--duration", 60, namespace=far, name=f"reprise-{what}")
    sessions = reprise.lines(70, lambda: None)

    # Of this stay: the one before may still be seen.
    arrival = Stays(browser.observe)

    def came():
        arrival.look()
        return any(s > 1e-4 and p > 3 for s, p in zip(arrival.came("sound"), arrival.came("pictures")))

    wait_until(came, f"Reprise in the browser before {name}", 20)
    if what == "outage":
        link.set(outage=True)
        time.sleep(5)
        link.set(outage=False)
    else:
        link.change_far_address()
    began = time.monotonic()
    stays = Stays(browser.observe)

    def is_back():
        stays.look()
        return any(s > 1e-4 and p > 3 for s, p in zip(stays.came("sound"), stays.came("pictures")))

    wait_until(is_back, f"sound and pictures of Reprise after {name}", 45, every=0.1)
    checks.that(True, f"after {name} the browser hears and sees Reprise again", f"{time.monotonic() - began:.1f} s")
    back = time.monotonic()
    wait_until(lambda: time.monotonic() - back > 1.5, "a moment more")
    reprise.interrupt()
    session = list(sessions)[0]
    check_tone(checks, reprise, TONE, "the browser's")
    checks.note(f"reconnections {session['reconnections']}, errors {session['errors']}")
