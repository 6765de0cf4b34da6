"""`davylamp grafana`: files without secrets, a push that says what it did, and every way it can go wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collector.cli import main
from collector.config import load
from collector.grafana_site import page_of
from tests.collector.test_cli import SITE
from tests.grafana_fake import TOKEN, GrafanaFake, serving

INFLUX = """
[influx]
url = "http://influx.pit:8086"
token_file = "token"
bucket = "pit"
"""
GRAFANA = """
[grafana]
url = "http://127.0.0.1:1"
token_file = "grafana-token"
influx_url = "http://influxdb:8086"
page = "https://lamp.pit/"
email = ["duty@pit.example"]
webhook_file = "hook"
"""
SECRETS = {"token": "influx-s3cret", "grafana-token": "grafana-s3cret", "hook": "https://hook.pit/s3cret"}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRAFANA_TOKEN", TOKEN)
    for name, text in SECRETS.items():
        (tmp_path / name).write_text(text + "\n", "utf-8")
    path = tmp_path / "site.toml"
    path.write_text(SITE + INFLUX + GRAFANA, "utf-8")
    return path


def test_an_export_holds_no_secret_and_says_what_the_environment_must_hold(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "provisioning"
    assert main(["grafana", "export", str(folder), str(site)]) == 0
    said = capsys.readouterr().out
    text = "".join(path.read_text("utf-8") for path in folder.rglob("*.*"))
    assert not any(secret in text for secret in SECRETS.values())
    for name in ("DAVYLAMP_INFLUX_TOKEN", "DAVYLAMP_GRAFANA_WEBHOOK"):
        assert name in said
        assert f"${name}" in text
    assert "http://influxdb:8086" in text
    assert "https://lamp.pit/sensor/" in text
    assert not (folder / "alerting" / "davylamp-policies.yaml").exists(), "a file would take the whole policy tree"


def test_a_second_export_writes_nothing_and_an_old_dashboard_goes(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "provisioning"
    main(["grafana", "export", str(folder), str(site)])
    old = folder / "dashboards" / "davylamp" / "davylamp-slope.json"
    others = folder / "dashboards" / "davylamp" / "mine.json"
    old.write_text("{}")
    others.write_text("{}")
    capsys.readouterr()
    assert main(["grafana", "export", str(folder), str(site)]) == 0
    said = capsys.readouterr().out
    assert "written" not in said
    assert "removed    dashboards/davylamp/davylamp-slope.json" in said
    assert not old.exists()
    assert others.exists()


def test_an_export_in_chinese_with_the_whole_tree(site: Path, tmp_path: Path) -> None:
    words = ["grafana", "export", str(tmp_path / "out"), str(site), "--lang", "zh", "--policies", "replace"]
    assert main(words) == 0
    assert "报警" in (tmp_path / "out" / "alerting" / "davylamp.yaml").read_text("utf-8")
    assert (tmp_path / "out" / "alerting" / "davylamp-policies.yaml").exists()


def test_without_a_database_there_is_nothing_to_show(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "site.toml"
    path.write_text(SITE, "utf-8")
    assert main(["grafana", "export", str(tmp_path / "out"), str(path)]) == 1
    assert "has no [influx]" in capsys.readouterr().err
    assert main(["grafana", "export", str(path)]) == 2
    assert "DIR SITE.toml" in capsys.readouterr().err


def test_mistakes_in_the_table_are_found(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = (SITE + INFLUX + GRAFANA).replace("http://127.0.0.1:1", "grafana:3000").replace("duty@pit", "duty").replace(
        "influx_url", "influx_ulr"
    )  # fmt: skip
    site.write_text(wrong.replace("duty.example", "duty"), "utf-8")
    assert main(["check", str(site)]) == 1
    said = capsys.readouterr().err
    for found, allowed in (("grafana:3000", "http://host:3000"), ("duty", "addresses"), ("influx_ulr", "influx_url")):
        assert found in said
        assert allowed in said


def test_where_the_page_is(site: Path) -> None:
    assert page_of(load(site).settings) == "https://lamp.pit"
    site.write_text(SITE, "utf-8")
    assert page_of(load(site).settings) == "http://127.0.0.1:8080"


def test_a_push_shows_each_object_and_a_second_one_says_unchanged(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(GrafanaFake()) as url:
        words = ["grafana", "push", str(site), "--url", url, "--token-env", "GRAFANA_TOKEN"]
        assert main(words) == 0
        said = capsys.readouterr()
        assert "davylamp-critical" in said.out
        assert "created" in said.out
        assert main([*words, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert {one["outcome"] for one in told["objects"]} == {"unchanged"}
    assert not any(secret in said.out + said.err for secret in (*SECRETS.values(), TOKEN))


def test_a_push_to_9_4_exits_1_with_the_reason(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(GrafanaFake((9, 4, 0))) as url:
        assert main(["grafana", "push", str(site), "--url", url, "--token-env", "GRAFANA_TOKEN"]) == 1
    said = capsys.readouterr()
    assert "refused" in said.out
    assert said.err.count("needs Grafana 10.4.1") == 1, "once for all four"


def test_a_push_that_fails_half_way_exits_1_and_says_where(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(GrafanaFake(from_files={"davylamp-overview"})) as url:
        assert main(["grafana", "push", str(site), "--url", url, "--token-env", "GRAFANA_TOKEN"]) == 1
    said = capsys.readouterr()
    assert "not pushed" in said.out
    assert "davylamp-overview: Grafana has this from a provisioned file" in said.err


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ((), 1, "is Grafana running"),
        (("--url", "grafana:3000"), 2, "--url http://host:3000"),
        (("--token-env", "NOT_SET"), 1, "NOT_SET is not set"),
        (("--token-file", "/nowhere/token"), 1, "cannot be read"),
    ],
)
def test_a_push_that_cannot_begin_says_why(
    site: Path, words: tuple[str, ...], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["grafana", "push", str(site), *words]) == code
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.out == ""


def test_a_push_without_a_token_or_address(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.write_text(SITE + INFLUX, "utf-8")
    assert main(["grafana", "push", str(site)]) == 2
    assert "--url" in capsys.readouterr().err
    assert main(["grafana", "push", str(site), "--url", "http://127.0.0.1:1"]) == 2
    assert "--token-file" in capsys.readouterr().err
    with serving(GrafanaFake()) as url:
        assert main(["grafana", "push", str(site), "--url", url, "--token-env", "GRAFANA_TOKEN"]) == 0
    assert "names no email and no webhook" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["Quarry", "north-pit", "alarms", "x" * 17])
def test_a_name_that_uids_cannot_have_is_a_mistake(
    site: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    text = site.read_text("utf-8")
    site.write_text(text.replace("[grafana]", f'[grafana]\nname = "{name}"'), "utf-8")
    assert main(["check", str(site)]) == 1
    assert "grafana.name: found" in capsys.readouterr().err
    site.write_text(text.replace("[grafana]", '[grafana]\nname = "quarry"'), "utf-8")
    assert main(["grafana", "export", str(site.parent / "out"), str(site)]) == 0
    assert "datasources/davylamp-quarry.yaml" in capsys.readouterr().out
