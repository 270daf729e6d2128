"""What a Janus server refuses, and what it does to somebody in a room: each is told as what it is, also to programs."""

import base64
import hashlib
import hmac
import os
import time

from rig.janus import Janus
from rig.link import Link
from rig.network import Namespace
from rig.peer import Peer
from rig.programs import wait_until
from rig.reprise import Reprise

from .common import check_sessions, check_tone

SECRET = "a-long-secret"


def run(checks, lab):
    janus = Janus(lab.workshop, lab.here)
    somebody = Peer(lab.workshop, lab.here, "janus_room.py", janus.url)
    removed(checks, lab, janus, somebody)
    pin(checks, lab, janus)
    slow_link(checks, lab, janus)
    janus.program.end()
    tls(checks, lab)
    token(checks, lab)


def ended(reprise, seconds=20):
    """The only line of a run that does not end well."""
    lines = list(reprise.lines(seconds))
    return lines[0] if len(lines) == 1 else {}


def removed(checks, lab, janus, somebody):
    """Kicked out, and the room destroyed: an end that is not taken for a lost connection."""
    for what, command, told in [
        ("kicked", ("kick", 1001, "kicked"), "removed from the room: kicked"),
        ("destroyed", ("destroy", 1001), "the call was ended"),
    ]:
        reprise = Reprise(lab, f"janus:{janus.url}", "--duration", 60, name=what, records=False)

        def publishes():
            people = somebody.ask("participants", 1001)["result"]
            return any(each["publisher"] for each in people)

        wait_until(publishes, f"{what} in the room", 20)
        somebody.ask(*command)
        began = time.monotonic()
        session = ended(reprise)
        took = time.monotonic() - began
        end = session["end"] or {}
        checks.that(end.get("code") == "ended" and end.get("reason") == told, f"{what}: told as such", end)
        checks.that(session["reconnections"] == 0 and took < 5, f"{what}: at once, without a reconnection",
                    f"{took:.1f} s")  # fmt: skip
        left = set((session["afterLeave"] or {}).values())
        checks.that(left == {"notSelected"}, f"{what}: the devices were given back", left)
        checks.that(reprise.status == 1, f"{what}: the command says so by its status", reprise.status)


def refused(checks, reprise, what):
    """A refused join: its line of JSON, a reason with a way out on standard error, a status."""
    error = ended(reprise)["error"] or {}
    checks.that(error.get("code") == "joinFailed" and error.get("service") == "unauthorized" and error.get("advice"),
                f"{what} is refused, typed and with a way out", error)  # fmt: skip
    checks.that(reprise.status == 1 and (error.get("advice") or "?") in reprise.program.text(),
                f"{what}: the command says so to people", reprise.program.tail(1))  # fmt: skip


def pin(checks, lab, janus):
    room = janus.PINNED
    for number, arguments in enumerate([(), ("--pin", "4321")]):
        refused(checks, Reprise(lab, f"janus:{janus.url}", *arguments, "--duration", 1, room=room, records=False,
                                name=f"pin-{number}"), "no pin" if not arguments else "a wrong pin")  # fmt: skip
    staying = Reprise(lab, f"janus:{janus.url}", "--pin", janus.PIN, "--duration", 60, room=room, name="pin-stays")
    right = Reprise(lab, f"janus:{janus.url}", "--pin", janus.PIN, "--duration", 1.5, room=room, name="pin-right")
    check_sessions(checks, right.hold(20), 1)
    staying.interrupt()
    staying.hold(10)


def slow_link(checks, lab, janus):
    far = Namespace.new()
    link = Link(lab.workshop, lab.here, far, 1, lab.seed)
    staying = Reprise(lab, f"janus:{janus.url}", "--duration", 60, room=1002, name="slow-stays", records=False)
    coming = Reprise(lab, f"janus:{janus.url}", "--duration", 6, room=1002, name="slow-comes", records=False,
                     namespace=far)  # fmt: skip
    link.set(loss=0.2, delay=10)
    session = coming.hold(40)[0]
    slow = session["slowLinks"] or {}
    checks.that(slow.get("up", 0) + slow.get("down", 0) > 0 and slow.get("lost", 0) > 0,
                "at a fifth of loss Janus tells of a slow link, and the session says so", slow)  # fmt: skip
    staying.interrupt()
    staying.hold(10)


def tls(checks, lab):
    janus = Janus(lab.workshop, lab.here, tls=True)
    service = f"janus:{janus.url}"
    trusting = ("--ca", janus.certificate)
    staying = Reprise(lab, service, *trusting, "--duration", 60, name="tls-stays", records=False)
    coming = Reprise(lab, service, *trusting, "--cycles", 5, "--duration", 1, "--pause", 0.2, name="tls-comes")
    check_sessions(checks, coming.hold(40))
    check_tone(checks, coming, 440, "the other's, by wss:")
    staying.interrupt()
    staying.hold(10)
    stranger = Reprise(lab, service, "--duration", 1, name="tls-stranger", records=False)
    error = ended(stranger)["error"] or {}
    checks.that(error.get("service") == "unreachable" and "CERTIFICATE_VERIFY_FAILED" in error.get("reason", ""),
                "a certificate that nobody vouches for is not believed", error)  # fmt: skip
    janus.program.end()


def signed_token(secret, seconds):
    """As Janus wants it with `token_auth_secret`: until when, for what, and the HMAC-SHA1 of that."""
    text = f"{int(time.time() + seconds)},janus,janus.plugin.videoroom"
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()
    return f"{text}:{base64.b64encode(digest).decode()}"


def token(checks, lab):
    janus = Janus(lab.workshop, lab.here, token_secret=SECRET)
    service = f"janus:{janus.url}"
    for what, word in [("no token", None), ("a token of another", signed_token(os.urandom(8).hex(), 60)),
                       ("a token of yesterday", signed_token(SECRET, -86_400))]:  # fmt: skip
        arguments = ("--token", word) if word else ()
        refused(checks, Reprise(lab, service, *arguments, "--duration", 1, records=False,
                                name=f"token-{what.split()[-1]}"), what)  # fmt: skip
    right = Reprise(lab, service, "--token", signed_token(SECRET, 600), "--duration", 1, name="token-right")
    sessions = right.hold(20)
    checks.that(len(sessions) == 1 and not sessions[0]["errors"], "the right token is taken", len(sessions))
