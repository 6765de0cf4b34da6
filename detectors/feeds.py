"""From which sensors a verdict comes in the end, through whatever columns and verdicts of other rules.

Constraints. Rules alone say it; what a sensor read does not matter. The input of a rule on rules is what those look at.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from detectors.records import Key
from detectors.rule import Rule, Subject


def raw_inputs(
    pairs: Sequence[tuple[Rule, Subject]], pair_of: Mapping[Key, int], sensors: Collection[str]
) -> list[frozenset[str]]:
    """Of each pair the sensors of the registry that feed it. No rule looks at itself: the site's reader holds it."""
    makes = {
        f"{subject.id}/{rule.name}.{column}": pair
        for pair, (rule, subject) in enumerate(pairs)
        for column in rule.detector.columns
    } | {f"@{rule}/{subject}": pair for (rule, subject), pair in pair_of.items()}
    known: dict[int, frozenset[str]] = {}

    def of(pair: int) -> frozenset[str]:
        if pair not in known:
            names = [name for _, name in pairs[pair][1].inputs]
            own = frozenset(name for name in names if name in sensors)
            known[pair] = own.union(*(of(makes[name]) for name in names if name in makes))
        return known[pair]

    return [of(pair) for pair in range(len(pairs))]
