"""Hazards: by hand for each promise, and on generated logs against a second account kept from the journal's lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings

from detectors.detector import Why
from detectors.hazards import LONGEST, Hazard
from detectors.judge import Judge
from detectors.reading import Batch
from detectors.records import CHANNEL, Action, Change, spelled
from detectors.rule import HOUR, Priority
from detectors.site import Site, SiteMistakes, read_site
from tests.detectors.test_model import (
    QUICK,
    RANDOM,
    START,
    Acted,
    Log,
    S,
    again,
    cut_anywhere,
    derived,
    document,
    log_of,
    lowered,
    revised_of,
    st,
    whole,
)

SPANS = {"critical": "20s", "high": "50s"}
SITE = read_site({**document(), "hazards": SPANS})
PROOF = "a" * 64 + "  fan.jpg"


def pit(spans: dict[str, str] | None = None, **changes: Any) -> Site:
    """Two sensors of methane under a ladder of three, the lowest medium; and one rule that latches."""
    methane = {"area": "face", "quantity": "methane", "unit": "%vol", "span": [0, 4]}

    def rung(limit: float, priority: str, place: int) -> dict[str, Any]:
        detector = {"kind": "signal.limit", "limit": f"{limit} %vol"}
        return {"sensors": ["ch4-*"], "detector": detector, "priority": priority, "ladder": "gas", "rung": place,
                "guidance": "Leave", "consequence": "Fire", "respond_within": "2min"}  # fmt: skip

    other = {**rung(3.5, "high", 0), "latch": True}
    del other["ladder"], other["rung"]
    return read_site({
        "site": {"id": "pit", "timezone": "UTC", "simulated": True},
        "sensor": {"ch4-1": methane, "ch4-2": methane},
        "rule": {"warn": rung(0.5, "medium", 0), "cut": rung(1.0, "high", 1), "out": rung(2.0, "critical", 2),
                 "apart": other, **changes},
        **({"hazards": spans} if spans else {}),
    })  # fmt: skip


class Told:
    """A judge fed by hand, in seconds, and what it said."""

    def __init__(self, site: Site | None = None) -> None:
        self.judge = Judge(site or pit(), START)
        self.lines: list[Change] = []

    def read(self, second: int, value: float, sensor: int = 0) -> Told:
        at = START + second * S
        return self._note(self.judge.step(Batch.of(at, [sensor], [at], [value])).changes)

    def wait(self, second: float) -> Told:
        return self._note(self.judge.step(Batch.of(START + round(second * S), [], [], [])).changes)

    def act(self, second: int, kind: str, rule: str = "cut", occurrence: int | None = None, **more: Any) -> str:
        """What became of it: the change, or why it was refused."""
        action = Action(f"{kind}{second}", kind, rule, more.pop("subject", "ch4-1"), more.pop("by", "li"),
                        occurrence=occurrence, **more)  # fmt: skip
        lines = self.judge.act(action, START + second * S).changes
        self._note(lines)
        (answer,) = [one for one in lines if one.action == action.id]
        return answer.why.key.removeprefix("judge.refused.") if answer.change == "refused" else answer.change

    def _note(self, changes: list[Change]) -> Told:
        self.lines += changes
        return self

    @property
    def open(self) -> list[Hazard]:
        return list(self.judge.hazards.open.values())

    def overdue(self) -> list[tuple[int, str]]:
        return [((line.now - START) // S, line.why.key) for line in self.lines if line.change == "overdue"]


# -- opening and joining -------------------------------------------------------------------------------------------


def test_a_high_alarm_opens_a_hazard_that_its_return_does_not_close() -> None:
    told = Told().read(1, 1.2).read(2, 0.1)
    (hazard,) = told.open
    assert (hazard.name, hazard.area, hazard.owner, hazard.opened) == ("cut/ch4-1#1", "face", "", START + S)
    assert (hazard.priority, hazard.due) == (Priority.HIGH, START + S + 72 * HOUR)
    assert "overdue" not in {line.change for line in told.lines}


def test_medium_alarms_and_suppressed_lower_rungs_leave_nothing_to_be_done() -> None:
    assert Told().read(1, 0.7).open == []


def test_a_recurrence_joins_and_keeps_the_due_time() -> None:
    told = Told().read(1, 1.2).read(2, 0.1).read(60, 1.3)
    (hazard,) = told.open
    assert hazard.occurrences == {"cut": [1, 2, 2]}
    assert hazard.due == START + S + 72 * HOUR
    held = [hazard.holds(*one) for one in (("cut", 2), ("cut", None), ("cut", 3), ("out", None))]
    assert held == [True, True, False, False]


def test_the_rungs_of_a_ladder_on_one_subject_share_one_hazard_and_the_worst_sets_priority_and_due() -> None:
    told = Told().read(1, 1.2).read(100, 2.5)
    (hazard,) = told.open
    assert hazard.occurrences == {"cut": [1, 1, 1], "out": [1, 1, 1]}
    assert (hazard.priority, hazard.due) == (Priority.CRITICAL, START + 100 * S + 8 * HOUR)


def test_another_subject_and_a_rule_outside_the_ladder_have_hazards_of_their_own() -> None:
    told = Told().read(1, 1.2).read(2, 1.2, sensor=1).read(3, 3.8)
    assert sorted(one.name for one in told.open) == ["apart/ch4-1#1", "cut/ch4-1#1", "cut/ch4-2#1"]


def test_all_that_one_reading_raises_on_a_ladder_is_one_hazard() -> None:
    (hazard,) = Told().read(1, 2.2).open
    assert (hazard.occurrences.keys(), hazard.priority) == ({"cut", "out"}, Priority.CRITICAL)


def test_an_alarm_of_the_systems_own_opens_one_too() -> None:
    told = Told()
    told.judge.settling.raising.own(CHANNEL, "sms", START + S, Why("own.channel-failing"), Priority.HIGH)
    assert [one.name for one in told.open] == [f"{CHANNEL}/sms#1"]
    told.judge.settling.raising.own_ends(CHANNEL, "sms", START + 2 * S, Why("own.ended"))
    assert told.act(3, "close", CHANNEL, subject="sms", note="new modem") == "closed"


def test_what_a_test_raises_opens_and_joins_none_takes_none_and_holds_up_no_closing() -> None:
    told = Told()
    assert told.act(1, "test", "", note="yearly", until=START + 60 * S) == "test_begun"
    told.read(2, 1.2)
    assert [line.note for line in told.lines if line.change == "raised" and line.rule == "cut"] == ["TEST"]
    assert told.open == []
    told.read(3, 0.1).wait(70).read(71, 1.2).read(72, 0.1)
    assert told.open[0].occurrences == {"cut": [2, 2, 1]}
    told.act(72, "acknowledge")
    assert told.act(73, "test", "", note="again", until=START + 130 * S) == "test_begun"
    told.read(74, 1.2)
    assert told.act(75, "accept", by="wang") == "accepted"
    assert (told.open[0].owner, told.open[0].occurrences) == ("", {"cut": [2, 2, 1]})
    assert told.act(76, "close", occurrence=2, note="gone") == "closed", "only gas of the test is there"


def test_gas_that_is_still_there_when_a_test_ends_opens_one() -> None:
    told = Told()
    told.act(1, "test", "", note="yearly", until=START + 60 * S)
    told.read(2, 1.2).wait(61)
    assert [(one.name, (one.opened - START) // S) for one in told.open] == [("cut/ch4-1#2", 60)]


def test_after_it_is_closed_the_next_occurrence_opens_another() -> None:
    told = Told().read(1, 1.2).read(2, 0.1)
    assert told.act(3, "close", note="power cut found") == "closed"
    assert told.open == []
    assert [one.name for one in told.read(9, 1.4).open] == ["cut/ch4-1#2"]


# -- time ----------------------------------------------------------------------------------------------------------


def test_overdue_is_said_once_at_its_time_and_again_each_further_span() -> None:
    told = Told(pit(SPANS)).read(1, 1.2)
    assert told.wait(51).overdue() == [], "a deadline fires once the log is seen past it"
    assert told.wait(52).overdue() == [(51, "hazard.overdue_unowned")]
    assert told.wait(100.9).overdue() == [(51, "hazard.overdue_unowned")]
    told.act(100, "assign", owner="wang")
    assert told.wait(200).overdue()[1:] == [(101, "hazard.overdue"), (151, "hazard.overdue")]
    (said,) = [line for line in told.lines if line.now == START + 101 * S]
    assert (said.rule, said.sensor, said.occurrence, said.priority) == ("cut", "ch4-1", 1, "high")
    assert said.why.numbers == {"owner": "wang", "opened": START // S + 1, "due": START // S + 51}


def test_one_that_is_due_where_a_step_ends_is_said_in_the_next_whatever_else_was_due() -> None:
    told = Told(pit(SPANS)).read(1, 1.2).read(11, 1.2, sensor=1)
    assert [second for second, _ in told.wait(61).overdue()] == [51]
    assert [second for second, _ in told.wait(62).overdue()] == [51, 61]


def test_a_hazard_that_opens_and_falls_due_within_one_batch_says_so_there() -> None:
    at = START + S
    judge = Judge(pit(SPANS), START)
    lines = judge.step(Batch.of(START + 130 * S, [0, 0], [at, at + 60 * S], [1.2, 0.1])).changes
    assert [(line.change, (line.now - START) // S) for line in lines if line.rule == "cut"] == [
        ("raised", 1), ("overdue", 51), ("returned", 61), ("overdue", 101),
    ]  # fmt: skip


def test_a_worse_occurrence_brings_the_due_time_forward_never_back() -> None:
    told = Told(pit(SPANS)).read(1, 1.2).read(10, 2.5)
    assert told.wait(60).overdue() == [(30, "hazard.overdue_unowned"), (50, "hazard.overdue_unowned")]
    told = Told(pit({"critical": "100s", "high": "50s"})).read(1, 1.2).read(10, 2.5)
    assert told.wait(52).overdue() == [(51, "hazard.overdue_unowned")]


def test_who_assigns_may_move_the_due_time_and_must_say_why_it_is_later() -> None:
    told = Told(pit(SPANS)).read(1, 1.2)
    at = START + S
    assert told.act(2, "assign", owner="wang", until=at + 30 * S) == "assigned"
    assert told.act(3, "assign", owner="wang", until=at + 31 * S) == "no_note"
    assert told.act(4, "assign", owner="wang", until=at + 31 * S, note="fan arrives") == "assigned"
    assert told.act(5, "assign", owner="wang", until=START + 5 * S) == "no_end"
    assert told.act(6, "assign", owner="wang", until=at + LONGEST + 6 * S, note="later") == "too_long"
    assert told.wait(90).overdue() == [(32, "hazard.overdue"), (82, "hazard.overdue")]


def test_a_due_time_brought_forward_is_said_there_not_at_the_old_one() -> None:
    told = Told(pit(SPANS)).read(1, 1.2)
    told.act(2, "assign", owner="wang", until=START + 10 * S)
    assert told.wait(12).overdue() == [(10, "hazard.overdue")]


# -- people --------------------------------------------------------------------------------------------------------


def test_who_accepts_first_is_its_owner_until_it_is_assigned() -> None:
    told = Told().read(1, 1.2)
    told.act(2, "accept", by="li")
    told.act(3, "accept", by="wang")
    assert told.open[0].owner == "li"
    assert told.act(4, "assign", owner="chen") == "assigned"
    assert told.open[0].owner == "chen"
    assert [line.change for line in told.lines if line.now >= START + 2 * S] == ["accepted", "accepted", "assigned"]


def test_who_accepts_an_overdue_one_takes_it_and_the_journal_says_so() -> None:
    told = Told(pit(SPANS)).read(1, 1.2)
    told.act(2, "accept", by="li")
    told.wait(60).read(61, 2.5)
    told.act(62, "accept", rule="out", by="wang")
    accepted, assigned = told.lines[-2:]
    assert (accepted.change, accepted.rule, accepted.action) == ("accepted", "out", "accept62")
    assert (assigned.change, assigned.rule, assigned.by, assigned.action) == ("assigned", "cut", "wang", "")
    assert told.open[0].owner == "wang"


def test_who_is_called_for_the_hazard_itself_and_accepts_takes_it_whatever_its_alarm_does() -> None:
    told = Told(pit(SPANS)).read(1, 1.2).read(2, 0.1)
    told.act(3, "acknowledge")
    told.wait(60)
    assert told.act(61, "accept", by="wang") == "nothing_to_acknowledge"
    assert told.act(62, "accept", "hazard:cut", 1, by="wang") == "assigned"
    assert told.open[0].owner == "wang"
    assert told.act(63, "accept", "hazard:cut", 1, by="") == "nobody"


def test_what_was_done_is_kept_with_its_evidence() -> None:
    told = Told().read(1, 1.2)
    assert told.act(2, "did", note="ventilation restored") == "did"
    assert told.act(3, "did", evidence=(PROOF,), by="wang") == "did"
    first, second = told.open[0].done
    assert (first.by, first.note, first.evidence) == ("li", "ventilation restored", ())
    assert (second.at, second.by, second.evidence) == (START + 3 * S, "wang", (PROOF,))
    assert told.lines[-1].why.numbers == {"evidence": PROOF}


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"kind": "did"}, "no_note"),
        ({"kind": "did", "note": "x", "evidence": ("fan.jpg",)}, "bad_evidence"),
        ({"kind": "did", "note": "x", "evidence": ("A" * 64 + "  fan.jpg",)}, "bad_evidence"),
        ({"kind": "did", "note": "x", "evidence": (PROOF + "\n",)}, "bad_evidence"),
        ({"kind": "did", "note": "x", "by": ""}, "nobody"),
        ({"kind": "assign"}, "no_owner"),
        ({"kind": "assign", "owner": " "}, "no_owner"),
        ({"kind": "close", "note": "gone"}, "still_stands"),
        ({"kind": "close", "note": "gone", "rule": "out"}, "no_hazard"),
        ({"kind": "close", "note": "gone", "occurrence": 2}, "no_hazard"),
        ({"kind": "assign", "owner": "li", "subject": "ch4-9"}, "no_hazard"),
        ({"kind": "shelve", "rule": "hazard:cut"}, "unknown_action"),
        ({"kind": "accept", "rule": "hazard:out"}, "no_hazard"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_and_changes_nothing(asked: dict[str, Any], reason: str) -> None:
    told = Told().read(1, 1.2)
    before = repr(told.open)
    assert told.act(2, **asked) == reason
    assert repr(told.open) == before
    assert told.lines[-1].why.numbers == {"asked": asked["kind"]}


def test_it_is_closed_only_when_nothing_of_it_stands_and_with_a_reason() -> None:
    told = Told().read(1, 3.8).read(2, 2.9)
    assert told.act(3, "close", "apart", note="gone") == "still_stands", "it has returned and waits for a reset"
    assert told.act(4, "close", "cut", note="gone") == "still_stands", "a rung of its ladder is active"
    told.act(5, "reset", "apart")
    assert told.act(6, "close", "apart") == "no_note"
    assert told.act(7, "close", "apart", note="sensor moved", evidence=(PROOF,), by="wang") == "closed"
    assert [one.name for one in told.open] == ["out/ch4-1#1"]
    closed = {one.name: one for one in told.judge.hazards.take_changed()}["apart/ch4-1#1"]
    assert (closed.closed, closed.closed_by, closed.closed_note) == (START + 7 * S, "wang", "sensor moved")
    assert closed.done[-1].evidence == (PROOF,)
    assert told.act(8, "did", "apart", note="more") == "no_hazard"


def test_any_of_its_occurrences_names_it() -> None:
    told = Told().read(1, 1.2).read(2, 0.1).read(3, 2.5)
    for rule, occurrence in (("cut", 1), ("cut", 2), ("out", 1), ("cut", None)):
        assert told.act(4, "did", rule, occurrence, note="seen to") == "did"
    assert {line.rule for line in told.lines if line.change == "did"} == {"cut"}, "lines bear the hazard's name"


# -- revisions and restarts ----------------------------------------------------------------------------------------


def test_a_revision_closes_nothing_and_a_removed_rule_waits_for_its_reset() -> None:
    told = Told().read(1, 3.8)
    told.judge.revise(pit(apart={"sensors": ["ch4-2"], "priority": "low", "guidance": "Look",
                                 "detector": {"kind": "signal.limit", "limit": "1 %vol"}}),
                      START + 2 * S, 2, "wang", "moved")  # fmt: skip
    assert sorted(one.name for one in told.open) == ["apart/ch4-1#1", "out/ch4-1#1"]
    assert told.act(3, "close", "apart", note="gone") == "still_stands"
    told.act(4, "reset", "apart")
    assert told.act(5, "close", "apart", note="gone") == "closed"


def test_a_revision_of_the_spans_is_for_what_comes_after_it() -> None:
    told = Told(pit(SPANS)).read(1, 1.2)
    told.judge.revise(pit({"critical": "5s", "high": "5s"}), START + 2 * S, 2, "wang", "sooner")
    told.read(3, 1.2, sensor=1)
    assert [(one.name, (one.due - START) // S) for one in told.open] == [("cut/ch4-1#1", 51), ("cut/ch4-2#1", 8)]


def test_a_restart_loses_nothing() -> None:
    told = Told(pit(SPANS)).read(1, 1.2)
    told.act(2, "assign", owner="wang")
    told.act(3, "did", note="seen to", evidence=(PROOF,))
    before = repr(told.open)
    told.judge = again(told.judge)
    assert repr(told.open) == before
    assert told.wait(60).overdue() == [(51, "hazard.overdue")]
    assert told.read(61, 2.5).open[0].occurrences == {"cut": [1, 1, 1], "out": [1, 1, 1]}


@pytest.mark.parametrize("wrong", [{"high": "soon"}, {"high": "0s"}, {"medium": "1h"}], ids=str)
def test_a_table_that_makes_no_sense_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(SiteMistakes, match="hazards"):
        pit(wrong)


# -- generated logs ------------------------------------------------------------------------------------------------


@dataclass
class Account:
    """Open hazards again, from the lines and actions alone: lists and a loop over time. No revisions."""

    site: Site
    open: list[dict[str, Any]] = field(default_factory=list)
    alarms: dict[tuple[str, str], tuple[bool, bool]] = field(default_factory=dict)
    said: list[tuple[int, str]] = field(default_factory=list)
    spans = {"critical": 20 * S, "high": 50 * S}

    def until(self, now: int) -> None:
        while (first := min((h["remind"] for h in self.open), default=now)) < now:
            for hazard in self.open:
                if hazard["remind"] == first:
                    self.said.append((first, hazard["names"][0]))
                    hazard["remind"] += hazard["span"]

    def hear(self, line: Change) -> None:
        self.until(line.now)
        key = (line.rule, line.sensor)
        active, latched = self.alarms.get(key, (False, False))
        if line.change == "raised":
            self.alarms[key] = True, False
            self._raised(line)
        elif line.change == "returned":
            rule = next(rule for rule in self.site.rules if rule.name == line.rule)
            self.alarms[key] = False, rule.latch
        elif line.change == "reset":
            self.alarms[key] = active, False
        elif line.change == "accepted":
            hazard = self.of(line.rule, line.sensor, line.occurrence)
            if hazard is not None and (not hazard["owner"] or line.now > hazard["due"]):
                hazard["owner"] = line.by

    def _raised(self, line: Change) -> None:
        span = self.spans.get(line.priority)
        if span is None:
            return
        ladder = {rule.name: rule.ladder or rule.name for rule in self.site.rules}.get(line.rule, line.rule)
        found = [h for h in self.open if h["group"] == (ladder, line.sensor)]
        name, due = spelled(line.rule, line.sensor, line.occurrence), line.now + span
        if not found:
            self.open.append({"group": (ladder, line.sensor), "names": [name], "priority": line.priority, "span": span,
                              "due": due, "remind": due, "owner": "", "done": []})  # fmt: skip
            return
        (hazard,) = found
        hazard["names"].append(name)
        if line.priority == "critical" != hazard["priority"]:
            hazard |= {"priority": "critical", "span": span, "due": min(due, hazard["due"]),
                       "remind": min(due, hazard["remind"])}  # fmt: skip

    def of(self, rule: str, subject: str, occurrence: int | None) -> dict[str, Any] | None:
        for hazard in self.open:
            for name in hazard["names"]:
                if name == spelled(rule, subject, occurrence or 0):
                    return hazard
                if occurrence is None and name.startswith(f"{rule}/{subject}#"):
                    return hazard
        return None

    def answer(self, action: Action, now: int) -> str:
        hazard = self.of(action.rule, action.subject, action.occurrence)
        if hazard is None:
            return "refused"
        later = action.until is not None and action.until > hazard["due"]
        if action.kind == "assign":
            bad = action.until is not None and not now < action.until <= now + LONGEST
            if not action.by or not action.owner or bad or (later and not action.note):
                return "refused"
            hazard["owner"] = action.owner
            if action.until is not None:
                hazard["due"] = hazard["remind"] = action.until
            return "assigned"
        keys = {tuple(name.rpartition("#")[0].split("/", 1)) for name in hazard["names"]}
        stands = action.kind == "close" and any(any(self.alarms[key]) for key in keys)  # type: ignore[index]
        if not action.by or stands or not action.note:
            return "refused"
        if action.kind == "close":
            self.open.remove(hazard)
            return "closed"
        hazard["done"].append(action.note)
        return "did"

    def rows(self) -> list[Any]:
        return sorted((h["names"][0], h["priority"], h["due"], h["remind"], h["owner"], len(h["names"]), h["done"])
                      for h in self.open)  # fmt: skip


def with_actions(random: Random, log: Log) -> Log:
    """Actions on hazards put between: some on what is there, some on what never was."""
    out: Log = []
    for number, item in enumerate(log):
        out.append(item)
        if random.random() < 0.4:
            rule, subject = random.choice(("cut", "out", "held")), random.choice(("ch4-1", "ch4-2", "mast"))
            until = random.choice((None, None, item.arrived, item.arrived + 30 * S, item.arrived + 10**18))
            kind = random.choice(("assign", "did", "close", "close", "accept", "reset", "reset"))
            out.append(Acted(item.arrived, Action(
                f"h{number}", kind, rule, subject, random.choice(("li", "wang", "wang", "")),
                note=random.choice(("", "seen to", "seen to")), occurrence=random.choice((None, None, None, 1, 2)),
                until=until if kind == "assign" else None, owner=random.choice(("chen", "chen", "")),
            )))  # fmt: skip
    return out


def account_of(changes: list[Change], log: Log, end: int) -> tuple[Account, list[str]]:
    """The second account of what the first says, and the answers that it would have given."""
    account, answers = Account(SITE), []
    asked = {item.action.id: item.action for item in log if isinstance(item, Acted)}
    for line in changes:
        action = asked.get(line.action)
        if action is not None and action.kind in ("assign", "did", "close"):
            account.until(line.now)
            answers.append((line.action, line.change, account.answer(action, line.now)))
        elif line.change != "overdue" and not (line.change == "assigned" and not line.action):
            account.hear(line)
    account.until(end)
    return account, [f"{id}: {was}, expected {ought}" for id, was, ought in answers if was != ought]


@QUICK
@given(RANDOM, st.integers(0, 60))
def test_the_fold_says_of_hazards_what_a_second_account_of_its_lines_says(random: Random, length: int) -> None:
    log, end = log_of(random, length)
    log = with_actions(random, log)

    fold = whole(log, end, SITE)

    account, wrong = account_of(fold.changes, log, end)
    assert wrong == []
    said = [(c.now, spelled(c.rule, c.sensor, c.occurrence)) for c in fold.changes if c.change == "overdue"]
    assert sorted(said) == sorted(account.said)
    assert account.rows() == sorted(
        (h.name, h.priority.name.lower(), h.due, h.remind, h.owner, sum(c for _, _, c in h.occurrences.values()),
         [one.note for one in h.done])
        for h in fold.judge.hazards.open.values()
    )  # fmt: skip


@settings(QUICK, max_examples=15)
@given(RANDOM, st.integers(0, 40))
def test_cut_ticked_revised_and_restarted_anywhere_it_is_the_same(random: Random, length: int) -> None:
    sites = [read_site({**plain, "hazards": SPANS}) for plain in (document(), lowered(), derived())]
    log, end = revised_of(random, length, sites)
    cut_anywhere(random, with_actions(random, log), end, SITE)


def test_one_long_seeded_log_brings_about_everything() -> None:
    random = Random(3)
    log, end = log_of(random, 700)
    log = with_actions(random, log)
    fold = whole(log, end, SITE)
    said = [c.change for c in fold.changes]
    for change in ("overdue", "assigned", "did", "closed"):
        assert said.count(change) >= 3, change
    refused = {c.why.key.rpartition(".")[2] for c in fold.changes if c.change == "refused"}
    assert {"no_hazard", "still_stands", "no_owner", "no_note", "no_end", "too_long", "nobody"} <= refused
    assert any(c.change == "assigned" and not c.action for c in fold.changes)
    assert account_of(fold.changes, log, end)[1] == []
