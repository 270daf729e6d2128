"""The table of what each fault cost, as the device suites measured it."""

import json
import statistics

COLUMNS = [
    ("floor", "kernel says so"), ("told", "told"), ("delivers", "next sound or picture"), ("ownGap", "without a device"),
    ("missing", "missing at the far side"),
]


def table(path):
    """Lines of Markdown; none where nothing was measured. Milliseconds from the event: of what was done several times in the
    run the median, and the worst in brackets."""
    if not path.exists():
        return []
    groups = {}
    for row in map(json.loads, path.read_text().splitlines()):
        groups.setdefault((row["device"], row["event"]), []).append(row)
    lines = ["| device | event | " + " | ".join(f"{title} (ms)" for _, title in COLUMNS) + " | then |"]
    lines.append("|---|---|" + "---:|" * len(COLUMNS) + "---|")
    for (device, event), rows in groups.items():
        cells = [cell([row[key] for row in rows if row.get(key) is not None]) for key, _ in COLUMNS]
        lines.append(f"| {device} | {event} | " + " | ".join(cells) + f" | {rows[-1]['then']} |")
    return lines


def cell(values):
    if not values:
        return ""
    worst = f" ({max(values):.1f})" if len(values) > 1 else ""
    return f"{statistics.median(values):.1f}{worst}"
