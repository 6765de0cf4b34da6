"""Whether what Grafana has is what is wanted, so that only what differs is sent.

Constraints. Grafana adds keys of its own and leaves out what is empty: only what is wanted is compared, but labels,
annotations and routes whole. A secret cannot be read back and counts as equal. A dashboard that Grafana gives back in a
newer form (from 12 on it may) is known by the digest in its description.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

REDACTED = "[REDACTED]"
WHOLE = ("labels", "annotations")
OWN = ("secureJsonData", "orgID")
"""Keys that Grafana keeps to itself, or sets."""
EMPTY: tuple[Any, ...] = (None, False, "", [], {})


def same(want: Any, have: Any) -> bool:
    """Whether all that is wanted is there."""
    if isinstance(want, Mapping):
        return isinstance(have, Mapping) and all(_same_key(key, want[key], have.get(key)) for key in want)
    if isinstance(want, Sequence) and not isinstance(want, str):
        there = have or []
        return isinstance(there, list) and len(there) == len(want) and all(map(same, want, there))
    return bool(want == have) or have == REDACTED or (have is None and want in EMPTY)


def _same_key(key: str, want: Any, have: Any) -> bool:
    if key in OWN:
        return True
    return dict(want) == (have or {}) if key in WHOLE and isinstance(want, Mapping) else same(want, have)


def same_text(want: str, have: str) -> bool:
    """Whether two templates say the same."""
    return want.strip() == have.strip()


def same_routes(want: Mapping[str, Any], have: Mapping[str, Any]) -> bool:
    """Whether two policy trees are equal in everything but who owns them."""
    return bool(_bare(want) == _bare(have))


def _bare(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {key: _bare(one) for key, one in value.items() if key not in ("provenance", "version")}
        return {key: one for key, one in kept.items() if one not in EMPTY}
    return [_bare(one) for one in value] if isinstance(value, list) else value


def signed(dashboard: Mapping[str, Any]) -> dict[str, Any]:
    """A dashboard with its digest in the description."""
    text = json.dumps(dashboard, sort_keys=True, ensure_ascii=False)
    return {**dashboard, "description": f"davylamp {hashlib.sha256(text.encode()).hexdigest()[:16]}"}


def same_dashboard(want: Mapping[str, Any], have: Mapping[str, Any]) -> bool:
    """Whether a signed dashboard is there, in the form it was sent in or in a newer one."""
    if have.get("schemaVersion") != want["schemaVersion"]:
        return bool(have.get("description") == want["description"])
    return same({key: value for key, value in want.items() if key != "version"}, have)
