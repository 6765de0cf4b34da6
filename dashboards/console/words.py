"""Reasons put into words: a key and its numbers become a sentence in English or Chinese.

Constraints. A part in [brackets] is left out when a number in it is missing, so old journal lines still read well. An
unknown key is shown as it is, with its numbers: never a blank. Not here: the page's own labels (labels.py).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TypeAlias

from dashboards.console.figures import SECOND, Lang, Local, age, number
from dashboards.console.words_dust import DUST
from dashboards.console.words_gas import GAS
from dashboards.console.words_handling import HANDLING
from dashboards.console.words_hazards import HAZARDS
from dashboards.console.words_health import HEALTH
from dashboards.console.words_network import NETWORK
from dashboards.console.words_seismic import SEISMIC
from dashboards.console.words_signal import SIGNAL
from dashboards.console.words_slope import SLOPE
from detectors.reading import Quality

Numbers: TypeAlias = Mapping[str, float | int | str | None]

WORDS: Mapping[str, tuple[str, str]] = {
    "signal.limit.above": ("at or above the limit[ of {limit}]", "达到或高于限值[ {limit}]"),
    "signal.limit.below": ("at or below the limit[ of {limit}]", "达到或低于限值[ {limit}]"),
    "signal.limit.within": ("within its limit again[ ({limit})]", "已回到限值[ {limit}]以内"),
    "signal.limit.no_value": ("no usable value", "无可用数值"),
    "signal.state.entered": ("in the state that alarms[: {state}]", "处于报警状态[：{state}]"),
    "signal.state.left": ("no longer in the state that alarms", "已离开报警状态"),
    "signal.state.not_a_state": ("reports something that is none of its states", "上报的值不属于已声明的状态"),
    "health.silent.silent": ("nothing heard[ for {seconds:span}]", "[已 {seconds:span}]无任何数据"),
    "health.silent.gone": ("its gateway or device says that it has gone", "网关或设备已宣告其离线"),
    "health.silent.heard": ("heard again", "已恢复数据"),
    "health.stuck.repeats": (
        "repeats one value longer than it ever should[ (more than {times:count} times)]",
        "重复同一数值过久[（超过 {times:count} 次）]",
    ),
    "health.stuck.moves": ("its value moves again", "数值已恢复变化"),
    "health.stuck.not_judged": (
        "not judged: at rest at zero or an end of its span, or still learning",
        "未判断：停在零点或量程端点，或仍在学习",
    ),
    "dust.explosion.above": (
        "dust at or above the permitted part of its explosible concentration[ ({limit})]",
        "粉尘达到或高于爆炸下限的允许比例[（{limit}）]",
    ),
    "dust.explosion.below": ("dust below the permitted part again[ ({limit})]", "粉尘已低于允许比例[（{limit}）]"),
    "dust.explosion.no_value": ("no usable value", "无可用数值"),
    "slope.velocity.above": (
        "moving at or above {limit}[; noise floor {floor:reading}]",
        "位移速度达到或超过 {limit}[；噪声下限 {floor:reading}]",
    ),
    "slope.velocity.below": ("moving slower than the limit[ of {limit}]", "位移速度低于限值[ {limit}]"),
    "slope.velocity.between": ("between the reset and the limit[ of {limit}]", "介于复位值与限值[ {limit}]之间"),
    "slope.velocity.below_floor": (
        "not judged: noise hides a velocity of the limit[; floor {floor:reading}]",
        "未判断：噪声掩盖了限值大小的速度[；下限 {floor:reading}]",
    ),
    "slope.velocity.learning": ("not judged: too few readings in the window", "未判断：时间窗内读数太少"),
    "slope.inverse_velocity.within": (
        "accelerating: failure forecast[ from {failure_from:when}][ to {failure_to:when}]",
        "加速变形：预测破坏时间[ {failure_from:when} 起][，至 {failure_to:when}]",
    ),
    "slope.inverse_velocity.later": (
        "accelerating, forecast later than the warning time[: from {failure_from:when}]",
        "加速变形，预测破坏时间晚于预警时间[：{failure_from:when} 起]",
    ),
    "slope.inverse_velocity.bound": ("accelerating, no earliest time", "加速变形，无最早时间"),
    "slope.inverse_velocity.no_bound": (
        "accelerating, but the forecast has no latest time yet",
        "加速变形，但预测尚无最晚时间",
    ),
    "slope.inverse_velocity.no_acceleration": ("moving without acceleration", "位移无加速"),
    "slope.inverse_velocity.no_trend": ("no trend towards failure", "无破坏趋势"),
    "slope.inverse_velocity.below_floor": ("not judged: movement hidden in noise", "未判断：位移被噪声掩盖"),
    "slope.inverse_velocity.learning": ("not judged: too few velocities yet", "未判断：速度数据尚少"),
    "seismic.sta_lta.triggered": (
        "ground motion stands out from its background[ {limit:count} times]",
        "震动明显高于背景[（{limit:count} 倍）]",
    ),
    "seismic.sta_lta.quiet": ("ground motion back at its background", "震动已回到背景水平"),
    "seismic.sta_lta.gap": ("samples are missing: the background is being learned anew", "波形缺失：正在重新学习背景"),
    "seismic.sta_lta.no_value": ("no usable samples", "无可用波形"),
    "network.vote.agree": (
        "{votes:count} of {members:count} say so[; {limit:count} needed]",
        "{members:count} 个中有 {votes:count} 个报警[，需要 {limit:count} 个]",
    ),
    "network.vote.degraded": (
        "{votes:count} say so; fewer needed, since {unknown:count} of {members:count} are not known",
        "{votes:count} 个报警；{members:count} 个中有 {unknown:count} 个未知，所需数量已减少",
    ),
    "network.vote.blind": ("none of its members is known any more", "所有成员均已未知"),
    "network.vote.unknown": (
        "cannot be decided: {unknown:count} of {members:count} are not known",
        "无法判定：{members:count} 个中有 {unknown:count} 个未知",
    ),
    "network.vote.few": (
        "{votes:count} of {members:count} say so[; {limit:count} needed]",
        "{members:count} 个中有 {votes:count} 个报警[，需要 {limit:count} 个]",
    ),
    "held": ("held for the rule's delay", "按规则的延时保持"),
    "rule.broken": ("the rule raised an error and stopped[: {error}]", "规则出错并已停止[：{error}]"),
    "rule.restarted": ("the rule learns anew", "规则正在重新学习"),
    "desk.joined": (
        "{count:count} more joined it in 10 min, the worst {worst}",
        "10 分钟内另有 {count:count} 项报警并入，最高级别 {worst}",
    ),
    "judge.start": ("not yet judged", "尚未判断"),
    "judge.silent": ("its sensor is silent", "其传感器无数据"),
    "judge.heard": ("its sensor is heard again", "其传感器已恢复数据"),
    "judge.blind": ("nothing was received for a time", "曾有一段时间未收到任何数据"),
    "judge.answered": ("the weekly question was answered", "每周问询已应答"),
    "judge.canary": ("the canary {id} came by", "自检读数 {id} 已通过"),
    "judge.revised": ("a new revision of the site file[: {revision}]", "站点文件新版本[：{revision}]"),
    "judge.refused.unknown_alarm": ("there is no such rule on this sensor", "该传感器没有此规则"),
    "judge.refused.other_occurrence": (
        "this alarm came again since you saw it; look at the new one",
        "您查看之后该报警再次发生；请查看新的报警",
    ),
    "judge.refused.nobody": ("a name is needed", "需要填写姓名"),
    "judge.refused.nothing_to_acknowledge": ("nothing left to acknowledge", "没有需要确认的内容"),
    "judge.refused.no_note": ("a note is needed", "需要填写说明"),
    "judge.refused.never_shelved": ("an alarm of this priority is never shelved", "此优先级的报警不允许搁置"),
    "judge.refused.not_shelved": ("it is not shelved", "该报警未被搁置"),
    "judge.refused.in_service_already": ("it is in service already", "已在使用中"),
    "judge.refused.nothing_to_reset": ("nothing waits for a reset", "没有需要复位的内容"),
    "judge.refused.no_end": ("an end in the future is needed", "需要填写将来的结束时间"),
    "judge.refused.too_long": ("longer than is allowed", "超过允许的时长"),
    "judge.refused.revision": (
        "the site file has mistakes; the revision before stays[: {mistakes}]",
        "站点文件有错误，沿用上一版本[：{mistakes}]",
    ),
    "payload.wrong_unit": (
        "a payload's unit disagrees with the site file[: {detail}]",
        "报文单位与站点文件不符[：{detail}]",
    ),
    "own.channel-failing": ("people cannot be reached this way[: {detail}]", "此通道无法通知人员[：{detail}]"),
    "own.source-failing": ("no readings can come from it[: {detail}]", "无法从该来源接收数据[：{detail}]"),
    "own.ledger-unbalanced": ("the ledger does not balance[: {detail}]", "台账不平[：{detail}]"),
    "own.judge-differs": (
        "folding the log again gave another journal; the one on disk is kept[: {detail}]",
        "重放日志得到的记录与磁盘上的不同，以磁盘为准[：{detail}]",
    ),
    "own.work-failing": ("this work dies each time it is begun[: {detail}]", "此任务反复异常终止[：{detail}]"),
    "own.ended": ("works again", "已恢复"),
    "own.gone": ("the site file no longer has it", "站点文件中已不存在"),
    "own.reset": ("reset by a person", "已人工复位"),
    "payload.readable": ("its payloads can be read again", "报文已恢复可读"),
    "judge.refused.unknown_action": ("there is no such action", "没有此操作"),
    **DUST,
    **GAS,
    **HANDLING,
    **HAZARDS,
    **HEALTH,
    **NETWORK,
    **SEISMIC,
    **SIGNAL,
    **SLOPE,
}
"""Key -> (English, Chinese). A new detector adds its keys here; a test reads them from its file."""

_BRACKET = re.compile(r"\[([^\[\]]*)\]")
_FIELD = re.compile(r"\{(\w+)(?::(\w+|%))?\}")


MARKS: Mapping[Quality, tuple[str, str]] = {
    Quality.OUT_OF_SPAN: ("a reading outside its span", "读数超出量程"),
    Quality.LATE: ("a late reading", "迟到的读数"),
    Quality.CONFLICT: ("one of two values for its time", "同一时刻的两个值之一"),
    Quality.SKEWED: ("a reading whose time cannot be right", "时间不可信的读数"),
    Quality.RETAINED: ("a reading retained by the broker", "代理保留的读数"),
}


def say(key: str, numbers: Numbers, lang: Lang, local: Local | None = None) -> str:
    """The reason in words; the key and its numbers, plainly, where there are none. `unit` follows `{limit}`.

    `local` is the clock of times in s since 1970 (UTC without it).

    >>> say("signal.limit.above", {"limit": 1.0, "unit": "%vol"}, "en")
    'at or above the limit of 1 %vol'
    """
    words = WORDS.get(key)
    if words is None:
        return _plainly(key, numbers)
    clock = local or Local("UTC")
    parts = [_filled(part, numbers, lang, clock) for part in _BRACKET.split(words[lang == "zh"])]
    if None in parts[::2]:
        return _plainly(key, numbers)
    return "".join(part or "" for part in parts) + _marks(numbers, lang)


def because(
    why: Mapping[str, float | int | str | None] | None, limit: float | None, unit: str, lang: Lang, local: Local
) -> str:  # fmt: skip
    """The reason of a journal's line or of a pair in words, nothing for none; what it says itself wins over `limit`."""
    if not why:
        return ""
    numbers = {"limit": limit, "unit": unit, **why}
    return say(str(numbers.pop("key", "")), numbers, lang, local)


def _marks(numbers: Numbers, lang: Lang) -> str:
    """What was wrong with the reading that raised, in parentheses."""
    flags = numbers.get("quality")
    if not isinstance(flags, (int, float)) or not flags:
        return ""
    named = [words[lang == "zh"] for flag, words in MARKS.items() if int(flags) & flag]
    return f"（{'，'.join(named)}）" if lang == "zh" else f" ({', '.join(named)})"


def _filled(text: str, numbers: Numbers, lang: Lang, local: Local) -> str | None:
    if any(numbers.get(name) is None for name, _ in _FIELD.findall(text)):
        return None
    return _FIELD.sub(lambda m: _figure(m[1], m[2], numbers, lang, local), text)


def _figure(name: str, form: str | None, numbers: Numbers, lang: Lang, local: Local) -> str:
    value = numbers[name]
    if value is None or isinstance(value, str):
        return value or ""
    if not math.isfinite(value):
        return number(None)
    match form:
        case "span":
            return age(round(value * SECOND), lang)
        case "when":
            return f"{local.at(round(value * SECOND)):%m-%d %H:%M} {local.offset(round(value * SECOND))}"
        case "%":
            return f"{100 * value:.0f} %"
        case "count":
            return number(value)
    unit = numbers.get("unit") if form == "reading" or name == "limit" else ""
    return f"{number(value)} {unit}" if unit and unit != "1" else number(value)


def _plainly(key: str, numbers: Numbers) -> str:
    shown = [f"{k} {v if isinstance(v, str) else number(v)}" for k, v in numbers.items() if v not in (None, "")]
    return f"{key} ({', '.join(shown)})" if shown else key
