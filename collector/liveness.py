"""Whether what judging wrote is of now, for the verbs that print it once and end. The page has the same rule.

Constraints. It compares the wall clock of judging's last seal with this machine's. Nothing is guessed about why.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from collector.times import shown
from dashboards.console.board import NOT_LIVE
from dashboards.console.figures import Lang, age

Status = Mapping[str, Any]
TEXT: Mapping[Lang, str] = {
    "en": "NOT LIVE SINCE {since}: judging is {age} behind, and this is how it was then. "
    "Watch the site by other means; does `davylamp run` run on this data folder?",
    "zh": "数据中断，自 {since}：判定滞后 {age}，以下为当时的情况。"
    "请用其他方式监视现场；`davylamp run` 是否在此数据目录上运行？",
}


def behind(status: Status) -> int:
    """ns by which judging's word is older than now; 0 where it never said when that was."""
    return max(0, time.time_ns() - int(status["wall"])) if status.get("wall") else 0


def dead_for(status: Status) -> int:
    """The same, 0 while it counts as live."""
    late = behind(status)
    return late if late >= NOT_LIVE else 0


def not_live(status: Status, lang: Lang = "en") -> str:
    """The line that stands above what is no longer of now, and says what to do; empty while it is live."""
    late = dead_for(status)
    if not late:
        return ""
    since = shown(int(status["now"]), ZoneInfo(status.get("timezone") or "UTC"))
    return TEXT[lang].format(since=since, age=age(late, lang))


def facts(status: Status) -> dict[str, Any]:
    """The same for a program: `live`, and `behind` in ns."""
    return {"live": not dead_for(status), "behind": behind(status)}
