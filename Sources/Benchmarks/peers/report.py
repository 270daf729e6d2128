"""What was measured, for people: tables and targets, as plain text and as Markdown."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Times:
    """Milliseconds."""

    p50: float
    p95: float
    max: float

    @classmethod
    def of(cls, values):
        ordered = sorted(values)
        # The nearest rank, as `reprise bench restart` counts.
        return cls(*(ordered[max(-(-len(ordered) * percent // 100), 1) - 1] for percent in (50, 95, 100)))

    @classmethod
    def of_json(cls, row):
        return None if row is None or row["p50Ms"] is None else cls(row["p50Ms"], row["p95Ms"], row["maxMs"])


@dataclasses.dataclass(frozen=True)
class Restart:
    """A row of the table of restarts."""

    who: str
    standby: str
    what: str
    times: Times
    floor: Times | None = None
    note: str = ""

    HEAD = ("who", "standby", "from the start to", "p50", "p95", "max", "floor p50", "p95", "above it", "")

    def cells(self):
        floor = self.floor
        above = f"{self.times.p50 - floor.p50:+.2f}" if floor else "-"
        return (
            self.who, self.standby, self.what, *(f"{value:.2f}" for value in dataclasses.astuple(self.times)),
            f"{floor.p50:.2f}" if floor else "-", f"{floor.p95:.2f}" if floor else "-", above, self.note,
        )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Target:
    what: str
    measured: float
    limit: float
    #: Empty for a count.
    unit: str
    #: Whether the limit itself still meets it.
    inclusive: bool = True

    HEAD = ("target", "limit", "measured", "")

    @property
    def is_met(self):
        return self.measured <= self.limit if self.inclusive else self.measured < self.limit

    def cells(self):
        limit, measured, distance = (
            f"{value:.2f} {self.unit}" if self.unit else str(value)
            for value in (self.limit, self.measured, abs(self.limit - self.measured))
        )
        verdict = f"{'met' if self.is_met else 'MISSED'} by {distance}"
        return (self.what, f"{'≤' if self.inclusive else '<'} {limit}", measured, verdict)


USAGE_HEAD = (
    "who", "CPU ms/s", "wake-ups/s", "voluntary", "involuntary", "resident MB", "threads", "each: CPU", "wake-ups",
)  # fmt: skip
THREAD_HEAD = ("who", "thread", "CPU ms/s", "wake-ups/s")


def usage_cells(who, usages, middle):
    return (
        who, f"{middle.cpu:.1f}", f"{middle.wakeups:.0f}", f"{middle.voluntary:.0f}", f"{middle.involuntary:.0f}",
        f"{middle.resident:.1f}", f"{middle.threads:.0f}", " ".join(f"{usage.cpu:.1f}" for usage in usages),
        " ".join(f"{usage.wakeups:.0f}" for usage in usages),
    )  # fmt: skip


def thread_cells(who, threads):
    return [(who, thread.name, f"{thread.cpu:.1f}", f"{thread.wakeups:.0f}") for thread in threads]


ROOM_HEAD = ("the other sends", "from the call to join() to", "p50", "p95", "max")
SENT = {"sound": "sound", "soundAndPictures": "sound and pictures"}
REACHED = {
    "described": "our side described", "connected": "protected by DTLS", "firstRTP": "first RTP of the other",
    "firstSound": "its first sound decoded",
}  # fmt: skip


def room_cells(rows):
    return [(SENT[row["sent"]], REACHED[row["metric"]], *(f"{row[key]:.2f}" for key in ("p50Ms", "p95Ms", "maxMs")))
            for row in rows]  # fmt: skip


def room_targets(rows):
    return [Target(f"in-process room to the first RTP of who sends {SENT[row['sent']]}: p50", row["p50Ms"], 12, "ms")
            for row in rows if row["metric"] == "firstRTP"]  # fmt: skip


def restart_targets(restarts, stale):
    """Those of Reprise's rows: near the floor, out at once, heard soon, never stale."""
    targets = []
    for row in restarts:
        if not row.who.startswith("Reprise"):
            continue
        name = f"{row.what}, {row.standby}"
        if row.floor and row.what in ("first captured block", "first picture"):
            limit = row.floor.p50 + max(0.03 * row.floor.p50, 0.3)
            targets.append(Target(f"{name}: p50 within 3 % or 0.3 ms of the floor", row.times.p50, limit, "ms"))
            targets.append(Target(f"{name}: p95 within 2 ms of the floor", row.times.p95, row.floor.p95 + 2, "ms"))
        elif row.what == "leave() returns":
            targets.append(Target(f"{row.who}, {name}: p95", row.times.p95, 5, "ms"))
        elif row.what == "own sound heard back":
            targets.append(Target(f"{name}: p50", row.times.p50, 50, "ms"))
    targets.append(Target("captured blocks and pictures older than their join", stale, 0, ""))
    return targets


def usage_targets(ours, near, both):
    """Of a voice call with its echo: against all of baresip's call, and against the end that has the card."""
    targets = []
    for name, theirs in (("baresip's", both), ("baresip's near end", near)):
        if theirs:
            targets.append(Target(f"CPU of a voice call: less than {name}", ours.cpu, theirs.cpu, "ms/s", False))
            targets.append(Target(f"wake-ups: fewer than {name}", ours.wakeups, theirs.wakeups, "a second", False))
    return [*targets, Target("resident memory of a voice call", ours.resident, 40, "MB", inclusive=False)]


# ---- Tables --------------------------------------------------------------------------------------------------------


def is_number(cell):
    return cell[:1].isdigit() or cell[:2].strip("+-").isdigit() or cell == "-"


def text_table(head, rows):
    columns = list(zip(head, *rows))
    widths = [max(map(len, column)) for column in columns]
    right = [all(map(is_number, column[1:])) for column in columns]
    return [
        "  ".join(
            cell.rjust(width) if at_right else cell.ljust(width) for cell, width, at_right in zip(row, widths, right)
        ).rstrip()
        for row in [[cell.upper() if cell not in ("p50", "p95", "max") else cell for cell in head], *rows]
    ]


def markdown_table(head, rows):
    columns = list(zip(head, *rows))
    rule = ["---:" if all(map(is_number, column[1:])) else "---" for column in columns]
    return ["| " + " | ".join(row) + " |" for row in [head, rule, *rows]]
