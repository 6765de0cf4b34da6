"""The announce role: a thread for each destination of notices, one for an Alertmanager, one that calls people, one
that takes the readings of the system's own sensors, one that sends the canary.

Constraints. One process a data folder. Exactly one pages people: with a roster this role does, without one Grafana's
contact points do, and this role keeps their silences equal to what is hidden here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from collector.accepting import links
from collector.actions import own_alarm
from collector.alertmanager import Alertmanager
from collector.announcing import Destination
from collector.canary import Aviary
from collector.canary_publish import Published, publish
from collector.channels import Channel, Console, Webhook
from collector.decode import CANARY
from collector.doors import hook_door, journal_door, way_doors
from collector.grafana import Grafana
from collector.grafana_silence import Silences
from collector.judged import Judged
from collector.keeping import ReceiptKeeper
from collector.locking import lock, unlock
from collector.oncall import OnCall
from collector.own_names import plain
from collector.paging import Pager
from collector.reached import Witness, witnessed
from collector.receipts import Receipts
from collector.sampling import hand_in, sample
from collector.secret import Secret
from collector.settings import Settings
from collector.working import Works
from detectors.records import CHANNEL

SECOND = 10**9


def announce(settings: Settings, stop: threading.Event) -> None:
    """The role, until stopped. Raises `Occupied` if another process announces."""
    held = lock(settings.data / "announce.lock", "announcing process")
    aviary = _aviary(settings)
    Works(settings.data, "announce", works(settings, aviary, stop)).run(stop)
    unlock(held)


def works(settings: Settings, aviary: Aviary, stop: threading.Event) -> Iterator[tuple[str, Callable[[], None]]]:
    """What there is to do, by name."""
    data = settings.data
    for channel in channels(settings):
        yield f"notices-{channel.name}", partial(_tell, channel, data, aviary, stop)
    if settings.oncall is not None:
        yield "calls", partial(_call, settings.oncall, settings, aviary, stop)
    elif settings.grafana.url and settings.grafana.token is not None:
        yield "silences", partial(_silence, settings.grafana.url, settings.grafana.token, data, stop)
    if settings.announce.alertmanager:
        yield "alertmanager", partial(_keep_equal, settings, stop)
    if settings.canary.topic:
        yield "canary", partial(_fly, aviary, settings, stop)
    yield "readings", partial(sample, settings, stop)
    yield "keeping", partial(_keep, settings, stop)


def channels(settings: Settings) -> list[Channel]:
    """The destinations of notices: the console's log, and each webhook of `[announce]`."""
    return [Console(), *(Webhook(hook.url, hook.name) for hook in settings.announce.webhooks)]


def _tell(channel: Channel, data: Path, aviary: Aviary, stop: threading.Event) -> None:
    door = "journal" if isinstance(channel, Console) else plain(channel.name)
    told = channel if isinstance(channel, Console) else Witness(channel, data)
    with closing(Receipts(data)) as receipts, closing(Judged(data)) as judged:
        Destination(told, judged, receipts, canary=partial(aviary.knock, door)).follow(stop)


def _call(oncall: OnCall, settings: Settings, aviary: Aviary, stop: threading.Event) -> None:
    data, signer = settings.data, links(settings.data, oncall)

    def report(way: str, failing: bool, problem: str) -> None:
        own_alarm(data, CHANNEL, way, failing, problem)

    canary = [partial(aviary.knock, door.name) for door in way_doors(oncall)]
    weekly = None if settings.canary.ask is None else (settings.canary.ask, settings.canary.answer_within)
    with closing(Judged(data)) as judged:
        Pager(
            witnessed(oncall, data), judged, data, links=signer, report=report, canary=canary, weekly=weekly
        ).follow(stop)


def _aviary(settings: Settings) -> Aviary:
    hooks = [door for hook in settings.announce.webhooks if (door := hook_door(hook)) is not None]
    ways = [] if settings.oncall is None else way_doors(settings.oncall)
    within = settings.canary.within / SECOND

    def sent(payload: bytes) -> Published:
        mqtt = settings.mqtt
        assert mqtt is not None
        return publish(mqtt, settings.canary.topic, payload, within)

    return Aviary([journal_door(), *hooks, *ways], sent, partial(hand_in, settings.data), within)


def _fly(aviary: Aviary, settings: Settings, stop: threading.Event) -> None:
    with closing(Judged(settings.data)) as judged:

        def ready() -> bool:
            return any(row["sensor"] == CANARY for row in judged.sensors())

        aviary.follow(stop, settings.canary.every / SECOND, ready)


def _keep(settings: Settings, stop: threading.Event) -> None:
    with closing(ReceiptKeeper(settings.data, settings.keep.history)) as keeper:
        keeper.follow(stop)


def _silence(url: str, token: Secret, data: Path, stop: threading.Event) -> None:
    with closing(Judged(data)) as judged:
        Silences(lambda: Grafana(url, token.reveal()), judged).follow(stop)


def _keep_equal(settings: Settings, stop: threading.Event) -> None:
    url, data = settings.announce.alertmanager, settings.data
    with closing(Judged(data)) as judged:
        Alertmanager(url, data, judged, settings.address).follow(stop)
