"""What is said of tests, calibrations and blasting windows, and why one is refused. Not here: how it is filled in."""

from __future__ import annotations

from collections.abc import Mapping

HANDLING: Mapping[str, tuple[str, str]] = {
    "judge.test.begun": ("test of the sensor, {seconds:span} at most", "传感器测试开始，最长 {seconds:span}"),
    "judge.test.passed": (
        "test passed: {alarms} raised after {raised_after:span}, told by {channels} after {reached_after:span}",
        "测试通过：{alarms} 在 {raised_after:span} 后报警，{channels} 在 {reached_after:span} 后送达",
    ),
    "judge.test.unreached": (
        "test failed: {alarms} raised after {raised_after:span}, but no notice reached anybody",
        "测试未通过：{alarms} 在 {raised_after:span} 后报警，但通知未送达任何人",
    ),
    "judge.test.nothing": (
        "test failed: nothing was raised in {seconds:span}",
        "测试未通过：{seconds:span} 内没有任何报警",
    ),
    "judge.test.over": ("the test is over", "测试已结束"),
    "judge.test.reached": (
        "the notice of {alarm} was taken by {channel}[, {seconds:span} after the alarm]",
        "{alarm} 的通知已由 {channel} 接收[，报警后 {seconds:span}]",
    ),
    "judge.in_test": ("its sensor is in test", "其传感器正在测试"),
    "judge.calibration.begun": ("in calibration, {seconds:span} at most", "校准开始，最长 {seconds:span}"),
    "judge.calibration.ended": ("calibration over after {seconds:span}", "校准结束，用时 {seconds:span}"),
    "judge.calibrated": (
        "calibrated with {gas} {applied}[ {in_unit}]: [found {found}, ]left {left}[, certificate {certificate}]"
        "[ until {expires}][, next due {due}]",
        "已用 {gas} {applied}[ {in_unit}] 校准：[校准前 {found}，]校准后 {left}[，证书 {certificate}]"
        "[，有效期至 {expires}][，下次校准 {due}]",
    ),
    "judge.blasting.begun": ("blasting window open, {seconds:span} at most", "爆破窗口开启，最长 {seconds:span}"),
    "judge.blasting.ended": ("blasting window closed after {seconds:span}", "爆破窗口关闭，历时 {seconds:span}"),
    "judge.told": ("done: {what}", "已执行：{what}"),
    "judge.refused.unknown_sensor": ("there is no such sensor", "没有此传感器"),
    "judge.refused.in_alarm": ("not while it is in alarm[: {alarm}]", "报警期间不允许[：{alarm}]"),
    "judge.refused.handled": ("it is in test or calibration already", "已在测试或校准中"),
    "judge.refused.not_handled": ("it is not in that test, calibration or window", "当前没有此测试、校准或窗口"),
    "judge.refused.follows_another": (
        "its `follows` in the site file says something else",
        "站点文件中该传感器的 follows 与此不符",
    ),
    "judge.refused.no_record": (
        "a record needs gas, applied and left, as text and numbers",
        "记录须包含气体、标准浓度和校准后读数",
    ),
}
"""Key -> (English, Chinese)."""
