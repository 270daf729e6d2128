"""A peer that is a script of `peers`: commands on its stdin, a line of JSON for each on its stdout."""

import json
import pathlib
import select
import subprocess

from .programs import RigFailure

INTEROP = pathlib.Path(__file__).resolve().parent.parent
#: Debian's own, which has the packages that apt installs.
PYTHON = "/usr/bin/python3"


class Peer:
    def __init__(self, workshop, namespace, script, *arguments, name=None):
        self.name = name or script.removesuffix(".py")
        self.program = workshop.start(
            self.name, [PYTHON, "-u", INTEROP / "peers" / script, *arguments], namespace,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            environment={"PYTHONPATH": str(INTEROP), "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        self.hello = self._answer("its start", 20)

    def _answer(self, what, seconds):
        if not select.select([self.program.process.stdout], [], [], seconds)[0]:
            raise RigFailure(f"{self.name} did not answer {what} in {seconds} s:\n{self.program.tail()}")
        line = self.program.process.stdout.readline()
        if not line:
            raise RigFailure(f"{self.name} ended at {what}:\n{self.program.tail()}")
        answer = json.loads(line)
        if "error" in answer:
            raise RigFailure(f"{self.name}: {what}: {answer['error']}")
        return answer

    def ask(self, *words, seconds=30):
        self.program.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.program.process.stdin.flush()
        return self._answer(words[0], seconds)

    def observe(self):
        """As `Stays` wants it; `level` is of the tone of Reprise's synthetic microphone, 440 Hz."""
        seen = self.ask("statistics")
        heard = dict(enumerate(seen["heard"]))
        return {
            "feed": seen["feed"],
            "sound": {number: each["frames"] for number, each in heard.items() if each["kind"] == "audio"},
            "pictures": {number: each["frames"] for number, each in heard.items() if each["kind"] == "video"},
            "level": max((each["shares"]["440"] for each in heard.values() if "shares" in each), default=0),
        }
