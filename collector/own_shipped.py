"""The rules on the system's own sensors as they come. Not here: which a site has, what it changed (own_rules.py)."""

from __future__ import annotations

import tomllib
from typing import Any

RULES = """
[judging-behind]
sensors = ["lag-judge"]
detector = { kind = "signal.limit", limit = "10 s", reset = "5 s" }
on_delay = "10s"
priority = "high"
guidance = "Alarms come late. Look for what slows the machine: processor, disk; docs/operations.md#judging-behind"
guidance_zh = "报警会迟到。查看主机负载：处理器、磁盘；docs/operations.md#judging-behind"
[storing-behind]
sensors = ["lag-store-*"]
detector = { kind = "signal.limit", limit = "5 min", reset = "1 min" }
priority = "medium"
guidance = "History comes late, alarms do not. Is the store running? docs/operations.md#storing-behind"
guidance_zh = "历史数据迟到，报警不受影响。存储是否运行？docs/operations.md#storing-behind"
[announcing-behind]
sensors = ["lag-announce-*", "lag-calls"]
detector = { kind = "signal.limit", limit = "60 s", reset = "10 s" }
priority = "high"
guidance = "A destination hears nothing. Tell people another way; docs/operations.md#announcing-behind"
guidance_zh = "有一个通知目的地收不到消息。请以其他方式告知；docs/operations.md#announcing-behind"
[disk-filling]
sensors = ["disk-free"]
detector = { kind = "signal.limit", limit = "20 %", reset = "22 %", side = "below" }
suppress_when = "@disk-full"
priority = "medium"
guidance = "From here on the oldest raw messages go early. Free the disk; docs/operations.md#disk-filling"
guidance_zh = "此后最早的原始消息将提前清除。请清理磁盘；docs/operations.md#disk-filling"
[disk-full]
sensors = ["disk-free"]
detector = { kind = "signal.limit", limit = "5 %", reset = "7 %", side = "below" }
priority = "high"
guidance = "Free the disk now; docs/operations.md#disk-full"
guidance_zh = "请立即清理磁盘；docs/operations.md#disk-full"
[reserve-spent]
sensors = ["disk-reserve"]
detector = { kind = "signal.state", alarm_on = "given-up" }
priority = "critical"
guidance = "Free the disk at once, prepare to watch the site by other means; docs/operations.md#reserve-spent"
guidance_zh = "立即清理磁盘，并准备以其他手段监视现场；docs/operations.md#reserve-spent"
consequence = "Within hours collecting stops and monitoring is blind"
consequence_zh = "数小时内采集将停止，监测失明"
respond_within = "30min"
[memory-high]
sensors = ["memory-*"]
detector = { kind = "signal.limit", limit = "40 %", reset = "35 %" }
on_delay = "1min"
priority = "medium"
guidance = "One role holds this much of the machine's memory. Restart it and report it; docs/operations.md#memory-high"
guidance_zh = "某一进程占用过多内存。请重启该进程并上报；docs/operations.md#memory-high"
[clock-ahead]
sensors = ["clock-offset"]
detector = { kind = "signal.limit", limit = "2 s", reset = "1 s" }
priority = "medium"
guidance = "The machine's clock is ahead of the log's. Is NTP running? docs/operations.md#clock-ahead"
guidance_zh = "主机时钟快于日志时钟。NTP 是否运行？docs/operations.md#clock-ahead"
[clock-behind]
sensors = ["clock-offset"]
detector = { kind = "signal.limit", limit = "-2 s", reset = "-1 s", side = "below" }
priority = "medium"
guidance = "The machine's clock is behind the log's. Is NTP running? docs/operations.md#clock-ahead"
guidance_zh = "主机时钟慢于日志时钟。NTP 是否运行？docs/operations.md#clock-ahead"
[broker-slow]
sensors = ["broker-round-trip"]
detector = { kind = "signal.limit", limit = "5 s", reset = "2 s" }
priority = "medium"
guidance = "The broker is slow to acknowledge. Look at its load and disk; docs/operations.md#broker-slow"
guidance_zh = "消息代理应答缓慢。查看其负载与磁盘；docs/operations.md#broker-slow"
[queue-filling]
sensors = ["queue"]
detector = { kind = "signal.limit", limit = "10000 count", reset = "5000 count" }
on_delay = "30s"
priority = "medium"
guidance = "More comes in than the disk takes. Look at the disk; docs/operations.md#queue-filling"
guidance_zh = "来数快于磁盘写入。查看磁盘；docs/operations.md#queue-filling"
[canary-lost]
sensors = ["canary-*"]
detector = { kind = "signal.limit", limit = "30 s" }
priority = "high"
guidance = "A reading did not get through in time, so alarms may not either; docs/operations.md#canary-lost"
guidance_zh = "自检读数未按时到达，报警也可能到不了；docs/operations.md#canary-lost"
[certificate-ending]
sensors = ["certificate-*"]
detector = { kind = "signal.limit", limit = "30 d", side = "below" }
suppress_when = "@certificate-ends-now"
priority = "medium"
guidance = "Renew the certificate; after its end nothing comes in. docs/operations.md#certificate-ending"
guidance_zh = "请更新证书；到期后将收不到任何数据。docs/operations.md#certificate-ending"
[certificate-ends-now]
sensors = ["certificate-*"]
detector = { kind = "signal.limit", limit = "7 d", side = "below" }
priority = "high"
guidance = "Renew the certificate now; after its end nothing comes in. docs/operations.md#certificate-ending"
guidance_zh = "立即更新证书；到期后将收不到任何数据。docs/operations.md#certificate-ending"
[question-unanswered]
sensors = ["question"]
detector = { kind = "signal.state", alarm_on = "unanswered" }
priority = "high"
guidance = "Who was asked did not answer: would an alarm have been heard? docs/operations.md#question-unanswered"
guidance_zh = "被问询者未应答：真报警能被接到吗？docs/operations.md#question-unanswered"
[own-silent]
sensors = ["disk-free", "clock-offset", "canary-journal"]
detector = { kind = "health.silent", intervals = 6 }
priority = "medium"
guidance = "The system does not hear itself. Does the role announce run? docs/operations.md#own-silent"
guidance_zh = "系统收不到自身读数。announce 是否运行？docs/operations.md#own-silent"
[role-silent]
sensors = ["memory-*"]
detector = { kind = "health.silent", intervals = 6 }
suppress_when = "@own-silent/davylamp.disk-free"
priority = "high"
guidance = "The role of that name gives no sign of life. systemctl status davylamp; docs/operations.md#role-silent"
guidance_zh = "该进程无心跳。systemctl status davylamp；docs/operations.md#role-silent"
[own-unheard]
sensors = ["lag-*", "messages", "seals", "channels-failing", "disk-reserve", "link", "queue", "broker-round-trip",
           "canary", "canary-*", "certificate-*", "question"]
detector = { kind = "health.silent", intervals = 6 }
priority = "log"
guidance = "That one reading of the system's own does not come; docs/operations.md#own-silent"
guidance_zh = "系统自身的这一读数未到；docs/operations.md#own-silent"
"""
"""TOML, one table a rule; sensors without the prefix, globs among those that the site has. What ends in _zh takes the
place of the words without it where the site's messages are Chinese."""
CHINESE = "_zh"


def shipped(language: str = "en") -> dict[str, dict[str, Any]]:
    """The rules as they come, by name."""
    rules = tomllib.loads(RULES)
    for rule in rules.values():
        translated = {key: rule.pop(key) for key in list(rule) if key.endswith(CHINESE)}
        if language == "zh":
            rule |= {key.removesuffix(CHINESE): words for key, words in translated.items()}
    return rules
