"""Grafana's API behind one class: each way it fails becomes one clear sentence, and no secret is in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from collector.broker import free_port
from collector.errors import DavylampError, Rejected, Unavailable
from collector.grafana import Absent, Grafana
from tests.grafana_fake import TOKEN, VIEWER, GrafanaFake, serving


@pytest.fixture
def fake() -> GrafanaFake:
    return GrafanaFake()


@pytest.fixture
def url(fake: GrafanaFake) -> Iterator[str]:
    with serving(fake) as address:
        yield address


def test_what_is_there_and_what_is_not(fake: GrafanaFake, url: str) -> None:
    grafana = Grafana(url, TOKEN)
    assert grafana.find("/folders/none") is None
    grafana.ask("POST", "/folders", {"uid": "one", "title": "One"})
    assert grafana.find("/folders/one")["title"] == "One"
    with pytest.raises(Absent):
        grafana.ask("GET", "/folders/none")


def test_an_empty_answer_is_an_answer(url: str) -> None:
    assert Grafana(url, TOKEN).ask("DELETE", "/v1/provisioning/mute-timings/none") == {}


def test_a_grafana_below_a_path(fake: GrafanaFake) -> None:
    with serving(fake, "/pit/grafana") as url:
        assert Grafana(url, TOKEN).version() == (12, 4, 0)


@pytest.mark.parametrize(
    ("text", "version"), [("13.0.1-9999pre", (13, 0, 1)), ("10.4.0+security-01", (10, 4, 0)), ("9.4", (9, 4, 0))]
)
def test_versions_are_read_however_they_are_written(
    fake: GrafanaFake, url: str, text: str, version: tuple[int, int, int]
) -> None:
    fake.broken["GET /health"] = (200, {"version": text})
    assert Grafana(url, TOKEN).version() == version


def test_a_version_kept_from_strangers_is_found_elsewhere(fake: GrafanaFake, url: str) -> None:
    fake.tell_version = False
    assert Grafana(url, TOKEN).version() == (12, 4, 0)
    fake.broken["GET /frontend/settings"] = (200, {})
    with pytest.raises(Rejected, match="does not tell its version"):
        Grafana(url, TOKEN).version()


WAYS = [
    (401, {"message": "Invalid API key"}, Rejected, "does not know the token.*role Admin"),
    (403, {"message": "permissions needed: x"}, Rejected, "may not do PUT /x .*role Admin"),
    (403, {"message": "Permissions needed: alert.provisioning.provenance:write"}, Rejected, "role Admin"),
    (403, {"message": "Access denied"}, Rejected, "role Admin"),
    (403, {"message": "Cannot update read-only data source"}, Rejected, "provisioned file.*remove the file"),
    (400, {"message": "cannot change provenance from 'file' to 'api'"}, Rejected, "provisioned file"),
    (400, {"message": "Cannot save provisioned dashboard"}, Rejected, "provisioned file"),
    (400, {"message": "uid too long, max 40 characters"}, Rejected, "40 characters"),
    (400, {"message": "bad request data"}, Rejected, "answered 400 to PUT /x: bad request data"),
    (404, {"message": "no such"}, Absent, "nothing at PUT /x"),
    (409, {"message": "name exists"}, Rejected, "rename or delete"),
    (412, {"message": "changed by someone else"}, Rejected, "somebody else.*push again"),
    (429, {"message": "slow down"}, Unavailable, "in a minute"),
    (500, {"message": "failed to update rule with UID a"}, Unavailable, "before 11.5.2"),
    (500, {"message": "database is locked"}, Unavailable, "database is locked.*log"),
    (502, b"<html>a message of the proxy</html>", Unavailable, "proxy"),
    (503, b"<html>away</html>", Unavailable, "503"),
    (200, b"<html>login</html>", Unavailable, "no JSON: is it a Grafana"),
    (302, b"", Unavailable, "sends elsewhere"),
]


@pytest.mark.parametrize(("code", "body", "kind", "sentence"), WAYS)
def test_each_answer_becomes_one_sentence(
    fake: GrafanaFake, url: str, code: int, body: object, kind: type[DavylampError], sentence: str
) -> None:
    fake.broken["PUT /x"] = (code, body)
    with pytest.raises(kind, match=sentence) as told:
        Grafana(url, TOKEN).ask("PUT", "/x", {})
    assert "\n" not in str(told.value)
    assert TOKEN not in str(told.value)


def test_nobody_there() -> None:
    with pytest.raises(Unavailable, match="is Grafana running"):
        Grafana(f"http://127.0.0.1:{free_port()}", TOKEN).ask("GET", "/health")


def test_a_token_that_may_only_look(url: str) -> None:
    with pytest.raises(Rejected, match="role Admin"):
        Grafana(url, VIEWER).ask("POST", "/folders", {"uid": "a", "title": "A"})
    with pytest.raises(Rejected, match="does not know the token"):
        Grafana(url, "wrong").ask("GET", "/folders/a")


def test_a_secret_in_an_answer_is_not_repeated(fake: GrafanaFake, url: str) -> None:
    fake.broken["POST /v1"] = (400, {"message": "invalid URL https://hook/s3cret for glsa_admin"})
    with pytest.raises(Rejected) as told:
        Grafana(url, TOKEN, ["https://hook/s3cret"]).ask("POST", "/v1/provisioning/contact-points", {})
    assert "s3cret" not in str(told.value)
    assert "***" in str(told.value)
