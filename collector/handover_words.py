"""The words of the handover sheet, English and Chinese. A word that is not here stands as it is: a name, a note."""

from __future__ import annotations

from collections.abc import Mapping

from dashboards.console.figures import Lang

TEXTS: Mapping[str, tuple[str, str]] = {
    "title": ("Handover {site}, {time}", "交接班表 {site}，{time}"),
    "simulation": ("SIMULATION ", "仿真数据 "),
    "watched_of": ("watching {watching} of {of}", "正在监视 {watching} / {of}"),
    "in_shift": ("in this shift: {counted}", "本班：{counted}"),
    "counted": ("{count} {change}", "{change} {count} 次"),
    "nothing": ("nothing", "无"),
    "calling": ("calling for {name}", "正在呼叫：{name}"),
    "journal": ("journal: {seq} lines, last hash {hash}", "日志：{seq} 行，末行哈希 {hash}"),
    "none": ("none", "无"),
    "in": ("in {age}", "还有 {age}"),
    "ago": ("{age} ago", "已过 {age}"),
    "overdue_alarms": ("OVERDUE, {alarms}", "逾期，{alarms}"),
    "one_alarm": ("1 alarm", "1 次报警"),
    "several_alarms": ("{count} alarms", "{count} 次报警"),
    "nobody": ("nobody", "无责任人"),
    # sections
    "standing": ("Standing", "持续报警"),
    "section_shelved": ("Shelved", "已搁置"),
    "section_out_of_service": ("Out of service", "停用"),
    "section_suppressed": ("Suppressed by design", "按设计抑制"),
    "section_not_watching": ("Not watching", "未监视"),
    "overdue_hazards": ("Overdue hazards", "逾期隐患"),
    # columns
    "alarm": ("alarm", "报警"),
    "state": ("state", "状态"),
    "priority": ("priority", "级别"),
    "area": ("area", "区域"),
    "value": ("value", "数值"),
    "limit": ("limit", "限值"),
    "since": ("since", "起始"),
    "until": ("until", "截止"),
    "by": ("by", "人员"),
    "note": ("note", "说明"),
    # states
    "active": ("active", "报警中"),
    "latched": ("latched", "已恢复待复位"),
    "normal": ("normal", "正常"),
    "not watching": ("not watching", "未监视"),
    "unacknowledged": ("unacknowledged", "未确认"),
    "suppressed by design": ("suppressed by design", "按设计抑制"),
    "out of service": ("out of service", "停用"),
    "TEST": ("TEST", "测试"),
    # priorities
    "critical": ("critical", "紧急"),
    "high": ("high", "高"),
    "medium": ("medium", "中"),
    "low": ("low", "低"),
    "log": ("log", "记录"),
    # changes
    "raised": ("raised", "报警"),
    "returned": ("returned", "恢复"),
    "acknowledged": ("acknowledged", "确认"),
    "accepted": ("accepted", "接警"),
    "commented": ("commented", "备注"),
    "shelved": ("shelved", "搁置"),
    "unshelved": ("unshelved", "取消搁置"),
    "shelf_ended": ("shelf_ended", "搁置到期"),
    "out_of_service": ("out_of_service", "停用"),
    "in_service": ("in_service", "恢复使用"),
    "service_ended": ("service_ended", "停用到期"),
    "suppressed": ("suppressed", "抑制"),
    "unsuppressed": ("unsuppressed", "解除抑制"),
    "reset": ("reset", "复位"),
    "removed": ("removed", "规则删除"),
    "refused": ("refused", "操作被拒"),
    "watched": ("watched", "恢复监视"),
    "unwatched": ("unwatched", "失去监视"),
    "broken": ("broken", "规则故障"),
    "revised": ("revised", "配置修订"),
    "blind": ("blind", "监视中断"),
    "overdue": ("overdue", "逾期"),
    "assigned": ("assigned", "指派"),
    "did": ("did", "采取措施"),
    "closed": ("closed", "闭环"),
    "joined": ("joined", "一并通报"),
}


def word(lang: Lang, key: str, **fields: object) -> str:
    """A text of the sheet; the key itself where there is none."""
    return TEXTS[key][lang == "zh"].format(**fields) if key in TEXTS else key


def words(lang: Lang, listed: str) -> str:
    """Each of several words, "active, unacknowledged"."""
    return ("、" if lang == "zh" else ", ").join(word(lang, one) for one in listed.split(", "))
