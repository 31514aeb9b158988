"""Write the tables of what is compared with R from the files that the tests read."""

import json
from pathlib import Path
from typing import Any

from docs.extensions.markdown import escape, fold, table

_STANDARD = 1e-9


def validation_page(written: str, folder: Path) -> str:
    """Replace the line `COMPARISONS` of the written page by one fold per reference file."""
    folds = []
    for path in sorted(folder.glob("*/*.json")):
        entries = _entries(path)
        if entries:
            title = f"{path.parent.name}/{path.name}: {len(entries)} comparisons ({_versions(path)})"
            rows = [
                [
                    escape(e["id"]),
                    f"`{e['call']}`" if "`" not in e["call"] else escape(e["call"]),
                    _tolerance(e),
                ]
                for e in entries
            ]
            folds.append(fold(title, table(["comparison", "R", "tolerance"], rows)))
    return written.replace("COMPARISONS", "\n".join(folds))


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _entries(path: Path) -> list[dict[str, Any]]:
    content = _read(path)
    found = content.get("entries", []) if isinstance(content, dict) else []
    return [e for e in found if isinstance(e, dict) and isinstance(e.get("call"), str) and "id" in e]


def _versions(path: Path) -> str:
    versions = _read(path).get("versions", {})
    return ", ".join(
        f"{name} {str(v).removeprefix('R version ').partition(' ')[0]}" for name, v in versions.items()
    )


def _tolerance(entry: dict[str, Any]) -> str:
    tolerance = f"{entry.get('tolerance') or _STANDARD:.0e}".replace("e-0", "e-")
    note = entry.get("note")
    return f"{tolerance}: {escape(note)}" if note else tolerance
