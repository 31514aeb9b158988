"""Build the documentation site: python docs/build.py, or make docs. It needs no network.

Sources are assembled in `docs/_build/source` from the pages of this folder and from pages that are written
from the code. Then Sphinx builds `docs/_build/html`, and the result is checked.
"""

import os
import shutil
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
SOURCE, SITE = FOLDER / "_build" / "source", FOLDER / "_build" / "html"
sys.path.insert(0, str(ROOT))


def assemble(target: Path) -> None:
    """Copy the written pages, and write the generated ones."""
    from docs.extensions.causes import cause_pages
    from docs.extensions.command_line import command_page
    from docs.extensions.reference import reference_pages
    from docs.extensions.result_schema import result_pages
    from docs.extensions.tutorial import tutorial_pages
    from docs.extensions.validation_tables import validation_page

    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(FOLDER, target, ignore=shutil.ignore_patterns("_build", "_static", "extensions", "*.py"))
    shutil.copy(ROOT / "tests" / "reference" / "r-survey" / "data" / "apiclus1.csv", target)
    written = (target / "validation.md").read_text(encoding="utf-8")
    pages = {"validation.md": validation_page(written, ROOT / "tests" / "reference")}
    pages |= {
        **reference_pages(),
        **command_page(),
        **result_pages(),
        **cause_pages(),
        **tutorial_pages(ROOT / "notebooks"),
    }
    for path, text in pages.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_text(text, encoding="utf-8")
    # Notebooks save their reports in the project folder, which is then the folder of these pages.
    (target / "pyproject.toml").touch()
    for name in ("CHANGELOG", "GLOSSARY", "CONTRIBUTING"):
        text = (ROOT / f"{name}.md").read_text(encoding="utf-8")
        (target / f"{name.lower()}.md").write_text(text.replace("](docs/", "]("), encoding="utf-8")


def configure_kernels() -> None:
    """Let the kernels that execute pages import this checkout, without the settings of whoever builds."""
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    profile = FOLDER / "_build" / "ipython" / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "ipython_kernel_config.py").write_text("get_config().IPKernelApp.log_level = 'ERROR'\n")
    os.environ["IPYTHONDIR"] = str(profile.parent)


def main() -> int:
    """Build and check; returns the exit code."""
    from sphinx.cmd.build import build_main

    from docs.extensions.built_site import problems

    assemble(SOURCE)
    shutil.rmtree(SITE, ignore_errors=True)
    configure_kernels()
    code = build_main(
        ["-q", "-b", "html", "-c", str(FOLDER), "-d", str(FOLDER / "_build" / "doctrees"),
         "-W", "--keep-going", "-n", "-E", "-j", "2", str(SOURCE), str(SITE)]
    )  # fmt: skip
    # 2: Sphinx stopped, and said why.
    found = problems(SITE) if code in (0, 1) else []
    for problem in found:
        print(problem, file=sys.stderr)
    if code == 0 and not found:
        print(f"The documentation is in {SITE.relative_to(ROOT)}/index.html.")
    return code or int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
