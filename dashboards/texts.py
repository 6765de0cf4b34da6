"""The dashboards' own words, English and Chinese; chosen when dashboards are exported."""

from __future__ import annotations

from collections.abc import Mapping

from dashboards.console.figures import Lang

TEXTS: Mapping[str, tuple[str, str]] = {
    "overview": ("Overview", "总览"),
    "gas": ("Gas", "气体"),
    "dust": ("Dust", "粉尘"),
    "slope": ("Slope", "边坡"),
    "seismic": ("Seismic", "微震与爆破振动"),
    "sensor": ("One sensor", "单个传感器"),
    "quality": ("Data quality", "数据质量"),
    "alarms": ("Alarms", "报警"),
    "attention": ("Alarm system", "报警系统指标"),
    "pipeline": ("Pipeline", "数据链路"),
    "site": ("Site", "矿区"),
    "area": ("Area", "区域"),
    "sensor_variable": ("Sensor", "传感器"),
    "page": ("Operator's page", "操作员页面"),
    "unknown": ("UNKNOWN", "未知"),
    "silent": ("SILENT", "无数据"),
    "normal": ("normal", "正常"),
    "low": ("LOW", "低"),
    "medium": ("MEDIUM", "中"),
    "high": ("HIGH", "高"),
    "critical": ("CRITICAL", "紧急"),
    "live": ("live", "实时"),
    "not_live": ("NOT LIVE", "非实时"),
    "in_time": ("in time", "按时"),
    "late": ("late", "迟到"),
    "nothing": ("nothing", "无"),
    "good": ("good", "正常"),
    "flagged": ("flagged", "有标记"),
    "hidden": ("hidden", "已屏蔽"),
    "about": (
        "**${site}**: grey is normal, **UNKNOWN** is no word for 30 s. Acknowledge and accept on the "
        "[operator's page]({page}). Not a safety instrumented system: local alarms and interlocks remain.",
        "**${site}**：灰色为正常，**未知** 表示 30 秒无数据。请在[操作员页面]({page})确认和处置。"
        "本系统不是安全仪表系统，就地报警与联锁仍然有效。",
    ),
    "worst": ("Worst level per area", "各区域最高级别"),
    "worst_means": (
        "Highest standing priority among the rules of the area. UNKNOWN: nothing was heard for 30 s.",
        "该区域所有规则中最高的报警级别。未知：30 秒无数据。",
    ),
    "watching": ("Watching", "监视中"),
    "of": ("of", "共"),
    "judging": ("Judging", "判断"),
    "present": ("Present alarms", "当前报警"),
    "grafana_alerts": ("Grafana's alerts", "Grafana 告警"),
    "levels": ("Level per area", "各区域级别"),
    "stood": ("Alarms that stood", "曾持续的报警"),
    "plan": ("Plan", "平面图"),
    "plan_means": (
        "Areas where their sensors stand (east to the right, north up); those without a position below.",
        "按传感器坐标绘制（右为东，上为北）；无坐标的区域列在下方。",
    ),
    "journal": ("Journal, newest first", "日志（最新在前）"),
    "priority": ("priority", "级别"),
    "since": ("since", "自"),
    "occurrence": ("occurrence", "次数"),
    "rule": ("rule", "规则"),
    "of_limit": ("Per cent of the limit", "占限值百分比"),
    "line_means": ("Highest value in each interval; a gap is a gap.", "每个间隔的最大值；缺口即缺数据。"),
    "limits_are": ("Lines: {limits}.", "限值线：{limits}。"),
    "last_reading": ("Last reading", "最近读数"),
    "heard": ("heard", "数据"),
    "quality_of": ("Quality of {quantity}, worst in 10 min", "{quantity}数据质量（10 分钟内最差）"),
    "ledger": ("Readings in, dead letters, judged", "接收、死信与已判断"),
    "gates": ("Gated readings", "被标记的读数"),
    "lag": ("How far judging is behind", "判断延迟"),
    "rate": ("Readings a second", "每秒读数"),
    "raised_per_10": ("Alarms raised per 10 min", "每 10 分钟报警数"),
    "raised_means": ("ISA-18.2: about 1 per 10 min and desk is manageable, more than 10 is a flood.",
                     "ISA-18.2：每席位每 10 分钟约 1 条可应付，超过 10 条为泛滥。"),
    "top": ("Those that called most often", "报警最多者"),
    "desk_notices": ("Notices per 10 min and desk", "各值班台每 10 分钟通报数"),
    "desk_standing": ("Standing alarms by desk", "各值班台当前报警数"),
    "raised_count": ("raised", "次数"),
    "standing_now": ("Standing now", "当前持续"),
    "failure": ("Forecast failure, from and to", "预测失稳时间（最早与最晚）"),
    "failure_means": ("Absent: no bound. A distant forecast lowers nothing.", "无值：无界。预测较远不降低任何级别。"),
    "earliest": ("earliest", "最早"),
    "latest": ("latest", "最晚"),
    "forecast_means": (
        "One over the velocity; failure is where it would reach zero. The band lies between the earliest and the "
        "latest forecast; no band: no forecast, or no bound.",
        "速度的倒数；预测失稳处为零。色带介于最早与最晚预测之间；无色带：无预测或无界。",
    ),
    "no_forecast": ("no forecast", "无预测"),
    "prisms": ("Prisms on the plan", "测点平面图"),
    "events": ("Events", "事件数"),
    "alert_title": ("Davylamp alarm: {priority}", "Davylamp 报警：{priority}"),
    "dead_title": ("Davylamp is dead", "Davylamp 已停止"),
    "dead_means": (
        "No word from {site} for 60 s, or the database does not answer: nothing is judged or nobody would see it. "
        "Go by local alarms, start Davylamp, look at its log.",
        "{site} 60 秒无数据，或数据库无响应：可能已停止判断。请以就地报警为准，重启 Davylamp 并查看日志。",
    ),
    "behind_title": ("Davylamp is behind", "Davylamp 滞后"),
    "behind_means": ("Judging of {site} is more than 60 s behind.", "{site} 的判断滞后超过 60 秒。"),
    "dead_man_title": ("Davylamp lives", "Davylamp 运行中"),
    "dead_man_means": (
        "Comes again each minute while Davylamp of {site}, InfluxDB and Grafana live. No alarm: its absence is one.",
        "{site} 的 Davylamp、InfluxDB 与 Grafana 正常时每分钟发送。此消息不是报警，收不到才是。",
    ),
    "value": ("value", "数值"),
    "limit": ("limit", "限值"),
    "clause": ("source", "依据"),
    "consequence": ("if nobody acts", "若无人处置"),
    "to_do": ("what to do", "处置措施"),
    "state_reason": ("Grafana's reason, not the site's", "Grafana 给出的原因，并非现场状态"),
    "simulation": ("SIMULATION ", "仿真数据 "),
    "firing": ("ALARM", "报警"),
    "resolved": ("returned", "恢复"),
    "silence": ("silence in Grafana", "在 Grafana 中静默"),
    "alarm_folder": ("Davylamp {site} alarms", "Davylamp {site} 报警规则"),
    "folder": ("Davylamp {site}", "Davylamp {site}"),
}  # fmt: skip


class Words:
    """The words of one language."""

    def __init__(self, lang: Lang) -> None:
        self.lang = lang

    def __call__(self, key: str, **fields: str) -> str:
        text = TEXTS[key][self.lang == "zh"]
        for name, value in fields.items():
            text = text.replace(f"{{{name}}}", value)
        return text
