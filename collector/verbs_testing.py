"""The verbs about a sensor itself: test it with gas, calibrate it, record that, and tell what was done at a place."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from collector.verb import (
    NO,
    OK,
    Arguments,
    Parser,
    Verb,
    WrongUse,
    add_data,
    add_json,
    add_person,
    data_folder,
    say,
    say_json,
    warn,
)

POLL = 0.2
"""s between looks at the journal."""
PATIENCE = 30 * 10**9
"""ns after a test's end until which its line is awaited."""
ENDS = {"test": "end_test", "calibrate": "end_calibration", "tell": "close_blasting"}
VERDICTS = {
    "passed": "PASSED: it was raised, and the notice was taken",
    "unreached": "FAILED: it was raised, but no channel took a notice. Is there a roster, a webhook or an Alertmanager "
    "in the site file, and does `davylamp oncall test` say that each works? (--rules-only judges the rules alone)",
    "nothing": "FAILED: nothing was raised. Was the gas at the sensor, above a limit, for longer than the on-delay?",
}


def test(arguments: Arguments) -> int:
    """Begin a test, show what happens, say what it showed; or end one that runs."""
    from collector.judged import Judged
    from collector.trial import Trial

    folder = data_folder(arguments)
    judged = Judged(folder)
    if arguments.end:
        return _ended_early(arguments, folder, judged)
    if arguments.span is None:
        raise WrongUse("for how long? Give --for 30min, or --end to end the test that runs")
    answer = _ask(arguments, folder, judged, "test")
    if answer.outcome != "taken":
        return _said(arguments, answer)
    trial = Trial(answer.line)
    try:
        _follow(arguments, folder, judged, trial)
    except KeyboardInterrupt:
        warn(f"the test goes on until its end; `davylamp test {arguments.sensor} --end --by NAME` ends it now")
        return NO
    return _verdict(arguments, trial.document(), trial.result)


test.__test__ = False  # type: ignore[attr-defined]


def _follow(arguments: Arguments, folder: Path, judged: Any, trial: Any) -> None:
    from collector.actions import Asked, ask
    from collector.times import shown

    tell = (lambda text: None) if arguments.json else say
    zone = ZoneInfo(judged.status().get("timezone") or "UTC")
    until = trial.begun["now"] + round(trial.begun["why"]["seconds"] * 1e9)
    tell(f"{arguments.sensor} in test until {shown(until, zone)}: apply the gas now; what it raises is marked TEST")
    asked = arguments.whole
    while trial.ended is None:
        for text in trial.news(judged):
            tell(f"  {text}")
        if trial.over and not asked:
            asked = True
            tell("  all that was raised has returned: the test ends")
            ask(folder, Asked("end_test", "", arguments.sensor, arguments.by, note="all returned"))
        if trial.ended is None and time.time_ns() > until + PATIENCE:
            warn("no word of the test's end: is `davylamp run` running on this data folder?")
            return
        time.sleep(POLL)


def _ended_early(arguments: Arguments, folder: Path, judged: Any) -> int:
    answer = _ask(arguments, folder, judged, "end_test")
    if answer.outcome != "taken":
        return _said(arguments, answer)
    why = dict(answer.line["why"])
    result = str(why.pop("key")).rpartition(".")[2]
    return _verdict(arguments, {"version": 1, "sensor": arguments.sensor, "result": result, **why}, result)


def _verdict(arguments: Arguments, document: Any, result: str) -> int:
    if arguments.json:
        say_json(document)
    elif result:
        say(VERDICTS[result])
    fine = result == "passed" or (result == "unreached" and arguments.rules_only)
    return OK if fine else NO


def _ask(arguments: Arguments, folder: Path, judged: Any, kind: str, **details: float | str) -> Any:
    from collector.actions import Asked, act
    from collector.times import NoTime, ending

    span = getattr(arguments, "span", None)
    try:
        until = None if span is None else ending(span, judged.status().get("now") or time.time_ns())
    except NoTime as wrong:
        raise WrongUse(str(wrong)) from wrong
    asked = Asked(kind, "", arguments.sensor, arguments.by, None, arguments.note, until, details=details)
    return act(folder, judged, [asked])[0]


def _said(arguments: Arguments, answer: Any) -> int:
    if arguments.json:
        say_json({"id": answer.id, "outcome": answer.outcome, "reason": answer.reason, "line": answer.line})
    else:
        alarm = (answer.line.get("why") or {}).get("alarm", "")
        text = f"{arguments.sensor}: {answer.outcome} {answer.reason} {alarm}"
        (say if answer.outcome == "taken" else warn)(text.strip())
    return OK if answer.outcome == "taken" else NO


def _spanned(kind: str, begins: str) -> Callable[[Arguments], int]:
    """A verb that begins something for a time, or ends it; without either it is `kind` itself."""

    def run(arguments: Arguments) -> int:
        from collector.judged import Judged

        folder = data_folder(arguments)
        if kind == "calibrate" and arguments.span is None and not arguments.end:
            raise WrongUse("for how long? Give --for 20min, or --end")
        meant = ENDS[kind] if arguments.end else begins if arguments.span is not None else kind
        return _said(arguments, _ask(arguments, folder, Judged(folder), meant))

    return run


def calibrated(arguments: Arguments) -> int:
    """Record a calibration; it ends the one that runs."""
    from collector.judged import Judged
    from detectors.handling import DETAILS

    folder = data_folder(arguments)
    given = {name: getattr(arguments, name) for name in DETAILS if getattr(arguments, name) is not None}
    return _said(arguments, _ask(arguments, folder, Judged(folder), "calibrated", **given))


def _arguments(for_help: str, end_help: str, sensor: str = "the sensor's name") -> Callable[[Parser], None]:
    def arguments(parser: Parser) -> None:
        parser.add_argument("sensor", metavar="SENSOR", help=sensor)
        add_data(parser)
        add_json(parser)
        add_person(parser)
        parser.add_argument("--for", dest="span", metavar="SPAN", help=for_help)
        parser.add_argument("--end", action="store_true", help=end_help)

    return arguments


def _test_arguments(parser: Parser) -> None:
    for_help = "how long at most: 30min; the site's longest_test, 1 h where not given"
    _arguments(for_help, "end the test that runs")(parser)
    parser.add_argument("--whole", action="store_true", help="go on to the end, also when all has returned")
    parser.add_argument("--rules-only", action="store_true", help="pass also where nobody could be told")


def _calibrated_arguments(parser: Parser) -> None:
    parser.add_argument("sensor", metavar="SENSOR", help="the sensor's name")
    add_data(parser)
    add_json(parser)
    add_person(parser)
    parser.add_argument("--gas", metavar="NAME", required=True, help="the gas that was applied")
    parser.add_argument("--applied", type=float, metavar="X", required=True, help="its concentration")
    parser.add_argument("--left", type=float, metavar="X", required=True, help="the reading afterwards")
    parser.add_argument("--found", type=float, metavar="X", help="the reading before anything was set")
    parser.add_argument("--unit", dest="in_unit", metavar="UNIT", help="of the three")
    parser.add_argument("--certificate", metavar="TEXT", help="of the gas")
    parser.add_argument("--expires", metavar="DATE", help="until when the certificate is good")
    parser.add_argument("--due", metavar="DATE", help="when the next calibration is due")


VERBS = (
    Verb(
        "test",
        "apply gas to a sensor and see that it reaches the pager: alarms are real but marked TEST",
        "davylamp test ch4-2105 --for 30min --by Li --note 'weekly, 2 %vol CH4'",
        _test_arguments,
        test,
    ),
    Verb(
        "calibrate",
        "readings of a sensor change nothing for 30 min at most: it is being calibrated",
        "davylamp calibrate ch4-2105 --for 20min --by Li --note 'span gas'",
        _arguments("how long at most: 20min", "end the calibration that runs"),
        _spanned("calibrate", "calibrate"),
    ),
    Verb(
        "calibrated",
        "record a calibration: gas, as found, as left, certificate; it ends the one that runs",
        "davylamp calibrated ch4-2105 --gas CH4 --applied 2.0 --found 1.8 --left 2.0 --unit %vol --by Li",
        _calibrated_arguments,
        calibrated,
    ),
    Verb(
        "tell",
        "say what was done, to a sensor that `follows` it: a prism replaced, fresh air, a shift's change, blasting",
        "davylamp tell blasting-west --for 20min --by Wang --note 'round 14'",
        _arguments(
            "open a blasting window for so long, 30 min at most", "close the blasting window",
            "a sensor whose `follows` is rezero, fresh air, shift change or blasting",
        ),
        _spanned("tell", "open_blasting"),
    ),
)  # fmt: skip
