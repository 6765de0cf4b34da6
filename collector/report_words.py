"""The words of a report, in English and Chinese. Reasons are the page's (dashboards.console.words)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dashboards.console.figures import Lang
from dashboards.console.labels import LABELS

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "rules": ("rule", "detector", "priority", "limit", "clause", "consequence", "respond", "sensors"),
    "revisions": ("time", "revision", "by", "note", "loosened", "changes"),
    "overrides": ("what", "alarm", "from", "to", "lasted", "by", "note"),
    "not_watched": ("sensor", "cause", "hours"),
    "handled": ("time", "sensor", "what", "result", "by", "note"),
    "answers": ("priority", "raised", "not_acked", "ack_median", "ack_p90", "ack_worst",
                "not_accepted", "accept_median", "accept_p90", "accept_worst"),
    "hazards": ("hazard", "priority", "opened", "owner", "due", "state", "closing"),
}  # fmt: skip
"""Section -> its columns."""
CAUSES = ("judge.in_test", "judge.start", "in_calibration", "out_of_service")
_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Inspection report {site}", "检查报告 {site}"),
    "period": ("from {start} to {end}", "{start} 至 {end}"),
    "simulation": ("SIMULATION", "仿真数据"),
    "test": ("TEST", "测试"),
    "rules": ("Rules in force", "现行规则"),
    "revisions": ("Revisions", "规则变更"),
    "overrides": ("Overrides: shelved, out of service, suppressed", "屏蔽：搁置、停用、抑制"),
    "not_watched": ("Not watched, sensor-hours", "未监视（传感器·小时）"),
    "handled": ("Tests, calibrations and what was told", "测试、校准与告知"),
    "answers": ("Alarms and answers", "报警与响应时间"),
    "hazards": ("Hazards", "隐患"),
    "figures": ("Alarm system figures (ISA-18.2)", "报警系统指标（ISA-18.2）"),
    "record": ("Record", "记录"),
    "rule": ("rule", "规则"), "detector": ("detector", "检测方法"), "priority": ("priority", "优先级"),
    "limit": ("limit", "限值"), "clause": ("clause", "依据"), "consequence": ("consequence", "后果"),
    "respond": ("respond within", "响应时限"), "sensors": ("sensors", "传感器"), "time": ("time", "时间"),
    "revision": ("revision", "版本"), "by": ("by", "操作人"), "note": ("note", "说明"),
    "loosened": ("LOOSENED", "放宽"), "changes": ("changes", "变更内容"), "what": ("what", "事项"),
    "alarm": ("alarm", "报警"), "from": ("from", "自"), "to": ("to", "至"), "lasted": ("lasted", "时长"),
    "sensor": ("sensor", "传感器"), "cause": ("cause", "原因"), "hours": ("hours", "小时"),
    "result": ("result", "结果"), "raised": ("alarms", "报警数"),
    "not_acked": ("never acknowledged", "未确认"), "ack_median": ("acknowledged: median", "确认：中位"),
    "ack_p90": ("p90", "P90"), "ack_worst": ("worst", "最长"), "not_accepted": ("never accepted", "未接警"),
    "accept_median": ("accepted: median", "接警：中位"), "accept_p90": ("p90", "P90"),
    "accept_worst": ("worst", "最长"),
    "hazard": ("hazard", "隐患"), "opened": ("opened", "发现"), "owner": ("owner", "责任人"), "due": ("due", "期限"),
    "state": ("state", "状态"), "closing": ("closed by", "关闭"),
    "open": ("open", "未关闭"), "closed": ("closed", "已关闭"), "overdue": ("OVERDUE", "逾期"),
    "lasts": ("lasts", "持续中"), "in_all": ("{span} h in all", "共 {span} 小时"),
    "not_in_log": ("the log no longer holds it", "日志中已无此版本"),
    "blind": ("nothing was received", "未收到任何数据"), "none": ("none", "无"),
    "judge.in_test": ("in test", "测试中"), "in_calibration": ("in calibration", "校准中"), "sum": ("in all", "合计"),
    "judge.start": ("not yet judged", "尚未判断"),
    "test_begun": ("test began", "测试开始"), "test_ended": ("test ended", "测试结束"),
    "reached": ("test's notice reached", "测试通知送达"), "calibration_begun": ("calibration began", "校准开始"),
    "calibration_ended": ("calibration ended", "校准结束"), "calibrated": ("calibrated", "校准记录"),
    "blasting_begun": ("blasting window opened", "爆破窗口开启"),
    "blasting_ended": ("blasting window closed", "爆破窗口关闭"), "told": ("told", "告知"),
    "per_window": ("alarms per 10 min: {mean} on average (target 1, at most 2), most {most}",
                   "每 10 分钟报警：平均 {mean}（目标 1，最多 2），最多 {most}"),
    "in_flood": ("in flood {share} % of the time (target below 1 %)", "泛滥时间占 {share} %（目标低于 1 %）"),
    "top": ("the ten that called most: {names} ({share} % of all)", "报警最多的十项：{names}（占 {share} %）"),
    "chattering": ("chattering: {names}", "抖动报警：{names}"),
    "stale": ("standing over 24 h: {names}", "持续超过 24 小时：{names}"),
    "refused": ("actions refused: {count}", "被拒绝的操作：{count}"),
    "journal": ("journal: {lines} lines, head {hash}, chain verified",
                "日志：{lines} 行，末端哈希 {hash}，哈希链校验通过"),
    "broken": ("journal: {lines} lines, head {hash}, CHAIN BROKEN: {problem}",
               "日志：{lines} 行，末端哈希 {hash}，哈希链损坏：{problem}"),
    "balances": ("balances: {messages} messages and {readings} readings have a name",
                 "平衡：{messages} 条消息、{readings} 条读数均有去向"),
    "ledger": ("ledger: {text}", "台账：{text}"),
    "not_whole": ("the journal begins at {first}: what was before is in no figure",
                  "日志始于 {first}：此前情况不在统计之内"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Words:
    """Words in one language."""

    language: Lang

    def __call__(self, key: str, **fields: object) -> str:
        """The word for a key; of the page's where this report has none of its own."""
        return (_WORDS.get(key) or LABELS[key])[self.language == "zh"].format(**fields)
