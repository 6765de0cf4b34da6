"""Write the table of every alarm state and every cause, for a safety engineer to read and sign.

`python scripts/alarm_table.py` writes tests/detectors/alarm_table.txt. A test compares the file with the code, so a
change of one cell is seen in the difference. Not here: when a cause comes (detectors/judge.py).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from detectors.alarm import Alarm, Cause, Hidden, advance  # noqa: E402

FILE = ROOT / "tests" / "detectors" / "alarm_table.txt"
HEAD = """\
The life of an alarm: what each cause makes of each state.    Written by scripts/alarm_table.py from detectors/alarm.py

Letters (ISA-18.2): A normal, B unacknowledged, C acknowledged, D returned unacknowledged, E shelved,
F suppressed by design, G out of service. G goes before F before E where several hold.
latched: gone, and an engineer's reset is owed; reads as C, or as D while unacknowledged.
hidden: not annunciated. What happens meanwhile is kept: the words before "hidden" are what will be shown.
new occurrence: the number goes up by one and is never used again.
"-" means: nothing changes. Read, found right: ______________________________ (name, date)
"""


def states() -> Iterator[Alarm]:
    """Every state that can be: active and latched exclude each other."""
    for flags, active, latched, acked in product(range(8), (False, True), (False, True), (True, False)):
        if not (active and latched):
            yield Alarm(active, acked, latched, Hidden(flags))


def words(alarm: Alarm) -> str:
    """A state as people say it."""
    life = "active" if alarm.active else "latched" if alarm.latched else "normal" if alarm.acked else "returned"
    seen = "" if life == "normal" else ", acknowledged" if alarm.acked else ", unacknowledged"
    names = {Hidden.SUPPRESSED: "suppressed", Hidden.SHELVED: "shelved", Hidden.OUT_OF_SERVICE: "out of service"}
    hidden = [name for flag, name in names.items() if alarm.hidden & flag]
    return life + seen + (f"; hidden: {', '.join(hidden)}" if hidden else "")


def table() -> str:
    """The whole table as text."""
    lines = [HEAD]
    for alarm in states():
        lines.append(f"{alarm.isa}  {words(alarm)}")
        for cause in Cause:
            after = advance(alarm, cause)
            new = ", new occurrence" if after.occurrence != alarm.occurrence else ""
            became = "-" if after is alarm else f"{after.isa}  {words(after)}{new}"
            lines.append(f"      {cause.value:<22} ->  {became}")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    FILE.write_text(table(), encoding="utf-8")
