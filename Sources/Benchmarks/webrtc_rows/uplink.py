"""What a sender makes of a link whose rate changes, seen from the link."""

import dataclasses
import json
import time

from rig.chromium import Chromium
from rig.janus import Janus
from rig.link import Link
from rig.network import Namespace
from rig.programs import RigFailure
from rig.reprise import Reprise

ROOM = 1002
#: Bits a second, and for how many seconds.
STEPS = ((2_000_000, 25), (500_000, 20), (2_000_000, 40))
QUEUE, DELAY = 50, 20
EVERY = 0.2


@dataclasses.dataclass
class Phase:
    """A step of the link. Its samples: seconds since it began, and bytes offered and carried since the link was made."""

    rate: float
    samples: list
    lost: float
    queued: list
    estimate: float | None = None

    def rates(self, over=1.0):
        """At each sample, the bits a second offered and carried in the second before."""
        count = round(over / EVERY)
        for first, last in zip(self.samples, self.samples[count:]):
            lasted = last[0] - first[0]
            yield last[0], (last[1] - first[1]) * 8 / lasted, (last[2] - first[2]) * 8 / lasted

    @property
    def used(self):
        half = self.samples[len(self.samples) // 2 :]
        return (half[-1][2] - half[0][2]) * 8 / (half[-1][0] - half[0][0])

    def wait(self, part):
        """How long a packet waited in the queue, in milliseconds: a percentile."""
        return self.queued[min(int(len(self.queued) * part), len(self.queued) - 1)] if self.queued else 0

    def reached(self, falls):
        for at, offered, carried in self.rates():
            if offered <= 1.1 * self.rate if falls else carried >= 0.8 * self.rate:
                return at
        return None


def watch(link, estimates=lambda: None):
    """Takes a link through the steps."""
    phases = []
    for rate, seconds in STEPS:
        before = link.set(back={"rate": rate, "queue": QUEUE, "delay": DELAY}, there={"delay": DELAY})[1]
        began = time.monotonic()
        samples, queued = [(0.0, before["offered"], before["bytes"])], []
        while (at := time.monotonic() - began) < seconds:
            time.sleep(EVERY - at % EVERY)
            counts = link.counts()[1]
            samples.append((time.monotonic() - began, counts["offered"], counts["bytes"]))
            queued += counts["queuedMs"]
        full, carried = counts["full"] - before["full"], counts["carried"] - before["carried"]
        phases.append(Phase(rate, samples, full / max(full + carried, 1), sorted(queued), estimates()))
    return phases


def chromium(lab, janus, link):
    browser = Chromium(lab.workshop, link.far, name="chromium-uplink")
    # A picture that no rate is enough for, at a size that two slow processors encode.
    browser.open_devices(video="false")
    browser.run("media.addTrack(movingPicture(640, 360, 30))")
    browser.connect(janus.url)
    browser.join(ROOM)
    browser.run("""for (const sender of room.up.getSenders()) {
        if (sender.track?.kind !== "video") continue;
        const parameters = sender.getParameters();
        parameters.encodings[0].maxBitrate = 4000000;
        parameters.degradationPreference = "maintain-resolution";
        await sender.setParameters(parameters);
    }""")
    phases = watch(link, lambda: ((browser.statistics()["up"] or {}).get("pair") or {}).get("availableOutgoingBitrate"))
    browser.leave()
    browser.program.end()
    return phases


def reprise(lab, janus, link):
    # Longer than the steps: it is interrupted.
    run = Reprise(lab, f"janus:{janus.url}", "--duration", 600, room=ROOM, namespace=link.far, name="reprise-uplink",
                  records=False, camera=("--size", "1280x720", "--rate", 30))  # fmt: skip
    phases = watch(link)
    if not run.program.is_running:
        raise RigFailure(f"Reprise ended before the link's steps did: {run.program.tail()}")
    run.interrupt()
    for session in run.lines(30):
        phases[-1].estimate = session.transport.get("availableUplink")
    return phases


def measure(say, lab):
    # The room caps nothing here: the link does.
    janus = Janus(lab.workshop, lab.here, bitrate=6_000_000)
    clients = {"Reprise": reprise, "Chromium": chromium}
    for number, (name, client) in enumerate(clients.items(), 1):
        if name == "Reprise" and not lab.reprise:
            continue
        say(f"uplink: {name}, {sum(step[1] for step in STEPS)} s")
        link = Link(lab.workshop, lab.here, Namespace.new(), number, "uplink")
        yield name, client(lab, janus, link)


def cells(phases):
    for before, phase in zip([None, *phases], phases):
        reached = phase.reached(falls=before is not None and before.rate > phase.rate)
        yield (
            f"{phase.rate / 1e3:.0f} kbit/s", f"{phase.used / phase.rate:.0%}",
            "never" if reached is None else f"{reached:.1f} s", f"{phase.lost:.1%}", f"{phase.wait(0.5):.0f} ms",
            f"{phase.wait(0.95):.0f} ms", "-" if phase.estimate is None else f"{phase.estimate / 1e3:.0f} kbit/s",
        )  # fmt: skip


def targets(phases):
    start, low, back = phases
    for name, phase in (("2 Mbit/s", start), ("500 kbit/s", low), ("2 Mbit/s again", back)):
        yield f"uplink: unused of {name}", (1 - phase.used / phase.rate) * 100, 15, "%"
    never = 99
    yield "uplink: time to fall to 500 kbit/s", low.reached(falls=True) or never, 3, "s"
    yield "uplink: time to climb back", back.reached(falls=False) or never, 10, "s"
    yield "uplink: lost at 500 kbit/s", low.lost * 100, 5, "%"


def write(phases, path):
    """A line for each second: when, the link's rate, what was offered and carried, in bits a second."""
    began = 0
    with path.open("w") as file:
        for phase in phases:
            rates = list(phase.rates())[:: round(1 / EVERY)]
            for at, offered, carried in rates:
                line = {"at": round(began + at, 1), "link": phase.rate, "offered": round(offered), "carried": round(carried)}
                file.write(json.dumps(line) + "\n")
            began += phase.samples[-1][0]
