"""The `reprise` command in a room, what it says of each session, and what others saw of it meanwhile."""

import json
import os
import select
import signal
import subprocess
import time

from . import sound
from .programs import RigFailure


class Session:
    """A session's line of `--json`."""

    def __init__(self, record):
        self.record = record

    def tracks(self, kind):
        """What each other participant's track of a kind (`audio`, `video`) came to."""
        return [each[kind] for each in self.record["participants"] if each.get(kind)]

    def most(self, kind, key):
        return max((each.get(key) or 0 for each in self.tracks(kind)), default=0)

    @property
    def transport(self):
        return self.record.get("transport") or {}

    @property
    def pair(self):
        """Kinds of the local and the remote candidate, and the protocol."""
        pair = self.transport.get("candidatePair") or {}
        return tuple((pair.get(end) or {}).get("kind") for end in ("local", "remote")) + (pair.get("protocol"),)

    def __getitem__(self, key):
        return self.record.get(key)


class Reprise:
    """`reprise join` with synthetic devices: a microphone of 440 Hz, a small moving picture."""

    def __init__(
        self, lab, service, *arguments, room=1001, namespace=None, name="reprise", records=True,
        camera=("--size", "320x240", "--rate", 15), **options,
    ):  # fmt: skip
        self.name = name
        self.heard = lab.workshop.folder / f"{name}-heard"
        command = [lab.reprise, "join", room, "--service", service, "--user", name, "--synthetic", "--json", *camera,
                   *arguments]  # fmt: skip
        if records:
            command += ["--record", self.heard]
        self.program = lab.workshop.start(
            name, command, namespace or lab.here, stdout=subprocess.PIPE, **options)  # fmt: skip
        self._rest = b""
        self.status = None

    def lines(self, seconds, meanwhile=None, every=0.1):
        """Each session as it ends; `meanwhile` is called every so often until then.

        - Throws: `RigFailure` where it has not ended by so many seconds. How it ended is in `status`."""
        until = time.monotonic() + seconds
        output = self.program.process.stdout.fileno()
        while True:
            if meanwhile:
                meanwhile()
            if time.monotonic() > until:
                raise RigFailure(f"{self.name} has not ended in {seconds} s:\n{self.program.tail()}")
            if not select.select([output], [], [], every if meanwhile else 0.5)[0]:
                continue
            data = os.read(output, 1 << 16)
            if not data:
                break
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                if line.strip():
                    yield Session(json.loads(line))
        self.status = self.program.process.wait()

    def hold(self, seconds, meanwhile=None):
        """All its sessions.

        - Throws: `RigFailure` where the command failed."""
        sessions = list(self.lines(seconds, meanwhile))
        if self.status:
            raise RigFailure(f"{self.name} ended with status {self.status}:\n{self.program.tail()}")
        return sessions

    def interrupt(self):
        self.program.send(signal.SIGINT)

    def shares_of(self, hertz):
        """How much of what it heard was a tone of so many Hz, in each session."""
        shares = []
        for path in sorted(self.heard.glob("*.wav")):
            rate, samples = sound.read(path)
            shares.append(sound.share_at(samples, rate, hertz))
        return shares


class Stays:
    """What a peer sees of those who come and go: sound and pictures of each stay.

    `observe` gives the newest feed, and the counts `sound` and `pictures` of each of the peer's streams."""

    def __init__(self, observe):
        self.observe = observe
        self.stays = {}

    def look(self):
        seen = self.observe()
        if seen["feed"] is None:
            return
        stay = self.stays.setdefault(seen["feed"], {"sound": {}, "pictures": {}, "level": 0.0})
        stay["level"] = max(stay["level"], seen.get("level", 0))
        for what in ("sound", "pictures"):
            for stream, count in seen[what].items():
                first, last = stay[what].get(stream, (count, count))
                # A count that went back is a new stream's.
                stay[what][stream] = (min(first, count), count)

    def came(self, what):
        """Of each stay, how much of `sound` or `pictures` came in it."""
        return [sum(last - first for first, last in stay[what].values()) for stay in self.stays.values()]

    @property
    def levels(self):
        return [stay["level"] for stay in self.stays.values()]
