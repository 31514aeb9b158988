"""Look up known vulnerabilities of the locked packages: `make audit`.

The exit code is 1 if a package has one, 2 if one could not be checked, as without a network, and otherwise 0.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")
VULNERABLE, UNCHECKED = 1, 2


def locked_packages() -> dict[str, str]:
    """Read the packages of both locks with their versions."""
    lines = (line for lock in LOCKS for line in (ROOT / lock).read_text(encoding="utf-8").splitlines())
    pinned = (line.split(" ")[0].split("==") for line in lines if "==" in line and line[0].isalnum())
    return {name.partition("[")[0].lower(): version for name, version in pinned}


def look_up() -> tuple[list[Mapping[str, Any]], str]:
    """Run pip-audit on the locks; return what it found by package, and why nothing if it failed."""
    files = [word for lock in LOCKS for word in ("-r", str(ROOT / lock))]
    options = ["--disable-pip", "--require-hashes", "-f", "json", "--progress-spinner", "off"]
    command = [sys.executable, "-m", "pip_audit", *files, *options, "--timeout", "20"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return list(json.loads(done.stdout)["dependencies"]), ""
    except (ValueError, KeyError):
        last = (done.stderr.strip() or "pip-audit gave no answer").splitlines()[-1]
        return [], last


def judge(
    found: Iterable[Mapping[str, Any]], locked: Mapping[str, str], failure: str = ""
) -> tuple[int, str]:
    """Return the exit code and the report: vulnerable packages, and those that could not be checked."""
    checked, lines, vulnerable = set(), [], 0
    for package in found:
        name = str(package["name"]).lower()
        if "skip_reason" in package:
            failure = failure or str(package["skip_reason"])
            continue
        checked.add(name)
        for entry in package["vulns"]:
            vulnerable += 1
            remedy = ", ".join(entry.get("fix_versions", ())) or "no version yet"
            lines.append(f"{name} {package['version']}: {entry['id']}, mended in {remedy}")
    unchecked = sorted(set(locked) - checked)
    lines.append(
        f"{len(checked)} of {len(locked)} packages were checked: {vulnerable} known vulnerabilities."
    )
    if unchecked:
        why = f" ({failure})" if failure else ""
        lines.append(f"NOT CHECKED{why}: {', '.join(unchecked)}.")
    return VULNERABLE if vulnerable else UNCHECKED if unchecked else 0, "\n".join(lines)


if __name__ == "__main__":
    packages, problem = look_up()
    code, report = judge(packages, locked_packages(), problem)
    sys.stdout.write(f"{report}\n")
    sys.exit(code)
