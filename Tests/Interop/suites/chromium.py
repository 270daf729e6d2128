"""Reprise and Chromium in a Janus VideoRoom: Reprise comes five times by either standby policy, then the browser does."""

from rig.chromium import Chromium
from rig.janus import Janus
from rig.programs import wait_until
from rig.reprise import Reprise, Stays

from .common import CYCLES, check_sessions, check_stays, check_tone

TONE = 660


def run(checks, lab):
    janus = Janus(lab.workshop, lab.here)
    browser = Chromium(lab.workshop, lab.here, hertz=TONE)
    browser.open_devices()
    browser.connect(janus.url)
    for standby in ("release", "warm"):
        reprise_comes(checks, lab, janus, browser, standby)
    browser_comes(checks, lab, janus, browser)
    checks.that(not janus.errors(), "Janus complained about nothing", "; ".join(janus.errors()[:3]))


def reprise_comes(checks, lab, janus, browser, standby):
    browser.join(1001)
    stays = Stays(browser.observe)
    reprise = Reprise(lab, f"janus:{janus.url}", "--cycles", CYCLES, "--duration", 2.5, "--pause", 0.3,
                      "--standby", standby, name=f"reprise-{standby}")  # fmt: skip
    sessions = reprise.hold(60, stays.look)
    check_sessions(checks, sessions)
    check_tone(checks, reprise, TONE, "the browser's")
    check_stays(checks, stays, "the browser", least_sound=1e-4)
    checks.that(max(stays.levels, default=0) > 0, "audioLevel in the browser is above 0", f"{max(stays.levels):.2f}")
    pairs = {session.pair for session in sessions}
    checks.that(None not in {part for pair in pairs for part in pair}, "the candidate pair is told", pairs)
    if standby == "warm":
        kept = [session.transport.get("describedMs") is None for session in sessions]
        checks.that(kept == [False] + [True] * (CYCLES - 1), "every stay but the first came by the way that was kept", kept)
    browser.leave()


def browser_comes(checks, lab, janus, browser):
    reprise = Reprise(lab, f"janus:{janus.url}", "--duration", 60, room=1002, name="reprise-stays")
    for number in range(1, CYCLES + 1):
        browser.join(1002)

        def is_there():
            seen = browser.observe()
            return seen["level"] > 0.01 and sum(seen["pictures"].values()) > 3 and seen

        seen = wait_until(is_there, f"Reprise in the browser's stay {number}")
        checks.that(True, f"stay {number} of the browser hears and sees Reprise", f"level {seen['level']:.2f}")
        browser.leave()
    reprise.interrupt()
    sessions = reprise.hold(10)
    checks.that(len(sessions) == 1, "Reprise held one session meanwhile", len(sessions))
    check_tone(checks, reprise, TONE, "the browser's")
