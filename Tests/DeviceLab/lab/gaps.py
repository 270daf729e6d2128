"""The table of what each fault cost, as the device suites measured it."""

import json

COLUMNS = [
    ("floor", "kernel says so"), ("told", "told"), ("delivers", "next sound or picture"), ("ownGap", "without a device"),
    ("missing", "missing at the far side"),
]


def table(path):
    """Lines of Markdown; none where nothing was measured. Milliseconds from the event."""
    if not path.exists():
        return []
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    lines = ["| device | event | " + " | ".join(f"{title} (ms)" for _, title in COLUMNS) + " | then |"]
    lines.append("|---|---|" + "---:|" * len(COLUMNS) + "---|")
    for row in rows:
        cells = ["" if row.get(key) is None else f"{row[key]:.1f}" for key, _ in COLUMNS]
        lines.append(f"| {row['device']} | {row['event']} | " + " | ".join(cells) + f" | {row['then']} |")
    return lines
