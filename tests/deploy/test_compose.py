"""The compose file and the Dockerfile: every key is one we know, and every file, secret, volume and service exists.

PyYAML parses the file (it comes with apprise and is pinned in requirements/). The keys of the compose specification
that are used here, and the form of each value, are written below; anything else is a mistake. Not here: whether the
images exist and start, which needs a Docker daemon.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from collector.cli import VERBS, parser
from tests.deploy.shipped import DEPLOY, secrets

ROOT = DEPLOY.parent
Check = Callable[[Any], bool] | Mapping[str, Any]
DURATION, NAME = re.compile(r"\d+(ms|s|m|h)"), re.compile(r"[a-z0-9][a-z0-9_.-]*")


def matching(pattern: str) -> Check:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and one for one in value)


def text_table(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for pair in value.items() for one in pair)


def truth(value: Any) -> bool:
    return isinstance(value, bool)


def count(value: Any) -> bool:
    return type(value) is int and value > 0


def several(one: Check) -> Check:
    return lambda value: isinstance(value, list) and all(not wrong(item, one, "") for item in value)


def named(one: Check) -> Check:
    return lambda value: (
        isinstance(value, dict) and all(NAME.fullmatch(k) and not wrong(v, one, "") for k, v in value.items())
    )


def either(*checks: Check) -> Check:
    return lambda value: any(not wrong(value, check, "") for check in checks)


duration = matching(DURATION.pattern)
IMAGE = matching(r"([a-z0-9-]+/)?[a-z0-9-]+(:[0-9][a-z0-9.-]*)?")
"""A plain name on the default registry: no host, and a version unless it is built here."""
VOLUME = {
    "type": matching("bind|volume"), "source": matching(r"(\./)?[a-z][\w./-]*"), "target": matching(r"/[\w./-]+"),
    "read_only": truth, "bind": {"create_host_path": truth},
}  # fmt: skip
SERVICE: Mapping[str, Check] = {
    "image": IMAGE,
    "build": {"context": matching(r"\.\."), "dockerfile": matching("deploy/Dockerfile")},
    "restart": matching("unless-stopped"),
    "command": texts,
    "ports": several(matching(r"(127\.0\.0\.1:)?\d+:\d+")),
    "volumes": several(VOLUME),
    "secrets": several(either(matching(NAME.pattern), {"source": matching(NAME.pattern), "target": matching(r"/.+")})),
    "environment": text_table,
    "env_file": texts,
    "depends_on": either(
        texts, named({"condition": matching("service_healthy|service_started"), "restart": truth})
    ),
    "healthcheck": {
        "test": texts, "interval": duration, "timeout": duration, "retries": count, "start_period": duration,
    },
    "logging": {"driver": matching("json-file"), "options": text_table},
    "stop_grace_period": duration,
    "network_mode": matching(r"service:[a-z]+"),
    "init": truth, "read_only": truth, "tmpfs": texts, "cap_drop": texts, "security_opt": texts,
}  # fmt: skip
COMPOSE: Mapping[str, Check] = {
    "name": matching(NAME.pattern),
    "services": named(SERVICE),
    "secrets": named({"file": matching(r"\./secrets/[\w.-]+")}),
    "volumes": named({}),
}


def wrong(value: Any, check: Check, where: str) -> list[str]:
    """Every place where a value is not as the check says."""
    if callable(check):
        return [] if check(value) else [f"{where}: {value!r}"]
    if not isinstance(value, dict):
        return [f"{where}: {value!r} is no table"]
    found = [f"{where}.{key}: unknown" for key in value if key not in check]
    return found + [line for key in value if key in check for line in wrong(value[key], check[key], f"{where}.{key}")]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8")))


def services(compose: Mapping[str, Any]) -> Mapping[str, Any]:
    return dict(compose["services"])


def test_every_key_is_known_and_every_value_has_its_form(compose: dict[str, Any]) -> None:
    found = wrong(compose, {key: check for key, check in COMPOSE.items() if key != "services"} | {"services": dict}, "")
    for name, service in services(compose).items():
        found += wrong(service, SERVICE, name)
        assert NAME.fullmatch(name)
        assert "image" in service
    assert found == []
    assert set(compose) == set(COMPOSE)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("image", "registry.example/davylamp:1"), ("image", "influxdb:latest"), ("restart", True),
        ("ports", [8883]), ("ports", ["0.0.0.0:3000:3000"]), ("volume", []), ("stop_grace_period", 15),
        ("healthcheck", {"test": ["CMD", "true"], "retry": 3}), ("secrets", [{"source": "ca", "target": "ca.pem"}]),
        ("environment", {"A": 1}),
    ],
)  # fmt: skip
def test_the_check_finds_mistakes(key: str, value: Any) -> None:
    assert wrong({"image": "nginx:1.28", key: value}, SERVICE, "x")


def test_what_services_name_is_there(compose: dict[str, Any]) -> None:
    used: set[str] = set()
    volumes: set[str] = set()
    for service in services(compose).values():
        used |= {one if isinstance(one, str) else one["source"] for one in service.get("secrets", ())}
        volumes |= {one["source"] for one in service.get("volumes", ()) if one["type"] == "volume"}
        others = [*service.get("depends_on", ()), *service.get("network_mode", "").split(":")[1:]]
        assert set(others) <= set(services(compose))
    assert used == set(compose["secrets"])
    assert volumes == set(compose["volumes"])


def test_each_file_is_shipped_or_made_by_the_steps(compose: dict[str, Any], tmp_path: Path) -> None:
    made = secrets(tmp_path / "secrets", "pit.example")
    files = [secret["file"] for secret in compose["secrets"].values()]
    for service in services(compose).values():
        files += [one["source"] for one in service.get("volumes", ()) if one["type"] == "bind"]
        files += service.get("env_file", ())
    steps = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    for name in files:
        place = made / Path(name).name if name.startswith("./secrets/") else DEPLOY / name
        assert place.exists() or f"deploy/{name.removeprefix('./')}" in steps, name


def test_no_secret_stands_in_an_environment(compose: dict[str, Any]) -> None:
    for service in services(compose).values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN|SECRET|KEY", name):
                assert value.startswith("/run/secrets/"), name


def test_bind_mounts_never_make_folders(compose: dict[str, Any]) -> None:
    """A missing site.toml is an error, not an empty folder of that name."""
    for service in services(compose).values():
        for one in service.get("volumes", ()):
            assert one["type"] == "volume" or (one["read_only"], one["bind"]["create_host_path"]) == (True, False)


def test_secrets_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    folder = secrets(tmp_path / "secrets", "10.0.0.7")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    secrets(folder, "10.0.0.7")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "ca.key").stat().st_mode & 0o777 == 0o600
    assert len({before[f"{name}-password"] for name in ("mqtt", "influx", "grafana", "page")}) == 4
    for name in ("broker", "page"):
        subprocess.run(
            ["openssl", "verify", "-CAfile", folder / "ca.pem", "-verify_ip", "10.0.0.7", folder / f"{name}.pem"],
            check=True, capture_output=True,
        )  # fmt: skip


# The image.

LINES = (DEPLOY / "Dockerfile").read_text("utf-8").splitlines()
WORDS = [shlex.split(line) for line in LINES if line and not line.startswith("#")]


def instructions(kind: str) -> list[list[str]]:
    return [words[1:] for words in WORDS if words[0] == kind]


def test_the_image_installs_what_is_pinned_and_then_the_project_alone() -> None:
    first, second = (words for words in instructions("RUN") if words[:2] == ["pip", "install"])
    assert {"--require-hashes", "-r", "requirements/demo.txt"} <= set(first)
    assert {"--no-deps", "--no-build-isolation", "."} <= set(second)


def test_the_image_has_every_package_and_only_files_that_exist() -> None:
    copied = [source for words in instructions("COPY") for source in words[:-1]]
    assert all((ROOT / source).exists() for source in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = {name.rstrip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert packages <= set(copied)
    kept = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[0] == "!"}
    assert kept == set(copied)


def test_the_image_starts_what_the_command_takes() -> None:
    (words,) = instructions("CMD")
    asked = parser().parse_args([word.strip("[],") for word in words])
    assert (asked.verb, str(asked.data)) == ("run", "/var/lib/davylamp")
    assert instructions("USER") == [["davylamp"]]


def test_every_davylamp_command_of_the_steps_can_be_parsed() -> None:
    steps = (ROOT / "docs" / "deploy.md").read_text("utf-8").replace("\n   DIR", " DIR")
    verbs = "|".join(VERBS)
    found = re.findall(rf"davylamp ((?:{verbs}) [^`\n]*)[`\n]", steps)
    assert len(found) >= 6
    for words in found:
        parser().parse_args(shlex.split(words.partition(", ")[0], comments=True))


def test_the_example_site_passes_check() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "collector.cli", "check", "deploy/site.example.toml"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
