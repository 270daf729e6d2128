"""Reprise publishes to a WHIP server and plays from a WHEP server that are not ours (aiortc)."""

from rig.network import SERVER
from rig.peer import Peer
from rig.reprise import Reprise

from .common import CYCLES, check_sessions, check_tone

CYCLE = ("--cycles", CYCLES, "--pause", 0.2, "--token", "secret")


def run(checks, lab):
    server = Peer(lab.workshop, lab.here, "whip_server.py", SERVER, "--tone", 880)
    url = server.hello["url"]
    whip(checks, lab, server, f"whip:{url}/whip")
    whep(checks, lab, server, f"whep:{url}/whep")
    others(checks, lab, server, url)


def ended(server, kind, after=0):
    return [each for each in server.ask("statistics")["resources"] if each["kind"] == kind][after:]


def whip(checks, lab, server, service):
    sessions = Reprise(lab, service, *CYCLE, "--duration", 1.5, name="reprise-whip").hold(60)
    checks.that(len(sessions) == CYCLES, f"WHIP: {CYCLES} sessions were held", len(sessions))
    resources = ended(server, "whip")
    checks.that(len(resources) == CYCLES, "WHIP: each session published once", len(resources))
    checks.that(all(each["endedBy"] == "DELETE" for each in resources), "WHIP: each was ended by DELETE")
    tones = [max((h.get("shares", {}).get("440", 0) for h in each["heard"]), default=0) for each in resources]
    checks.that(tones and min(tones) > 0.8, "WHIP: the server heard Reprise's 440 Hz each time",
                " ".join(f"{tone:.0%}" for tone in tones))  # fmt: skip
    frames = [max((h["frames"] for h in each["heard"] if h["kind"] == "video"), default=0) for each in resources]
    checks.that(frames and min(frames) > 3, "WHIP: the server decoded its pictures each time", frames)


def whep(checks, lab, server, service):
    reprise = Reprise(lab, service, *CYCLE, "--duration", 1.5, name="reprise-whep")
    sessions = reprise.hold(60)
    check_sessions(checks, sessions)
    check_tone(checks, reprise, 880, "the WHEP server's")
    resources = ended(server, "whep")
    checks.that(len(resources) == CYCLES and all(each["endedBy"] == "DELETE" for each in resources),
                "WHEP: each session was ended by DELETE", [each["endedBy"] for each in resources])  # fmt: skip


def others(checks, lab, server, url):
    before = server.ask("statistics")["redirected"]
    moved = Reprise(lab, f"whip:{url}/moved/whip", "--token", "secret", "--duration", 1, name="reprise-moved")
    sessions = moved.hold(30)
    after = server.ask("statistics")
    checks.that(len(sessions) == 1 and after["redirected"] > before, "WHIP: a redirect is followed")
    stranger = Reprise(lab, f"whip:{url}/whip", "--token", "wrong", "--duration", 1, name="reprise-stranger")
    list(stranger.lines(30))
    refused = server.ask("statistics")["refused"]
    checks.that(stranger.status != 0 and refused > 0, "WHIP: a wrong token is refused, and the command says so",
                stranger.program.tail(2))  # fmt: skip
