"""The page's own words, in English and Chinese. Reasons of alarms are in words.py."""

from __future__ import annotations

from collections.abc import Mapping

from dashboards.console.figures import Lang

LABELS: Mapping[str, tuple[str, str]] = {
    "watching": ("watching", "正在监视"),
    "of": ("of", "/"),
    "shelved": ("shelved", "已搁置"),
    "suppressed": ("suppressed", "已抑制"),
    "out_of_service": ("out of service", "停用"),
    "unwatched": ("not watching", "未监视"),
    "without_rule": ("without a rule", "无规则传感器"),
    "no_rule": ("no rule", "无规则"),
    "simulation": ("SIMULATION", "仿真数据"),
    "live": ("live", "实时"),
    "not_live": ("NOT LIVE SINCE", "数据中断，自"),
    "no_word": ("no word from the server", "服务器无响应"),
    "behind": ("judging is {age} behind", "判断滞后 {age}"),
    "catching_up": ("catching up, {age}", "正在追赶，{age}"),
    "unreadable": ("the page cannot read", "页面无法读取"),
    "revision": ("revision", "版本"),
    "alarms": ("Alarms", "报警"),
    "unacknowledged": ("unacknowledged", "未确认"),
    "no_alarms": ("No alarm stands.", "当前无报警。"),
    "critical": ("critical", "紧急"),
    "high": ("high", "高"),
    "medium": ("medium", "中"),
    "low": ("low", "低"),
    "log": ("log", "记录"),
    "joined": ("told with {name}", "与 {name} 一并通报"),
    "joined_by": ("{count} more were told with it", "另有 {count} 项一并通报"),
    "fault": ("fault", "故障"),
    "active": ("active", "报警中"),
    "returned": ("returned", "已恢复"),
    "latched": ("returned, a reset is owed", "已恢复，待复位"),
    "removed": ("rule removed, a reset is owed", "规则已删除，待复位"),
    "limit": ("limit", "限值"),
    "since": ("since", "自"),
    "respond_by": ("respond by", "须在此前处置"),
    "if_nobody_acts": ("if nobody acts", "若无人处置"),
    "accepted_by": ("accepted by", "处置人"),
    "note": ("Note", "说明"),
    "until": ("until", "至"),
    "old": ("{age} old", "{age}前"),
    "never": ("never heard", "从未收到"),
    "hidden": ("Shelved, suppressed, out of service", "搁置、抑制与停用"),
    "none": ("none", "无"),
    "more": ("and {count} more", "另有 {count} 项"),
    "areas": ("Areas and sensors", "区域与传感器"),
    "whole_site": ("whole site", "全站"),
    "ledger": ("Ledger", "台账"),
    "ledger_note": ("every message and reading, by what became of it", "每条消息与读数的去向"),
    "rules": ("Rules", "规则"),
    "hour": ("last hour", "最近一小时"),
    "day": ("last day", "最近一天"),
    "week": ("last week", "最近一周"),
    "no_readings": ("No readings in this time.", "此时段无读数。"),
    "unknown_sensor": ("There is no sensor of this name.", "没有此名称的传感器。"),
    "not_found": ("There is no such page.", "没有此页面。"),
    "back": ("all alarms", "全部报警"),
    "acknowledge": ("Acknowledge", "确认"),
    "accept": ("Accept", "处置"),
    "comment": ("Comment", "备注"),
    "shelve": ("Shelve", "搁置"),
    "unshelve": ("Unshelve", "取消搁置"),
    "take_out": ("Out of service", "停用"),
    "in_service": ("Back in service", "恢复使用"),
    "reset": ("Reset", "复位"),
    "assign": ("Assign", "指派"),
    "did": ("Note what was done", "记录措施"),
    "close": ("Close", "闭环"),
    "acknowledge_means": ("I have seen it.", "我已看到。"),
    "occurrence_over": ("over, or come again since", "已结束，或已再次发生"),
    "accept_means": ("I am acting on it, and have seen it.", "我正在处置，并已看到。"),
    "comment_means": ("A note for those who come after.", "留给后来者的说明。"),
    "shelve_means": ("Not shown for a time, and counted while it is hidden.", "暂时不显示，期间计入搁置数。"),
    "unshelve_means": ("Show it again.", "重新显示。"),
    "out_of_service_means": ("Not watched until then. Something else must watch.", "期间不监视，须有替代措施。"),
    "in_service_means": ("Watch it again.", "恢复监视。"),
    "reset_means": ("The cause was found and is gone.", "原因已查明并消除。"),
    "assign_means": ("Who sees to it from now on, and until when.", "由谁负责，期限为何时。"),
    "did_means": ("What was done about it, so that others know.", "写明采取的措施，供他人了解。"),
    "close_means": (
        "Nothing is left to be done, and why. None of its alarms may stand.",
        "说明为何已处理完毕；其报警须均已解除。",
    ),
    "hazard": ("hazard", "隐患"),
    "hazard_closed": ("closed, or no longer kept", "已闭环，或已不再跟踪"),
    "hazards": ("open hazards", "项隐患未闭环"),
    "hazards_open": ("Open hazards", "未闭环隐患"),
    "hazards_note": ("what critical and high alarms left to be done", "紧急与高级报警留待处理的事项"),
    "overdue": ("overdue", "逾期"),
    "due": ("due", "期限"),
    "due_in": ("in {age}", "还有 {age}"),
    "overdue_by": ("{age} ago", "已过 {age}"),
    "due_by": ("New due time", "新期限"),
    "due_stays": ("as it is: {due}", "不变：{due}"),
    "owner": ("Who has it", "责任人"),
    "nobody_has_it": ("nobody has it", "无责任人"),
    "alarm_one": ("1 alarm", "1 次报警"),
    "alarms_count": ("{count} alarms", "{count} 次报警"),
    "last_done": ("last done", "最近措施"),
    "name": ("Name", "姓名"),
    "how_long": ("For", "时长"),
    "measure": ("What watches instead", "替代措施"),
    "cancel": ("Cancel", "取消"),
    "taken": ("Taken", "已受理"),
    "refused": ("Refused", "已拒绝"),
    "unanswered": ("Not answered yet; look at the alarm", "尚未答复；请查看该报警"),
    "not_allowed": ("Looking only: this login may not act.", "仅可查看：此账号无权操作。"),
    "no_login": ("Log in first.", "请先登录。"),
    "log_in": ("Log in", "登录"),
    "log_out": ("Log out", "退出登录"),
    "login_name": ("Login", "账号"),
    "password": ("Password", "密码"),
    "login_means": (
        "Who acts is journaled. Forgotten: an engineer gives a new password with `davylamp user passwd`.",
        "所有操作均记录操作人。忘记密码时，由工程师用 `davylamp user passwd` 重设。",
    ),
    "wrong_password": ("Name or password is wrong.", "账号或密码错误。"),
    "busy": ("Too many try at once from there; again in some seconds.", "尝试次数过多，请稍后再试。"),
    "too_often": ("Asked too often; again in some seconds.", "请求过于频繁，请稍后再试。"),
    "old_form": ("This form is too old; open it again.", "表单已过期，请重新打开。"),
    "account": ("Account", "账号"),
    "another_password": ("Change the password", "修改密码"),
    "new_password": ("New password", "新密码"),
    "password_means": (
        "12 characters or more, of any kind; four words that nobody says together. Your other sessions end.",
        "至少 12 个字符，种类不限，建议用几个不相关的词。您的其他登录将失效。",
    ),
    "password_changed": ("The password is changed; your other sessions have ended.", "密码已修改，其他登录已失效。"),
    "weak_password": (
        "Not taken: too short, or one of the first that everyone tries.",
        "未接受：太短，或属于最常被猜到的密码。",
    ),
    "users_not_written": (
        "Not changed: the file of users cannot be written here; use `davylamp user passwd`.",
        "未修改：此处无法写入用户文件，请使用 `davylamp user passwd`。",
    ),
    "make_console": ("Make this browser a console", "将此浏览器登记为控制台"),
    "make_console_means": (
        "It stays logged in for looking. Whoever acts there gives name and password each time. Your session ends.",
        "保持登录，仅供查看。每次操作都须输入账号和密码。您的登录将结束。",
    ),
    "console_name": ("Name of the console", "控制台名称"),
    "console_means": (
        "Looking only. Whoever acts gives name and password.",
        "仅供查看。操作时须输入账号和密码。",
    ),
    "consoles": ("Consoles", "已登记的控制台"),
    "withdraw": ("Withdraw", "注销"),
    "last_asked": ("last seen", "最近使用"),
    "accept_for": ("Who is acting, if not you", "处置人（若非本人）"),
    "access_console": ("console", "控制台"),
    "access_viewer": ("viewer", "查看者"),
    "access_operator": ("operator", "操作员"),
    "access_engineer": ("engineer", "工程师"),
    "elsewhere": ("Asked from another site's page, so not done.", "请求来自其他网站，未执行。"),
    "malformed": ("The request is not one this page makes.", "请求不是由本页发出的。"),
    "in_words": ("中文", "English"),
    "no_script": ("Without JavaScript the page loads anew every 5 s.", "未启用 JavaScript，页面每 5 秒重新加载。"),
}
"""Key -> (English, Chinese)."""

QUANTITIES: Mapping[str, str] = {
    "methane": "甲烷", "co": "一氧化碳", "co2": "二氧化碳", "o2": "氧气", "h2s": "硫化氢", "no2": "二氧化氮",
    "so2": "二氧化硫", "nh3": "氨", "hydrogen": "氢气", "dust": "粉尘", "displacement": "位移", "rain": "降雨",
    "velocity": "速度", "state": "状态", "temperature": "温度",
    "humidity": "湿度", "wind": "风速", "twa": "时间加权平均",
    "ground_velocity": "震动速度", "ratio": "比值",
}  # fmt: skip
QUALITIES: tuple[tuple[str, str], ...] = (
    ("no value", "无数值"),
    ("out of span", "超量程"),
    ("late", "迟到"),
    ("conflicting", "冲突"),
    ("clock wrong", "时钟错误"),
    ("in calibration", "标定中"),
    ("retained by the broker", "代理保留值"),
    ("simulated", "仿真"),
)
"""Words for the bits of detectors.reading.Quality, lowest first."""


def label(key: str, lang: Lang, **fields: str) -> str:
    """The page's word for a key."""
    return LABELS[key][lang == "zh"].format(**fields)


def quantity_word(quantity: str, lang: Lang) -> str:
    """The quantity in the reader's language where there is a word, else its name."""
    return QUANTITIES.get(quantity, quantity) if lang == "zh" else quantity.replace("_", " ")


def quality_words(quality: int, lang: Lang) -> str:
    """What is wrong with a reading; nothing if it is good. That it is simulated the whole page says."""
    worded = [words[lang == "zh"] for bit, words in enumerate(QUALITIES[:-1]) if quality >> bit & 1]
    return ("、" if lang == "zh" else ", ").join(worded)
