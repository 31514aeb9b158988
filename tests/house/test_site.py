"""The pages of the documentation cover the public interface, and the check of the built site can fail."""

import ast
import inspect
import re
from collections import Counter
from operator import attrgetter
from pathlib import Path

import pytest

import toolkit as tk
from docs.extensions.built_site import problems, requests_of_script
from docs.extensions.causes import cause_pages
from docs.extensions.command_line import command_page
from docs.extensions.figures import describe_svg
from docs.extensions.public_names import canonical, public_names
from docs.extensions.reference import reference_pages
from docs.extensions.result_schema import result_pages
from docs.extensions.tutorial import tutorial_pages
from docs.extensions.validation_tables import validation_page
from tests.house.tree import ROOT
from toolkit.cli import main
from toolkit.results import ESTIMANDS, SCHEMA

GROUPED = [f"{group}.{name}" for group, (_, names) in tk._GROUPS.items() for name in names]
NAMES = [f"tk.{name}" for name in [*tk._EVERYDAY, *GROUPED]]
WRITTEN = sorted([ROOT / "README.md", *(p for p in (ROOT / "docs").rglob("*.md") if "_build" not in p.parts)])


def test_every_public_name_has_one_page_and_one_line_in_a_table_with_its_purpose() -> None:
    pages = reference_pages()
    assert {f"reference/{name}.rst" for name in NAMES} == {path for path in pages if path.endswith(".rst")}
    undocumented = [n for n in NAMES if f":: {n}\n" not in pages[f"reference/{n}.rst"]]
    assert [] == undocumented
    tables = "\n".join(text for path, text in pages.items() if path.endswith(".md"))
    rows = re.findall(r"^\| `(tk\.[\w.]+)(?:\([^`]*\))?` \| (\S.*) \|$", tables, re.MULTILINE)
    assert Counter(NAMES) == Counter(name for name, _ in rows)
    assert sorted(NAMES) == sorted(name.full for name in public_names())


def test_every_name_that_a_text_mentions_is_public() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in WRITTEN
        for name in re.findall(r"\btk\.[A-Za-z_][\w.]*", path.read_text(encoding="utf-8"))
        if canonical(name) is None
    ]
    assert [] == wrong
    assert canonical("tk.total(study, variable)") == "tk.survey.total"
    assert canonical("tk.survey") == "tk.survey"
    assert canonical("tk.survey.prevalence") is None
    assert canonical("tk.prevalenc") is None


def test_the_code_that_the_build_does_not_execute_calls_what_exists() -> None:
    blocks = [
        (path.name, block)
        for path in WRITTEN
        for block in re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S)
    ]
    assert len(blocks) > 5
    assert [] == [f"{place}: {wrong}" for place, block in blocks for wrong in unknown_arguments(block)]
    assert unknown_arguments("tk.mean(study, 'age', byy='sex')") == ["tk.mean has no byy"]


def unknown_arguments(code: str) -> list[str]:
    """List the keywords of calls of public names that their signature does not have."""
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    wrong = []
    for call in calls:
        name = ast.unparse(call.func)
        if not name.startswith("tk."):
            continue
        parameters = inspect.signature(attrgetter(name.removeprefix("tk."))(tk)).parameters
        if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            wrong += [f"{name} has no {k.arg}" for k in call.keywords if k.arg and k.arg not in parameters]
    return wrong


def test_every_command_has_its_help_and_every_command_shown_is_one() -> None:
    page = command_page()["reference/command-line.md"]
    assert set(main.commands) == set(re.findall(r"^## `cramps ([\w-]+)`$", page, re.MULTILINE))
    shown = {
        name
        for path in WRITTEN
        for name in re.findall(r"^\$? ?cramps ([\w-]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {"new-study", "check", "describe", "report"} <= shown <= set(main.commands)


def test_every_column_and_every_estimand_is_explained() -> None:
    pages = result_pages()
    columns = pages["reference/result-columns.md"]
    assert list(SCHEMA) == re.findall(r"^### `(\w+)`$", columns, re.MULTILINE)
    rows = re.findall(r"^\| `(\w+)` \|", pages["reference/estimands.md"], re.MULTILINE)
    assert list(ESTIMANDS) == rows


def test_every_cause_has_its_exposures_and_truth_tables() -> None:
    pages = cause_pages()
    for name, card in tk.cards().items():
        text = pages[f"causes/{name}.md"]
        assert [e.name for e in card.exposures if f"| `{e.name}` |" not in text] == []
        heads = [" | ".join(f"`{column}`" for column in rule.truth_table().columns) for rule in card.rules]
        assert [head for head in heads if f"| {head} |" not in text] == []
        assert f"causes/{name}.md" in pages


def test_the_tutorial_is_the_numbered_notebooks() -> None:
    numbered = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9]*.py"))
    pages = tutorial_pages(ROOT / "notebooks")
    assert [f"tutorial/{stem}.ipynb" for stem in numbered] == [p for p in pages if p.endswith(".ipynb")]
    assert all(stem in pages["tutorial/index.md"] for stem in numbered)


def test_the_validation_page_lists_what_is_compared_with_r() -> None:
    text = validation_page("COMPARISONS", ROOT / "tests" / "reference")
    assert "svyglm" in text
    assert text.count("1e-9") > 100


def test_the_description_of_a_chart_comes_from_the_chart() -> None:
    assert describe_svg('<svg a="1" aria-label="Ratio 1.4 &amp; more"></svg>') == "Ratio 1.4 & more"
    titles = "".join(f"<text aria-label=\"Title text '{text}'\"/>" for text in ("Cramps by sex", "n = 5"))
    assert describe_svg(f"<svg>{titles}</svg>") == "Cramps by sex. n = 5"
    assert describe_svg("<svg><text>12</text></svg>") == ""


GOOD = (
    '<html><head><link rel="stylesheet" href="a.css"></head><body id="top"><img src="p.svg" alt="a chart">'
    '<a href="https://doi.org/10">paper</a><a href="#top">top</a><a href="b.html#there">b</a></body></html>'
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "a.html").write_text(GOOD)
    (tmp_path / "b.html").write_text('<p id="there">x</p>')
    (tmp_path / "a.css").write_text("p { background: url(data:image/png;base64,x) }")
    return tmp_path


def test_a_site_that_is_whole_has_no_problem(site: Path) -> None:
    assert problems(site) == []


@pytest.mark.parametrize(
    ("added", "found"),
    [
        ('<script src="https://cdn.example/x.js"></script>', "loads https://cdn.example/x.js"),
        ('<link rel="preload" href="//fonts.example/f.woff">', "loads //fonts.example/f.woff"),
        ('<p style="background: url(https://e.example/i.png)">', "loads https://e.example/i.png"),
        ("<style>@import 'https://e.example/s.css';</style>", "loads https://e.example/s.css"),
        ("<script>fetch('https://e.example/d.json')</script>", "loads https://e.example/d.json"),
        ('<img src="p.svg">', "picture without alternative text: p.svg"),
        ('<a href="gone.html">x</a>', "broken link gone.html"),
        ('<a href="b.html#gone">x</a>', "broken link b.html#gone"),
    ],
)
def test_each_problem_is_found(site: Path, added: str, found: str) -> None:
    (site / "a.html").write_text(GOOD.replace("</body>", f"{added}</body>"))
    assert problems(site) == [f"a.html: {found}"]


def test_a_style_sheet_or_script_that_loads_from_elsewhere_is_found(site: Path) -> None:
    (site / "a.css").write_text("@font-face { src: url('https://fonts.example/f.woff2') }")
    assert problems(site) == ["a.css: loads https://fonts.example/f.woff2"]
    assert requests_of_script("var link = 'https://doi.org/10'; open_it('x')") == []


def test_the_built_site_has_no_problem() -> None:
    built = ROOT / "docs" / "_build" / "html"
    if not (built / "index.html").exists():
        pytest.skip("the documentation is not built: make docs")
    assert problems(built) == []
