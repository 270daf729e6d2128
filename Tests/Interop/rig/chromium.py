"""Chromium without a window, driven by the DevTools protocol over a pair of pipes."""

import json
import os
import pathlib
import select
import time

from .programs import RigFailure, wait_until
from .sound import write_tone

PAGE = pathlib.Path(__file__).resolve().parent.parent / "page" / "room.html"
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required", "--disable-background-networking",
    "--disable-features=WebRtcHideLocalIpsWithMdns,LocalNetworkAccessChecks", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--proxy-server=direct://", "--mute-audio",
    "--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--allow-file-access-from-files",
]  # fmt: skip


class Chromium:
    """A browser with the room's page open. Its microphone is a tone of `hertz`, its camera Chromium's test picture."""

    def __init__(self, workshop, namespace, name="chromium", hertz=660):
        tone = write_tone(workshop.folder / f"{name}-tone.wav", hertz)
        profile = workshop.folder / f"{name}-profile"
        # Chromium reads commands from descriptor 3 and writes to 4.
        read_command, self._commands = os.pipe()
        self._answers, write_answer = os.pipe()

        def in_place():
            namespace.enter()
            high = [os.dup(read_command), os.dup(write_answer)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        class There:
            enter = staticmethod(in_place)

        self.program = workshop.start(
            name, ["chromium", *FLAGS, "--remote-debugging-pipe", f"--user-data-dir={profile}",
                   f"--use-file-for-fake-audio-capture={tone}", "about:blank"],
            There, close_fds=False, environment={"HOME": str(workshop.folder)},
        )  # fmt: skip
        os.close(read_command)
        os.close(write_answer)
        self._rest, self._number, self._session = b"", 0, None
        self._open_page()

    def _open_page(self):
        def page():
            targets = self.call("Target.getTargets")["targetInfos"]
            return next((target["targetId"] for target in targets if target["type"] == "page"), None)

        target = wait_until(page, "a page in Chromium", seconds=20)
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.navigate", url=PAGE.as_uri())
        wait_until(lambda: self.run("document.readyState === 'complete' && typeof Room === 'function'"), "the page")

    def call(self, method, seconds=30, **parameters):
        """A command of the protocol, and its answer. Events in between are passed over."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + seconds
        while True:
            while b"\0" not in self._rest:
                left = until - time.monotonic()
                if left <= 0 or not select.select([self._answers], [], [], left)[0]:
                    raise RigFailure(f"Chromium did not answer {method} in {seconds} s:\n{self.program.tail()}")
                data = os.read(self._answers, 1 << 20)
                if not data:
                    raise RigFailure(f"Chromium ended:\n{self.program.tail()}")
                self._rest += data
            text, self._rest = self._rest.split(b"\0", 1)
            answer = json.loads(text)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RigFailure(f"Chromium: {method}: {answer['error']['message']}")
                return answer["result"]

    def run(self, script, seconds=30):
        """The value of an expression, which may await."""
        result = self.call(
            "Runtime.evaluate", seconds, expression=script, awaitPromise=True, returnByValue=True, replMode=True,
            userGesture=True,
        )  # fmt: skip
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise RigFailure(f"in the page: {details.get('exception', details).get('description', details)}")
        return result["result"].get("value")

    # ---- A stay in a room

    def open_devices(self, audio=True, video="{ width: 320, height: 240, frameRate: 15 }"):
        wanted = f"{{ audio: {json.dumps(audio)}, video: {video} }}"
        self.run(f"globalThis.media = await navigator.mediaDevices.getUserMedia({wanted})")

    def connect(self, url):
        self.run(f"globalThis.janus = await Janus.connect({json.dumps(url)})")

    def join(self, room, name="chromium", times_sound=False, servers=()):
        arguments = f"janus, {room}, {json.dumps(name)}, globalThis.media ?? null, {json.dumps(list(servers))}"
        self.run(f"globalThis.room = new Room({arguments}); room.timesSound = {json.dumps(times_sound)}")
        self.run("await room.join()")

    def leave(self):
        self.run("await room.leave()")

    def statistics(self):
        return self.run("await room.statistics()")

    def observe(self):
        """As `Stays` wants it."""
        return self.run("await room.observe()")
