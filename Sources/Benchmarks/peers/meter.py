"""What a running process costs: processor time, wake-ups and memory, from outside and the same for everyone."""

import dataclasses
import os
import pathlib
import statistics
import time


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

    @property
    def wakeups(self):
        return self.voluntary + self.involuntary


def median(usages):
    return Usage(*(statistics.median(column) for column in zip(*map(dataclasses.astuple, usages))))


def measure(pid, seconds):
    """Watches a process for so long.

    Threads that begin and end within the time are in the processor time, not in the switches."""
    began, cpu, before = time.monotonic(), _cpu_ns(pid), _switches(pid)
    time.sleep(seconds)
    after, cpu, lasted = _switches(pid), _cpu_ns(pid) - cpu, time.monotonic() - began
    voluntary, involuntary = (
        sum(counts[column] - before.get(thread, (0, 0))[column] for thread, counts in after.items())
        for column in (0, 1)
    )
    return Usage(cpu / 1e6 / lasted, voluntary / lasted, involuntary / lasted, _resident(pid), len(after))


def _cpu_ns(pid):
    # The clock of another process, as clock_getcpuclockid(3) makes it: to the nanosecond, ended threads included.
    return time.clock_gettime_ns((~pid << 3) | 2)


def _switches(pid):
    counts = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            lines = (task / "status").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        fields = dict(line.split(":", 1) for line in lines)
        counts[task.name] = (int(fields["voluntary_ctxt_switches"]), int(fields["nonvoluntary_ctxt_switches"]))
    return counts


def _resident(pid):
    pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
