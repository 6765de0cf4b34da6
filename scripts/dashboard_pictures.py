"""Draw each exported dashboard's layout as SVG, so that overlaps and holes are seen without a Grafana.

python scripts/dashboard_pictures.py            write docs/pictures/dashboards/*.svg for the example pit
python scripts/dashboard_pictures.py --check    exit 1 if they are not current
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from collector.config import load  # noqa: E402
from dashboards.every import every_dashboard  # noqa: E402

FOLDER = ROOT / "docs" / "pictures" / "dashboards"
COLUMN, LINE, GAP, HEAD = 40, 20, 3, 26
STYLE = (
    "text{font:11px sans-serif;fill:#d8d9da}.t{font-weight:bold}.k{fill:#8e8e8e}"
    "rect{fill:#181b1f;stroke:#34383e}.page{fill:#111217;stroke:none}"
)


def picture(dashboard: dict[str, Any]) -> str:
    """The layout of one dashboard."""
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    height = HEAD + LINE * max(place["y"] + place["h"] for place in places) + GAP
    width = 24 * COLUMN + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f'<style>{STYLE}</style><rect class="page" width="{width}" height="{height}"/>',
        f'<text class="t" x="{2 * GAP}" y="17">{escape(dashboard["title"])}</text>',
        *(_panel(panel) for panel in dashboard["panels"]),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _panel(panel: dict[str, Any]) -> str:
    place = panel["gridPos"]
    x, y = GAP + place["x"] * COLUMN, HEAD + place["y"] * LINE
    w, h = place["w"] * COLUMN - GAP, place["h"] * LINE - GAP
    title = panel["title"] or panel["options"].get("content", "")
    room = max(6, w // 7)
    shown = title if len(title) <= room else title[: room - 1] + "…"
    count = f"{len(panel['targets'])} quer{'y' if len(panel['targets']) == 1 else 'ies'}"
    return (f'<rect x="{x}" y="{y}" width="{w}" height="{h}"/><text class="t" x="{x + 6}" y="{y + 15}">{escape(shown)}'
            f'</text><text class="k" x="{x + 6}" y="{y + 30}">{panel["type"]}, {count}</text>')  # fmt: skip


def pictures() -> dict[Path, str]:
    """Every picture by its file."""
    site = load(ROOT / "simulators" / "scenarios" / "north-pit.toml").site
    made = every_dashboard(site, "en", "http://127.0.0.1:8080")
    return {FOLDER / f"{one.uid}.svg": picture(one.json()) for one in made}


def main(arguments: list[str]) -> int:
    """0 done or current, 1 not current."""
    wanted = pictures()
    if arguments == ["--check"]:
        old = [path.name for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]
        if old:
            print(f"not current: {', '.join(old)}; python scripts/dashboard_pictures.py", file=sys.stderr)
        return 1 if old else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in wanted.items():
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
