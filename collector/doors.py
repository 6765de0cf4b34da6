"""The door of each way to people: as far as one can get without waking anybody.

Constraints. What "open" means is said by the mode. probe: of a webhook, its server answers (a HEAD; whatever it answers
but 5xx is an open door, for many take nothing but POST); of a program, it is there and may be run; of a gateway through
apprise, its URL and one address make a service. Nothing is sent. send: a real message that says it is a test is taken.
Not here: when one knocks (canary.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from collector.calling import TO, Hook, Text, Way
from collector.canary_settings import OFF, SEND
from collector.errors import Rejected, Unavailable
from collector.oncall import OnCall
from collector.own_names import plain
from collector.posting import ask, post
from collector.settings import Webhook

VERSION = 1
_TEST: Mapping[str, tuple[str, str]] = {
    "en": ("TEST of the way to you, no alarm", "The monitor sends this by itself to see that it arrives."),
    "zh": ("通道测试，非报警", "监测系统自动发送，用于确认消息可以送达。"),
}


@dataclass(frozen=True, slots=True)
class Door:
    """One. `knock` raises `Unavailable` or `Rejected` where it is shut."""

    name: str
    """As its sensor ends: davylamp.canary-NAME."""
    knock: Callable[[str], None]
    """Is given the canary's id."""


def journal_door() -> Door:
    """Where judging's line has been read: nothing is beyond it."""
    return Door("journal", lambda _: None)


def hook_door(hook: Webhook) -> Door | None:
    """That of a destination of notices; None where the canary does not go there."""
    if hook.canary == OFF:
        return None

    def knock(id: str) -> None:
        if hook.canary == SEND:
            body = {"version": VERSION, "id": id, "kind": "canary", "text": " ".join(_TEST["en"])}
            post(hook.url, body, f"webhook {hook.name}", id)
        else:
            _answers(hook.url, f"webhook {hook.name}")

    return Door(plain(hook.name), knock)


def way_doors(oncall: OnCall) -> list[Door]:
    """Those of the ways by which people are called."""
    return [_way_door(oncall, name, way) for name, way in oncall.ways.items() if oncall.canary.get(name) != OFF]


def _way_door(oncall: OnCall, name: str, way: Way) -> Door:
    to = next((address for one in oncall.people.values() for way_name, address in one.reach if way_name == name), "")

    def knock(id: str) -> None:
        if oncall.canary.get(name) == SEND:
            headline, body = _TEST[oncall.language]
            way.send(to, Text(id, headline, body, {"kind": "canary"}))
            return
        if problem := way.objection(to):
            raise Unavailable(f"channel {name}: {problem}")
        if isinstance(way, Hook):
            _answers(way.url.reveal().replace(TO, "canary"), f"channel {name}")

    return Door(f"channel-{plain(name)}", knock)


def _answers(url: str, name: str) -> None:
    """Any answer but 5xx. Raises `Unavailable`."""
    try:
        ask(url, "HEAD", None, name)
    except Rejected:
        return
