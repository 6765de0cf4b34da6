import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.console.figures import DAY, HOUR, MINUTE, SECOND, Local, age, number, reading
from dashboards.console.labels import LABELS, QUALITIES
from dashboards.console.words import WORDS, say
from detectors.reading import Quality
from tests.dashboards.sample import NOW

HOUSE = Path(__file__).parents[2]
DETECTORS = sorted((HOUSE / "detectors").glob("*/[a-z]*.py"))
JUDGING = sorted((HOUSE / "detectors").glob("[a-z]*.py")) + sorted((HOUSE / "collector").glob("[a-z]*.py"))
FILES = DETECTORS + [p for p in JUDGING if "Why(" in p.read_text() and p.name not in ("detector.py", "snapshot.py")]
OWN = ("judge", "rule", "payload", "hazard")
"""How reasons begin that are no detector's."""
WORD = re.compile(r"[a-z][a-z_]*")


def keys_of(path: Path) -> set[str]:
    """Every reason a file can give: whole keys, and for f"{kind}.{key}" each word that can become `key`."""
    tree = ast.parse(path.read_text())
    judging = path.parent.name in ("detectors", "collector")
    starts = OWN if judging else (f"{path.parent.name}.{path.stem}",)
    whole, begun = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and len(node.values) > 1 and isinstance(node.values[0], ast.Constant):
            begun.add(str(node.values[0].value))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            whole |= {node.value for s in starts if re.fullmatch(re.escape(s) + r"(\.[a-z_]+)+", node.value)}
    begun = {b for b in begun if any(b.startswith(s + ".") for s in starts) and b.endswith(".")}
    scope: list[ast.AST] = [tree]
    if judging:
        scope = [f for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) and "objection" in f.name]
        scope += [c for c in ast.walk(tree) if isinstance(c, ast.Call)]
    return whole | {b + word for b in begun for part in scope for word in becoming(part)}


def becoming(tree: ast.AST) -> Iterator[str]:
    """Words that a function returns, chooses between, or passes last to one that makes a reason; and named sides."""
    for node in ast.walk(tree):
        values: list[ast.expr] = []
        match node:
            case ast.Return(value=ast.Tuple(elts=elts)):
                values = elts
            case ast.Return(value=ast.expr() as value) | ast.Assign(value=value):
                values = [value, *(value.elts if isinstance(value, ast.Tuple) else [])]
            case ast.Call(func=ast.Name(id="_finding") | ast.Attribute(attr="_refuse"), args=args):
                values = args[-1:]
            case ast.AnnAssign(target=ast.Name(id="side"), annotation=ast.Subscript(slice=ast.Tuple(elts=elts))):
                values = elts
        for value in values:
            parts = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
            yield from (p.value for p in parts if isinstance(p, ast.Constant) and is_word(p.value))


def is_word(value: object) -> bool:
    return isinstance(value, str) and WORD.fullmatch(value) is not None


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_every_reason_that_the_code_can_give_has_words(path: Path) -> None:
    missing = keys_of(path) - set(WORDS)

    assert not missing, f"add to dashboards/console/words.py, in both languages: {sorted(missing)}"


def test_every_detector_gives_reasons() -> None:
    silent = [str(p) for p in DETECTORS if not keys_of(p)]

    assert DETECTORS
    assert not silent


def test_reasons_of_all_shapes_are_found(tmp_path: Path) -> None:
    (tmp_path / "signal").mkdir()
    path = tmp_path / "signal" / "made.py"
    path.write_text(
        'A = "signal.made.whole"\n'
        "def f(x):\n"
        '    key = "left" if x else "right"\n'
        '    return None, "paired", f"signal.made.{key}"\n'
    )

    assert keys_of(path) == {f"signal.made.{w}" for w in ("whole", "left", "right", "paired")}


@pytest.mark.parametrize("key", WORDS)
def test_both_languages_name_the_same_numbers(key: str) -> None:
    english, chinese = (re.findall(r"\{\w+(?::[^}]+)?\}", text) for text in WORDS[key])

    assert sorted(english) == sorted(chinese)
    assert re.search(r"[一-鿿]", WORDS[key][1])
    assert not re.search(r"[一-鿿]", WORDS[key][0])


@pytest.mark.parametrize("key", LABELS)
def test_every_label_is_in_both_languages(key: str) -> None:
    assert all(LABELS[key])


def test_every_quality_flag_has_words() -> None:
    assert len(QUALITIES) == len([q for q in Quality if q])


def test_a_reason_names_its_numbers() -> None:
    assert say("signal.limit.above", {"limit": 1.0, "unit": "%vol"}, "en") == "at or above the limit of 1 %vol"
    assert say("health.silent.silent", {"seconds": 900.0}, "zh") == "已 15 分钟无任何数据"


def test_a_missing_number_leaves_its_part_out() -> None:
    assert say("signal.limit.above", {}, "en") == "at or above the limit"
    told = say("gas.twa.above", {"limit": 5.0, "unit": "mg/m3", "lower": None}, "en")
    assert told == "shift average at or above 5 mg/m3"


def test_a_needed_number_that_is_missing_shows_the_key() -> None:
    assert say("gas.twa.above", {"coverage": 0.9}, "en") == "gas.twa.above (coverage 0.9)"


def test_an_unknown_reason_is_shown_with_its_numbers() -> None:
    assert say("mine.own.key", {"limit": 2.5, "unit": ""}, "zh") == "mine.own.key (limit 2.5)"
    assert say("mine.own.key", {}, "en") == "mine.own.key"


def test_braces_in_a_number_that_is_a_text_are_only_text() -> None:
    assert say("rule.broken", {"error": "KeyError: '{x}' [y]"}, "en").endswith(": KeyError: '{x}' [y]")


def test_a_forecast_is_told_in_the_sites_time() -> None:
    numbers = {"failure_from": NOW / SECOND, "failure_to": NOW / SECOND + 3600}

    told = say("slope.inverse_velocity.within", numbers, "en", Local("Asia/Shanghai"))

    assert told == "accelerating: failure forecast from 11-24 10:31 +08:00 to 11-24 11:31 +08:00"


@pytest.mark.parametrize(
    ("span", "told"),
    [
        (-5, "0 s"), (119 * SECOND, "119 s"), (2 * MINUTE, "2 min"), (HOUR, "1 h"), (HOUR + 5 * MINUTE, "1 h 05 min"),
        (47 * HOUR, "47 h"), (2 * DAY, "2 d"),
    ],
)  # fmt: skip
def test_an_age_has_one_or_two_parts(span: int, told: str) -> None:
    assert age(span, "en") == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "–"), (float("nan"), "–"), (0.0, "0.000"), (0.05, "0.050"), (1.5, "1.50"), (20.7, "20.70"),
        (123.4, "123.4"), (12345.6, "12,346"), (-1.25, "-1.25"), (1e-6, "1e-06"),
    ],
)  # fmt: skip
def test_a_changing_value_keeps_its_decimals(value: float | None, told: str) -> None:
    assert reading(value) == told


def test_states_are_shown_by_name_and_anything_else_as_it_is() -> None:
    assert [reading(v, ("stopped", "running")) for v in (0.0, 1.0, 2.0, 0.5)] == ["stopped", "running", "2", "0.5"]


def test_a_fixed_number_is_short() -> None:
    assert [number(v) for v in (1.0, 0.5, 12500.0, None)] == ["1", "0.5", "12,500", "–"]


def test_times_are_local_with_their_offset() -> None:
    pit, mine = Local("Asia/Shanghai"), Local("America/Denver")

    assert pit.clock(NOW) == "10:31:07 +08:00"
    assert mine.clock(NOW) == "19:31:07 -07:00"
    assert pit.moment(NOW - HOUR, NOW) == "09:31:07"
    assert pit.moment(NOW - 11 * HOUR, NOW) == "11-23 23:31"


def test_what_a_doubtful_reading_raised_is_marked_so() -> None:
    numbers = {"limit": 1.0, "quality": 4 | 128}

    assert say("signal.limit.above", numbers, "en") == "at or above the limit of 1 (a late reading)"
    assert say("signal.limit.above", numbers, "zh").endswith("（迟到的读数）")
