"""Words for hazards: what falls due, what people do about them, and why that is refused."""

from __future__ import annotations

from collections.abc import Mapping

HAZARDS: Mapping[str, tuple[str, str]] = {
    "hazard.overdue": (
        "hazard not closed in time[: due {due:when}][, opened {opened:when}][; {owner} has it]",
        "隐患逾期未闭环[：期限 {due:when}][，始于 {opened:when}][；责任人 {owner}]",
    ),
    "hazard.overdue_unowned": (
        "hazard not closed in time[: due {due:when}][, opened {opened:when}]; nobody has it",
        "隐患逾期未闭环[：期限 {due:when}][，始于 {opened:when}]；无责任人",
    ),
    "hazard.assigned": ("hazard assigned[ to {owner}][, due {due:when}]", "隐患已指派[给 {owner}][，期限 {due:when}]"),
    "hazard.accepted": ("overdue hazard taken over[ by {owner}]", "逾期隐患已[由 {owner} ]接手"),
    "hazard.did": ("something was done about the hazard[; evidence {evidence}]", "已对隐患采取措施[；证据 {evidence}]"),
    "hazard.closed": ("hazard closed[; evidence {evidence}]", "隐患已闭环[；证据 {evidence}]"),
    "judge.refused.no_hazard": ("no open hazard holds this alarm", "此报警没有未闭环的隐患"),
    "judge.refused.no_owner": ("it must be said who has it", "需要填写责任人"),
    "judge.refused.bad_evidence": (
        "evidence must be a file's SHA-256 digest, two spaces and its name",
        "证据须为文件的 SHA-256 摘要、两个空格和文件名",
    ),
    "judge.refused.still_stands": (
        "one of its alarms is active or waits for a reset",
        "其中有报警仍在持续或待复位",
    ),
}
"""Key -> (English, Chinese)."""
