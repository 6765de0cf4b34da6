"""A site file read whole: each mistake with its file and line, secrets that do not show, documents that stand alone."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.config import ConfigMistakes, Loaded, limit_sets, load
from collector.secret import Secret, SecretAbsent
from collector.toml_places import places
from detectors.site import read_site

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "deploy" / "site.example.toml"
SMALL = """
[site]
id = "pit"
timezone = "Asia/Shanghai"
[payload.plain]
topic = "pit/{area}/{sensor}/now"
json = { value = "v" }
[sensor]
ch4-1 = { area = "face", quantity = "methane", unit = "%vol", every = "5s" }
"""
TWELVE = """\
[site]
id = "north-pit"
timezone = "Asia/Shanghia"
limits = "cn"
shelving = { critical = "5min" }

[mqtt]
url = "http://broker:8883"

[payload.plain]
topic = "pit/{area}/{sensor}"
json = { valeu = "v" }

[sensor]
ch4-2105 = { area = "face-2105", quantity = "methane", unit = "%volume" }
ch4-2106 = { area = "face-2105", quantity = "methane", unit = "%vol", span = [4, 0] }
prism-17 = { area = "north-wall", quantity = "displacement", unit = "mm" }

[rule.face-methane]
sensors = ["ch4-2105"]
use = "methane.T11"

[rule.far-methane]
sensors = ["ch4-2107"]
detector = { kind = "signal.limit", limit = "1.0 %vol" }
priority = "high"

[rule.wall-moving]
sensors = ["prism-17"]
detector = { kind = "slope.velocity", limit = "10 ppm", window = "24h" }
priority = "critical"
guidance = "Close ramp 4"
respond_within = "30min"

[rule.a]
group = "g"
detector = { kind = "network.vote", of = "@b/*", k = 1, within = "1h" }
priority = "low"

[rule.b]
group = "g"
detector = { kind = "network.vote", of = "@a/*", k = 1, within = "1h" }
priority = "low"
"""
WHERE = {
    3: "nearest 'Asia/Shanghai'",
    5: "critical alarms shelved",
    8: "mqtt://broker:1883",
    12: "nearest 'value'",
    15: "nearest '%vol'",
    16: "low < high",
    21: "nearest 'methane.T1'",
    24: "nearest 'ch4-210",
    30: "cannot become",
    28: "consequence, which every critical rule needs",
    35: "a circle of rules: a -> b -> a",
}


def write(folder: Path, text: str) -> Path:
    path = folder / "site.toml"
    path.write_text(text, "utf-8")
    return path


def refused(path: Path) -> ConfigMistakes:
    with pytest.raises(ConfigMistakes) as raised:
        load(path)
    return raised.value


def test_twelve_different_mistakes_of_meaning_are_all_reported_with_their_lines(tmp_path: Path) -> None:
    twelfth = TWELVE.replace('guidance = "Close', 'guidence = "Close')
    path = write(tmp_path, twelfth)

    found = refused(path).mistakes

    for line, words in {**WHERE, 32: "nearest 'guidance'"}.items():
        assert any(mistake.line == line and words in mistake.text for mistake in found), (line, words, str(found))
    owed = [mistake for mistake in found if mistake.line == 28]
    assert len(found) == 12 + 1
    assert len(owed) == 2  # consequence, and guidance because it is misspelled
    assert all(str(mistake).startswith(f"{path}:{mistake.line}: ") for mistake in found)
    assert [mistake.line for mistake in found] == sorted(mistake.line for mistake in found)


@pytest.mark.parametrize(
    "text",
    ["[site\nid = 1", "[site]\nid = ", "[site]\nid = 'a'\nid = 'b'", "a = 1\n[site]\nx = [1, 2", '[site]\nid = "a'],
)
def test_a_syntax_error_is_told_in_the_parsers_own_words_and_place(text: str, tmp_path: Path) -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as parsers:
        tomllib.loads(text)

    (mistake,) = refused(write(tmp_path, text)).mistakes

    assert mistake.text == str(parsers.value)
    assert mistake.line >= 1
    assert f"line {mistake.line}," in mistake.text or "end of document" in mistake.text


def test_a_file_that_is_not_there_and_one_that_is_not_utf8_are_mistakes_not_crashes(tmp_path: Path) -> None:
    assert "davylamp init" in str(refused(tmp_path / "none.toml"))

    path = tmp_path / "latin.toml"
    path.write_bytes(b'[site]\nid = "gr\xfcn"\n')
    (mistake,) = refused(path).mistakes
    assert (mistake.line, "not UTF-8" in mistake.text) == (2, True)


def test_the_example_site_file_has_no_mistake() -> None:
    loaded = load(EXAMPLE)

    assert [rule.name for rule in loaded.site.rules] == [
        "silent", "face-methane.warn", "face-methane.cut", "co-air.high", "fan-maintenance", "fan-stopped",
        "wall-moving", "wall-confirmed",
    ]  # fmt: skip
    assert loaded.settings.mqtt is not None
    assert loaded.settings.mqtt.subscriptions == ("pit/+/+",)
    assert loaded.settings.mqtt.client_id == "davylamp-north-pit"
    assert loaded.settings.data == EXAMPLE.parent / "north-pit-data"
    assert not loaded.site.simulated


def test_the_document_stands_alone_and_holds_neither_settings_nor_files() -> None:
    loaded = load(EXAMPLE)

    sent = json.dumps(loaded.document)

    assert repr(read_site(json.loads(sent)).rules) == repr(loaded.site.rules)
    assert {"mqtt", "page", "announce"}.isdisjoint(loaded.document)
    assert "password" not in sent
    assert "north-pit-data" not in sent
    assert loaded.document["limit_set"]["name"] == "cn"


def test_sensors_may_come_from_a_csv_file(tmp_path: Path) -> None:
    rows = "id,area,quantity,unit,span,every,states,position,noise\nco-1,face,co,ppm,0 500,5s,,1 2 3,0.6\nfan,face,,,,10s,stopped running,,\n"  # noqa: E501
    (tmp_path / "sensors.csv").write_text(rows, "utf-8")

    loaded = load(write(tmp_path, SMALL.replace("[site]", '[site]\nsensors = "sensors.csv"')))

    sensors = loaded.site.sensors
    assert list(sensors) == ["co-1", "fan", "ch4-1"]
    assert (sensors["co-1"].span, sensors["co-1"].position, sensors["co-1"].noise) == ((0, 500), (1, 2, 3), 0.6)
    assert sensors["fan"].states == ("stopped", "running")
    assert "sensors.csv" not in json.dumps(loaded.document)


def test_mistakes_in_a_csv_file_bear_its_name_and_line(tmp_path: Path) -> None:
    rows = "id,area,quantity,unit,evry\nco-1,face,co,ppn,\nco-1,face,co,ppm,\nco-2,face,co\n,face,co,ppm,\nch4-1,face,methane,%vol,\n"  # noqa: E501
    (tmp_path / "sensors.csv").write_text(rows, "utf-8")

    found = refused(write(tmp_path, SMALL.replace("[site]", '[site]\nsensors = "sensors.csv"'))).mistakes

    lines = {(Path(mistake.file).name, mistake.line) for mistake in found}
    assert lines == {("sensors.csv", line) for line in (1, 2, 3, 4, 5)} | {("site.toml", 10)}
    assert any(mistake.line == 2 and "nearest 'ppm'" in mistake.text for mistake in found)
    assert len(found) == 6


def test_a_csv_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    assert "cannot be read" in str(refused(write(tmp_path, SMALL.replace("[site]", '[site]\nsensors = "s.csv"'))))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('[mqtt]\nurl = "mqtt://:1883"', "mqtt://broker:1883"),
        ('[mqtt]\nurl = "mqtt://b:port"', "mqtt://broker:1883"),
        ('[mqtt]\nurl = "mqtt://me:secret@b"', "a password in the url"),
        ('[mqtt]\nurl = "mqtt://b"\npassword = "x"', "unknown key 'password'"),
        ('[mqtt]\nurl = "mqtt://b"\nversion = "4"', '"3.1.1" or "5"'),
        ('[mqtt]\nurl = "mqtt://b"\nkeepalive = 0', "from 5 to 3600"),
        ('[mqtt]\nurl = "mqtt://b"\nca = "none.pem"', "which is no file"),
        ('[mqtt]\nurl = "mqtt://b"\npassword_file = "a"\npassword_env = "B"', "one of them"),
        ('[influx]\nurl = "http://i:8086"', "neither bucket nor database"),
        ('[influx]\nurl = "http://i:8086"\nbucket = "a"\ndatabase = "b"', "one of them"),
        ('[page]\nhost = "0.0.0.0"', "127.0.0.1"),
        ('[page]\nport = 70000', "from 0 to 65535"),
        ('[announce]\nwebhooks = [{ name = "a", url = "mail:x" }]', "http://host/path"),
        ('[announce]\nwebhooks = "x"', "a list of tables"),
        ('[anounce]\nwebhooks = []', "nearest 'announce'"),
        ('[payload.x]\ntopic = "{sensor}"\njson = {}\nzone = "Mars"', "a zone"),
        ('[payload.x]\ntopic = "a"\nsenml = { name = "{name}" }', "allowed: sensor"),
        ('[payload.x]\ntopic = "a"\nsenml = { sensor = "{nam}" }', "nearest 'name'"),
        ('[payload.x]\ntopic = "a/{gw}"\nmseed = { sensor = "{gv}" }', "nearest 'gw'"),
        ('[payload.x]\ntopic = "a"\nline = {}', "{field} in line.sensor"),
        ('[payload.x]\ntopic = "a"\nsenml = {}\nsparkplug = {}', "exactly one of"),
        ('[payload.x]\ntopic = "a"\nsenml = {}\nscale = 2', "it in one of form mseed"),
        ('[payload.x]\ntopic = "a"\nmseed = {}\nscale = 0', "a number above 0"),
        ('[payload.x]\ntopic = "{sensor}"\njson = {}\nprecision = "s"', "it in one of form line"),
        ('[payload.x]\ntopic = "a"\nline = { value = "v" }\nprecision = "sec"', "ns, us, ms, s"),
        ('[payload.x]\ntopic = "{sensor}"\njson = {}\nothers = "pass"', "it in one of form senml"),
        ('[payload.x]\ntopic = "a"\nsenml = {}\nsensors = { x = "ch4-x" }', "a sensor's id"),
        ('[payload.x]\ntopic = "a"\nsenml = {}\nsensors = { x = "davylamp.disk" }', "a sensor's id"),
        ('[mqtt]\nurl = "mqtts://b"\nkey = "site.toml"', "cert, the certificate of that key"),
        ('[mqtt]\nurl = "mqtts://b"\ncert = "none.pem"', "which is no file"),
        ('[mqtt]\nurl = "mqtt://b"\nshare = "a/b"', "without / + and #"),
        ('[mqtt]\nurl = "mqtt://b"\nalarm_after = "soon"', "a duration"),
    ],
)  # fmt: skip
def test_each_mistake_in_the_settings_is_found_with_its_line(settings: str, words: str, tmp_path: Path) -> None:
    (mistake,) = refused(write(tmp_path, SMALL + settings)).mistakes

    assert words in mistake.text
    assert mistake.line > SMALL.count("\n")
    assert "secret@" not in mistake.text


def test_unknown_roles_limits_and_keys_of_the_site_are_found(tmp_path: Path) -> None:
    head = '[site]\nroles = ["colect"]\nlimits = "ch"\nkeep = { raw = "long" }\ntimezon = "x"'

    found = refused(write(tmp_path, SMALL.replace("[site]", head))).mistakes

    assert [mistake.line for mistake in found] == [3, 4, 5, 6]
    assert "nearest 'collect'" in found[0].text
    assert limit_sets() == ["cn", "eu", "us"]


def with_password(folder: Path, where: str) -> Loaded:
    return load(write(folder, SMALL + f'[mqtt]\nurl = "mqtt://b"\n{where}'))


def test_a_secret_never_shows_and_is_read_where_the_file_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pw").write_text("firedamp\n", "utf-8")
    monkeypatch.setenv("PIT_PASSWORD", "afterdamp")

    from_file = with_password(tmp_path, 'password_file = "pw"')
    from_env = with_password(tmp_path, 'password_env = "PIT_PASSWORD"')

    for loaded, secret in ((from_file, "firedamp"), (from_env, "afterdamp")):
        assert loaded.settings.mqtt is not None
        assert loaded.settings.mqtt.password is not None
        assert loaded.settings.mqtt.password.reveal() == secret
        assert secret not in repr(loaded)
        assert "password=***" in repr(loaded.settings)
        assert loaded.absent == ()


@pytest.mark.parametrize(
    "where", ['password_file = "none"', 'password_env = "DAVYLAMP_UNSET"', 'password_file = "empty"']
)
def test_a_secret_that_is_not_here_is_no_mistake_of_the_file_but_is_told(where: str, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()

    loaded = with_password(tmp_path, where)

    assert len(loaded.absent) == 1
    assert loaded.settings.mqtt is not None
    secret = loaded.settings.mqtt.password
    assert isinstance(secret, Secret)
    with pytest.raises(SecretAbsent):
        secret.reveal()


TRICKY = '''
a = 1
"quoted key".b.c = """
[not.a.table]
x = 1 # " ]
"""
d = [ # comment ] }
  1, [2,
  3], { e = "}", f = [ '#' ] },
]
[t . "u.v"]
g = { h.i = 1, j = { k = 'l\\' } } # m = 2
n = 1979-05-27T07:32:00Z
[[many]]
o = "\\""
[[many]]
p = \'\'\'q\'\'\'\'
[many.r]
s = true
'''


def test_the_line_of_every_key_is_known_whatever_the_toml_looks_like() -> None:
    tomllib.loads(TRICKY)

    assert places(TRICKY) == {
        ("a",): 2, ("quoted key",): 3, ("quoted key", "b"): 3, ("quoted key", "b", "c"): 3,
        ("d",): 7, ("d", 0): 8, ("d", 1): 8, ("d", 1, 0): 8, ("d", 1, 1): 9, ("d", 2): 9, ("d", 2, "e"): 9,
        ("d", 2, "f"): 9, ("d", 2, "f", 0): 9,
        ("t",): 11, ("t", "u.v"): 11, ("t", "u.v", "g"): 12, ("t", "u.v", "g", "h"): 12,
        ("t", "u.v", "g", "h", "i"): 12,
        ("t", "u.v", "g", "j"): 12, ("t", "u.v", "g", "j", "k"): 12, ("t", "u.v", "n"): 13,
        ("many",): 14, ("many", 0): 14, ("many", 0, "o"): 15, ("many", 1): 16, ("many", 1, "p"): 17,
        ("many", 1, "r"): 18, ("many", 1, "r", "s"): 19,
    }  # fmt: skip


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,4}", fullmatch=True),
        st.one_of(st.integers(), st.text(alphabet='abc"#]}=\\', max_size=5), st.lists(st.integers(), max_size=3)),
        max_size=6,
    )
)
def test_each_key_stands_on_the_line_it_was_written_on(pairs: dict[str, object]) -> None:
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in pairs.items())

    found = places(text)

    assert {path[0]: line for path, line in found.items() if len(path) == 1} == {
        key: number for number, key in enumerate(pairs, 1)
    }


def test_the_page_about_the_site_file_is_current() -> None:
    script = ROOT / "scripts" / "site_file_doc.py"

    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
