"""The tables person, channel, roster and oncall of a site file, read by the real loader."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from collector.calling import Command, Gateway, Hook
from collector.config import ConfigMistakes, load
from collector.escalation import MINUTE
from collector.incoming import ReplyFields, ReportFields
from collector.oncall import OnCall
from collector.settings import secrets

SITE = """
[site]
id = "pit"
timezone = "Asia/Shanghai"
[sensor]
p1 = { area = "north", quantity = "displacement", unit = "mm" }
g1 = { area = "mill", quantity = "methane", unit = "%vol" }
[channel.sms]
apprise_env = "TEST_SMS"
[channel.chat]
webhook_file = "chat.url"
[channel.horn]
command = ["/bin/true", "{headline}"]
[person.li]
name = "Li Wei"
reach = { sms = "+8613900000000", chat = "li" }
[person.wang]
reach = { sms = "+8613900000001" }
[roster.duty]
layer = [
  { people = ["li", "wang"], start = "2026-11-02T08:00", turn = "7d" },
]
[oncall]
critical = "90s"
group = "0s"
sirens = ["horn"]
language = "zh"
link = "https://lamp.pit/"
"""


def loaded(tmp_path: Path, text: str = SITE) -> OnCall:
    (tmp_path / "site.toml").write_text(text, "utf-8")
    found = load(tmp_path / "site.toml").settings.oncall
    assert found is not None
    return found


def mistakes(tmp_path: Path, *changes: tuple[str, str]) -> Sequence[str]:
    text = SITE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "site.toml").write_text(text, "utf-8")
    with pytest.raises(ConfigMistakes) as found:
        load(tmp_path / "site.toml")
    return [f"{one.line}: {one.text}" for one in found.value.mistakes]


def test_everything_is_read_as_it_is_written(tmp_path: Path) -> None:
    oncall = loaded(tmp_path)
    assert [type(way) for way in oncall.ways.values()] == [Gateway, Hook, Command]
    assert oncall.people["li"].reach == (("sms", "+8613900000000"), ("chat", "li"))
    assert oncall.people["wang"].name == "wang"
    assert oncall.policy.after == {"critical": 90 * 10**9, "high": 15 * MINUTE}
    assert oncall.policy.group == 0
    assert oncall.policy.sirens == ("horn",)
    assert (oncall.language, oncall.link) == ("zh", "https://lamp.pit")
    at = datetime(2026, 11, 9, 9, tzinfo=ZoneInfo("Asia/Shanghai"))
    assert oncall.on_duty("north", at) == ["wang"]


def test_without_a_roster_nobody_is_called(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(SITE.split("[person.li]")[0], "utf-8")
    assert load(tmp_path / "site.toml").settings.oncall is None


def test_gaps_are_found_area_by_area(tmp_path: Path) -> None:
    oncall = loaded(tmp_path, SITE.replace("[roster.duty]", '[roster.duty]\nareas = ["north"]'))
    zone = ZoneInfo("Asia/Shanghai")
    gaps = list(oncall.gaps(["north", "mill"], datetime(2026, 11, 1, tzinfo=zone), datetime(2026, 11, 8, tzinfo=zone)))
    said = [(area, gap.start.astimezone(zone).day, gap.end.astimezone(zone).day) for area, gap in gaps]
    assert said == [("north", 1, 2), ("mill", 1, 8)]


def test_a_channels_secret_is_found_absent_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(SITE, "utf-8")
    found = load(tmp_path / "site.toml")
    assert {place for place in secrets(found.settings)} == {("channel", "sms"), ("channel", "chat")}
    assert [placed.line for placed in found.absent] == [8, 10]
    assert "TEST_SMS" not in repr(found.settings)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('command = ["/bin/true", "{headline}"]', "", "12: channel.horn: found no way"),
        ('sirens = ["horn"]', 'sirens = ["hron"]', "26: oncall.sirens: found unknown channel 'hron'"),
        ('critical = "90s"', 'critical = "1s"', "24: oncall.critical: found \"1s\", allowed: 10s or more"),
        ('link = "https://lamp.pit/"', 'link = "lamp"', "28: oncall.link"),
        ("chat = \"li\"", "chta = \"li\"", "16: person.li.reach.chta: found unknown channel 'chta'"),
        ('people = ["li", "wang"]', 'people = ["li", "wagn"]', "unknown person 'wagn', allowed: li, wang"),
        ("[roster.duty]", '[roster.duty]\nareas = ["nroth"]', "unknown area 'nroth', allowed: north, mill"),
        ("critical = ", "crtical = ", "unknown key 'crtical'"),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    found = mistakes(tmp_path, (old, new))
    assert any(said in text for text in found), found


def test_the_sample_in_the_docs_is_read_without_a_mistake(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "oncall.md").read_text("utf-8")
    sample = text.split("```toml\n")[1].split("```")[0]
    oncall = loaded(tmp_path, SITE.split("[channel.sms]")[0] + sample)
    assert list(oncall.people) == ["li", "wang"]
    at = datetime(2026, 11, 14, 9, tzinfo=ZoneInfo("Asia/Shanghai"))
    assert oncall.on_duty("north", at) == ["li"]


GROUP = """
[sensor.p2]
area = "south"
quantity = "displacement"
unit = "mm"
[rule.both]
group = "wall"
detector = { kind = "network.vote", of = "@moves/*", k = 2, within = "1h" }
priority = "high"
guidance = "Go"
[rule.moves]
sensors = ["p1", "p2"]
detector = { kind = "signal.limit", limit = "9 mm" }
priority = "low"
guidance = "Look"
"""


def test_a_group_over_several_areas_has_one_that_a_roster_can_answer_for(tmp_path: Path) -> None:
    text = SITE.replace("[channel.sms]", GROUP + "[channel.sms]")
    oncall = loaded(tmp_path, text.replace("[roster.duty]", '[roster.duty]\nareas = ["wall", "system"]'))
    assert oncall.rosters[0].answers_for("wall")
    assert oncall.on_duty("", datetime(2026, 11, 9, 9, tzinfo=ZoneInfo("Asia/Shanghai"))) == ["wang"]


REPLIES = """webhook_file = "chat.url"
token_file = "chat.token"
reply = { from = "From", text = "Body", id = "MessageSid" }
delivered = { id = "MessageSid", status = "State", no = ["failed"] }
answer_id = "sid"
"""


def test_what_a_gateway_posts_is_read_as_it_is_written(tmp_path: Path) -> None:
    text = SITE.replace('webhook_file = "chat.url"\n', REPLIES)
    text = text.replace('chat = "li" }', 'chat = "li" }\nknown_as = { chat = "ou_1" }')
    oncall = loaded(tmp_path, text)
    incoming = oncall.incoming["chat"]
    assert incoming.reply == ReplyFields("From", "Body", "MessageSid")
    assert incoming.report == ReportFields("MessageSid", "State", ("delivered",), ("failed",))
    assert oncall.people["li"].known_as == (("chat", "ou_1"),)
    assert set(oncall.incoming) == {"chat"}
    found = load(tmp_path / "site.toml")
    assert ("channel", "chat", "token") in secrets(found.settings)
    assert "chat.token" in str(found.absent[-1]), "a token that is not there is said before the night"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('token_file = "chat.token"\n', "", "channel.chat.token_file: found nothing, allowed: a token"),
        ('reply = { from = "From", text', "reply = { text", "channel.chat.reply.from: found nothing"),
        ('no = ["failed"]', 'no = ["delivered"]', 'channel.chat.delivered.no: found "delivered"'),
        ('status = "State"', 'state = "State"', "unknown key 'state'"),
        ("reply = {", "replies = {", "unknown key 'replies'"),
    ],
)
def test_a_mistake_in_what_a_gateway_posts_is_said(tmp_path: Path, old: str, new: str, said: str) -> None:
    found = mistakes(tmp_path, ('webhook_file = "chat.url"\n', REPLIES), (old, new))
    assert any(said in text for text in found), found


def test_a_token_for_nothing_is_a_mistake(tmp_path: Path) -> None:
    found = mistakes(tmp_path, ('webhook_file = "chat.url"\n', 'webhook_file = "chat.url"\ntoken_env = "T"\n'))
    assert any("a token for nothing" in text for text in found), found


def test_where_mistakes_hide_the_sites_areas_no_area_is_called_unknown(tmp_path: Path) -> None:
    found = mistakes(tmp_path, ("[roster.duty]", '[roster.duty]\nareas = ["north"]'), ('unit = "mm"', 'unit = "mn"'))
    assert len(found) == 1, found
