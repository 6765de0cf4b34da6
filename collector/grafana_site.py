"""What a site file means for Grafana: everything to push, or the files to provision it from.

Constraints. Files hold no secret: where one belongs stands the name of an environment variable, the same at every site.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from collector.config import Loaded
from collector.errors import DavylampError
from collector.secret import Secret
from collector.settings import Settings
from dashboards.console.figures import Lang
from dashboards.contacts import Contacts
from dashboards.provision import Provisioned, Source, files, in_files, provisioned
from dashboards.sharing import shared

TOKEN, WEBHOOK, DEAD_MAN = "DAVYLAMP_INFLUX_TOKEN", "DAVYLAMP_GRAFANA_WEBHOOK", "DAVYLAMP_DEAD_MAN"
"""Environment variables that provisioned files name."""


class NoInflux(DavylampError):
    """Grafana has nothing to read from."""


def to_push(loaded: Loaded, lang: Lang) -> Provisioned:
    """Everything of the site with its secrets. Raises `SecretAbsent`, or `NoInflux` if there is no [influx]."""
    return _named(loaded, provisioned(loaded.site, lang, page_of(loaded.settings), *_asked(loaded.settings, _revealed)))


def to_files(loaded: Loaded, lang: Lang, policies: bool) -> dict[str, str]:
    """The provisioning files by path. `policies` says whether the whole policy tree becomes Davylamp's."""
    where = _asked(loaded.settings, lambda name, secret: f"${name}" if secret else "")
    wanted = provisioned(loaded.site, lang, page_of(loaded.settings), *in_files(*where))
    return files(_named(loaded, wanted), policies)


def _named(loaded: Loaded, wanted: Provisioned) -> Provisioned:
    """Under this site's name, where it has one in Grafana."""
    name = loaded.settings.grafana.name
    return shared(wanted, name, loaded.site.id) if name else wanted


def variables(settings: Settings) -> list[str]:
    """The environment variables that Grafana needs for the files."""
    token = settings.influx.token if settings.influx else None
    named = {TOKEN: token, WEBHOOK: settings.grafana.webhook, DEAD_MAN: settings.grafana.dead_man}
    return [name for name, secret in named.items() if secret]


def secrets_of(settings: Settings) -> list[str]:
    """The texts that no message may show."""
    named = (settings.influx.token if settings.influx else None, settings.grafana.webhook, settings.grafana.dead_man)
    return [secret.reveal() for secret in named if secret]


def write_files(folder: Path, wanted: dict[str, str]) -> list[str]:
    """Write what differs and remove dashboards of this site that are no more; what was done, a line each."""
    done = []
    for name, text in wanted.items():
        path = folder / name
        if path.is_file() and path.read_text("utf-8") == text:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        done.append(f"written    {name}")
    homes = {(folder / name).parent for name in wanted if name.endswith(".json")}
    for path in sorted(path for home in homes for path in home.glob("davylamp-*.json")):
        name = path.relative_to(folder).as_posix()
        if name not in wanted:
            path.unlink()
            done.append(f"removed    {name}")
    return done


def page_of(settings: Settings) -> str:
    """The operator's page as those who look at Grafana reach it."""
    return settings.grafana.page or settings.address


def _asked(settings: Settings, put: Callable[[str, Secret | None], str]) -> tuple[Source, Contacts]:
    """Data source and contacts; `put` gives the text for a secret of a name."""
    influx, grafana = settings.influx, settings.grafana
    if influx is None:
        raise NoInflux(f"{settings.path} has no [influx]: Grafana reads what Davylamp writes there, so give one")
    source = Source(grafana.influx_url or influx.url, influx.bucket or influx.database or "", put(TOKEN, influx.token),
                    settings.announce.alertmanager)  # fmt: skip
    return source, Contacts(grafana.email, put(WEBHOOK, grafana.webhook), put(DEAD_MAN, grafana.dead_man),
                            settings.oncall is not None)  # fmt: skip


def _revealed(_: str, secret: Secret | None) -> str:
    return secret.reveal() if secret else ""
