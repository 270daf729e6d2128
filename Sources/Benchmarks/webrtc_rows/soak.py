"""Many rejoins in one process: what it holds, and how fast it joins, at the start and at the end."""

import os
import pathlib
import statistics

from rig.janus import Janus
from rig.peer import Peer
from rig.programs import RigFailure
from rig.reprise import Reprise

ROOM = 1003
#: The first stays warm caches and pools up; they are not compared.
WARM = 5


def held(pid):
    """Descriptors, threads, and resident memory in MB of a process."""
    task = pathlib.Path(f"/proc/{pid}")
    pages = int((task / "statm").read_text().split()[1])
    return (
        len(os.listdir(task / "fd")), len(os.listdir(task / "task")), pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    )  # fmt: skip


def measure(say, lab, cycles, standby):
    """What it held after each stay, and each first sound in milliseconds."""
    janus = Janus(lab.workshop, lab.here)
    whistler = Peer(lab.workshop, lab.here, "aiortc_room.py", janus.url, "--no-video", "--tone", 880, name="whistler")
    whistler.ask("join", ROOM)
    say(f"soak: {cycles} rejoins, {standby}")
    run = Reprise(lab, f"janus:{janus.url}", "--cycles", cycles, "--duration", 0.2, "--pause", 0.05,
                  "--standby", standby, room=ROOM, records=False, camera=("--no-camera",))  # fmt: skip
    holdings, sounds = [], []
    for session in run.lines(cycles * 2 + 30):
        if run.program.is_running:
            holdings.append(held(run.program.pid))
        if session["firstSoundMs"] is not None:
            sounds.append(session["firstSoundMs"])
    if run.status:
        raise RigFailure(f"it ended with status {run.status}: {run.program.tail()}")
    return holdings, sounds


def cells(holdings, sounds, times):
    """A row for the start and one for the end: medians of a tenth of the stays."""
    part = max(len(holdings) // 10, 1)
    for name, held_there, heard_there in (
        ("at the start", holdings[WARM : WARM + part], sounds[WARM : WARM + part * 3]),
        ("at the end", holdings[-part:], sounds[-part * 3 :]),
    ):
        middle = [statistics.median(values) for values in zip(*held_there)]
        found = times(heard_there)
        yield name, f"{middle[0]:.0f}", f"{middle[1]:.0f}", f"{middle[2]:.1f}", f"{found.p50:.1f}", f"{found.p95:.1f}"


def targets(rows, standby):
    """That the end is as the start: the limit is the start's figure, and what measuring itself strays by."""
    start, end = ([float(cell) for cell in row[1:]] for row in rows)
    yield f"soak, {standby}: descriptors at the end", end[0], start[0], ""
    yield f"soak, {standby}: threads at the end", end[1], start[1], ""
    # An allocator's arenas settle within the first hundreds of stays.
    yield f"soak, {standby}: resident memory at the end", end[2], start[2] + 4, "MB"
    yield f"soak, {standby}: first sound p95 at the end", end[4], start[4] * 1.1, "ms"
