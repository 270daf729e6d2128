"""The table of who is told of a pulled cable, who goes on, and who comes back, as guest/peers measured it."""

import json
import statistics

COLUMNS = [
    ("floor", "kernel says so"), ("told", "told"), ("next", "runs on another card"), ("back", "runs on the same again"),
]


def table(path):
    """Lines of Markdown: medians, and how many of the runs came so far."""
    if not path.exists():
        return []
    groups = {}
    for row in map(json.loads, path.read_text().splitlines()):
        groups.setdefault((row["peer"], row["card"]), []).append(row)
    lines = ["| who | unplugged | " + " | ".join(f"{title} (ms)" for _, title in COLUMNS) + " | processor after it | |"]
    lines.append("|---|---|" + "---:|" * (len(COLUMNS) + 1) + "---|")
    for (peer, card), rows in groups.items():
        cells = [cell([row.get(key) for row in rows]) for key, _ in COLUMNS]
        loads = [row["cpu"] for row in rows if "cpu" in row]
        cells.append(f"{statistics.median(loads):.0%}" if loads else "")
        notes = {row["note"] for row in rows if "note" in row} | {"ended" for row in rows if row.get("ended")}
        lines.append(f"| {peer} | {card} | " + " | ".join(cells) + f" | {', '.join(sorted(notes))} |")
    return lines


def cell(values):
    there = [value for value in values if value is not None]
    if not there:
        return "never"
    count = "" if len(there) == len(values) else f" ({len(there)} of {len(values)})"
    return f"{statistics.median(there):.1f}{count}"
