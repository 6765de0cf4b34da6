"""The figures as JSON: one part a detector and noise, kept in a folder until all are there, then one file.

Constraints. A part is used again only while the detector's file, its entry in the list of kinds and the way of
measuring are what they were; what the detector imports is not looked at (`--again` measures anew).
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import inspect
import json
import math
import sys
from pathlib import Path
from typing import Any

from bench.quality import measuring, streams, watching
from bench.quality.kinds import Kind
from bench.quality.measuring import CHECK, CHOOSING, MONTHS, TABLE, TRIALS, WISHED, Row, chosen, rows
from bench.quality.streams import NOISES, SPIKE

CHECKED = NOISES[0]
"""The noise in which all is measured on a second seed."""


def digest(kind: Kind) -> str:
    """Changes when the figures of a kind may have changed."""
    modules = sys.modules[kind.cls.__module__], measuring, streams, watching
    sources = [_meaning(inspect.getsource(module)) for module in modules]
    return hashlib.sha256("\n".join([repr(dataclasses.replace(kind, note="")), *sources]).encode()).hexdigest()[:16]


def _meaning(source: str) -> str:
    """The code without comments and docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [line for line in body if not _is_text(line)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(line: ast.AST) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)


def part_of(kind: Kind, noise: str) -> dict[str, Any]:
    """Choose the values, measure them; in one noise, where that is quick, once more on the second seed."""
    mark = digest(kind)
    values: dict[float | None, float] = {}
    unreached = []
    for wished, value in chosen(kind, noise).items():
        values[wished] = kind.values[-1] if value is None else value
        if value is None:
            unreached.append(wished)
    if kind.shipped is not None:
        values[None] = kind.shipped
    out: dict[str, Any] = {"noise": noise, "digest": mark, "unreached": unreached}
    out["rows"] = [_plain(row) for row in rows(kind, noise, values, TABLE)]
    again = noise == CHECKED and not kind.slow
    out["check"] = [_plain(row) for row in rows(kind, noise, values, CHECK)] if again else []
    return out


def _plain(row: Row) -> dict[str, Any]:
    late = {name: list(figures) for name, figures in row.late.items()}
    value = None if math.isnan(row.value) else row.value
    return {"wished": row.wished, "value": value, "clean": list(row.clean), "late": late}


def kept(folder: Path, kind: Kind, noise: str) -> dict[str, Any] | None:
    """A part measured before, if it still holds."""
    file = _file(folder, kind.kind, noise)
    if not file.exists():
        return None
    part: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return part if part["digest"] == digest(kind) else None


def keep(folder: Path, kind: str, part: dict[str, Any]) -> None:
    """For the next run."""
    folder.mkdir(parents=True, exist_ok=True)
    _file(folder, kind, part["noise"]).write_text(json.dumps(part), "utf-8")


def unpack(folder: Path, text: str) -> None:
    """Parts of the one file that the folder does not have: a fresh clone begins with what was measured."""
    for kind in json.loads(text)["kinds"]:
        for part in kind["parts"]:
            if not _file(folder, kind["kind"], part["noise"]).exists():
                keep(folder, kind["kind"], part)


def _file(folder: Path, kind: str, noise: str) -> Path:
    return folder / f"{kind}.{noise.replace(' ', '-').replace('%', 'percent')}.json"


def whole(parts: dict[str, list[dict[str, Any]]], kinds: list[Kind]) -> str:
    """All parts as one JSON text, a row a line; kinds without any are named."""
    left_out = [kind.kind for kind in kinds if not parts[kind.kind]]
    kinds = [kind for kind in kinds if parts[kind.kind]]
    head: dict[str, Any] = {"seeds": {"choosing": CHOOSING, "table": TABLE, "check": CHECK}}
    head |= {"months": MONTHS, "trials": TRIALS, "wished": list(WISHED), "spike": SPIKE, "left_out": left_out}
    lines = [json.dumps(head)[:-1] + ', "kinds": [']
    for kind in kinds:
        about = {
            "kind": kind.kind, "swept": kind.swept, "complement": kind.complement, "loosest": kind.values[0],
            "strictest": kind.values[-1], "fixed": dict(kind.fixed), "warm": kind.warm, "members": kind.members,
            "note": kind.note,
        }  # fmt: skip
        lines.append(json.dumps(about)[:-1] + ', "parts": [')
        lines.append(",\n".join(_lines(part) for part in parts[kind.kind]))
        lines.append("]}" + ("," if kind is not kinds[-1] else ""))
    return "\n".join([*lines, "]}"]) + "\n"


def _lines(part: dict[str, Any]) -> str:
    text = json.dumps({name: part[name] for name in ("noise", "digest", "unreached")})[:-1]
    for name in ("rows", "check"):
        inner = ",\n".join(json.dumps(row) for row in part[name])
        text += f', "{name}": [\n{inner}]' if inner else f', "{name}": []'
    return text + "}"
