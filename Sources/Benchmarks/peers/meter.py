"""What a running process costs: processor time, wake-ups and memory, from outside and the same for everyone."""

import dataclasses
import os
import pathlib
import statistics
import time


@dataclasses.dataclass(frozen=True)
class Thread:
    """Threads of one name."""

    name: str
    #: Milliseconds a second.
    cpu: float
    #: Context switches a second.
    wakeups: float


@dataclasses.dataclass(frozen=True)
class Usage:
    #: User and system, milliseconds a second.
    cpu: float
    #: Context switches a second: those at which a thread had waited, and those at which it was interrupted.
    voluntary: float
    involuntary: float
    #: Resident, in MB (10⁶ bytes).
    resident: float
    threads: int
    #: The busiest first; those that did nothing left out.
    by_thread: tuple[Thread, ...] = ()

    @property
    def wakeups(self):
        return self.voluntary + self.involuntary

    def __add__(self, other):
        """What two processes cost together."""
        fields = ("cpu", "voluntary", "involuntary", "resident", "threads")
        sums = (getattr(self, field) + getattr(other, field) for field in fields)
        return Usage(*sums, self.by_thread + other.by_thread)


def median(usages):
    fields = ("cpu", "voluntary", "involuntary", "resident", "threads")
    return Usage(*(statistics.median(getattr(usage, field) for usage in usages) for field in fields))


def measure(pids, seconds):
    """Watches processes for so long, all in the same time.

    Threads that begin and end within the time are in the processor time, not in the switches."""
    before = [(time.monotonic(), _cpu_ns(pid), _tasks(pid)) for pid in pids]
    time.sleep(seconds)
    return [_usage(pid, *earlier) for pid, earlier in zip(pids, before)]


def _usage(pid, began, cpu, before):
    after, cpu, lasted = _tasks(pid), _cpu_ns(pid) - cpu, time.monotonic() - began
    spent = []
    for thread, (name, *counts) in after.items():
        first = before.get(thread, (name, 0, 0, 0))[1:]
        spent.append((name, *((count - earlier) / lasted for count, earlier in zip(counts, first))))
    names = dict.fromkeys(name for name, *_ in spent)
    by_thread = [
        Thread(
            name, sum(busy / 1e6 for other, busy, _, _ in spent if other == name),
            sum(own + forced for other, _, own, forced in spent if other == name),
        )
        for name in names
    ]  # fmt: skip
    return Usage(
        cpu / 1e6 / lasted, sum(own for _, _, own, _ in spent), sum(forced for *_, forced in spent), _resident(pid),
        len(after), tuple(sorted((t for t in by_thread if t.wakeups >= 1), key=lambda t: -t.cpu)),
    )  # fmt: skip


def _cpu_ns(pid):
    # The clock of another process, as clock_getcpuclockid(3) makes it: to the nanosecond, ended threads included.
    return time.clock_gettime_ns((~pid << 3) | 2)


def _tasks(pid):
    """Name, nanoseconds on a processor, voluntary and involuntary switches of each thread."""
    tasks = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            lines = (task / "status").read_text().splitlines()
            busy = int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        fields = {key: value.strip() for key, value in (line.split(":", 1) for line in lines)}
        switches = (int(fields[f"{kind}voluntary_ctxt_switches"]) for kind in ("", "non"))
        tasks[task.name] = (fields["Name"], busy, *switches)
    return tasks


def _resident(pid):
    pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
