"""A # is a comment to the end of its line in every text of the user; in quotes and backticks it is text."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import toolkit as tk
from toolkit.errors import ToolkitError
from toolkit.variables import formula, one_line, parse

LINES = "age ≥ 40  # adults who said 'yes' or \"no\"\r\n# a line of its own\n\n  and sex == 'female'"
PLAIN = "age >= 40 and sex == 'female'"
N = 120


@pytest.fixture(scope="module")
def study() -> tk.Study:
    frame = pl.DataFrame(
        {
            "age": [20.0 + 40 * (i % 2) + i % 7 for i in range(N)],
            "ward": ["a", "b", "c", "a"] * 30,
            "sex": ["female", "male", "male"] * 40,
            "y": [int(i % 5 in (1, 2, 4) or i % 7 == 3) for i in range(N)],
            "x": [float(i % 11) for i in range(N)],
            "unit #2": [float(i % 5) for i in range(N)],
        }
    )
    return tk.study(frame, design=tk.Design.none(), name="mine")


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (PLAIN, LINES),
        ("a == 'x # y' and b == \"#\"", "a == 'x # y'  # z\nand b == \"#\"  # '"),
        ("`unit #2` > 1", "`unit #2` > 1 # ` and c"),
        ("a == 'it\\'s # 1'", "a == 'it\\'s # 1' # it's"),
        ("a > 1 and b", "a > 1 # c\u2028and b"),
        ("", "# nothing but words\n   # of mine"),
        ("", " \n"),
        ("a >= 2 and b <= 3 and c != 'x ≥ y' or `d ≤ e`", "a ≥ 2 and b ≤ 3 and c ≠ 'x ≥ y' or `d ≤ e`  # ≥"),
        ("a ~ b + c", "a ~ b  # first\n  + c"),
    ],
)
def test_a_text_of_several_lines_in_one(expected: str, text: str) -> None:
    assert expected == one_line(text)


def test_a_comment_is_no_part_of_a_condition(study: tk.Study) -> None:
    assert (PLAIN, ("age", "sex")) == (parse(LINES).text, parse(LINES).names)
    assert "a == 'x # y'" == formula("a == 'x # y' # z").text


ESTIMATES: dict[str, Callable[[tk.Study, str], pl.DataFrame]] = {
    "prevalence": lambda s, d: tk.prevalence(s, outcome="y", domain=d),
    "mean": lambda s, d: tk.mean(s, "x", domain=d),
    "total": lambda s, d: tk.total(s, "y", domain=d),
    "ratio": lambda s, d: tk.ratio(s, "x", "age", domain=d),
    "quantile": lambda s, d: tk.quantile(s, "x", 0.5, domain=d),
    "describe": lambda s, d: tk.describe(s, ("x", "y"), domain=d),
    "association": lambda s, d: tk.association(s, outcome="y", exposure="x", adjust=(), domain=d),
    "model": lambda s, d: tk.model(s, "y ~ x", family="logit", domain=d),
    "margins": lambda s, d: tk.margins(s, "y ~ ward", "ward", family="logit", domain=d),
    "flow": lambda s, d: tk.flow(s, outcome="y", domain=d),
}


@pytest.mark.parametrize("name", ESTIMATES)
def test_a_domain_of_several_lines_is_that_of_one(study: tk.Study, name: str) -> None:
    expected, found = (ESTIMATES[name](study, text) for text in (PLAIN, LINES))
    assert expected.equals(found)
    assert not ESTIMATES[name](study, "").equals(found)


def test_a_derived_variable_and_a_model_formula(study: tk.Study) -> None:
    for text in ("when(x > 3, 'much', # above three\n 'little')", "when(x > 3, 'much', 'little')"):
        derived = study.derive("dose", text, levels=("little", "much"))
        assert sum(i % 11 > 3 for i in range(N)) == (derived.people["dose"] == "much").sum()
    assert study.derive("old", LINES).people["old"].equals(study.derive("old", PLAIN).people["old"])
    plain = tk.model(study, "y ~ x + sex", family="poisson", offset="log(age)")
    lines = tk.model(study, "y ~ x  # dose\n  + sex  # ~ age", family="poisson", offset="log(age) # 'years'")
    assert plain.equals(lines)


def test_an_expression_of_a_study_toml(tmp_path: Path) -> None:
    pl.DataFrame({"id": range(9), "kg": [60.0 + i for i in range(9)], "m": [1.7] * 9}).write_csv(
        tmp_path / "p.csv"
    )
    (tmp_path / "study.toml").write_text(
        'name = "a"\nperson = "id"\nfiles.p.path = "p.csv"\ndesign.none = true\n'
        "[variables.bmi]\nexpression = '''\nkg  # in kilograms\n/ m ** 2  # 'metres'\n'''\n"
        "[variables.heavy]\nkind = 'yes_no'\nexpression = '''\nkg > 62  # fat\nand m == 1.7\n'''\n"
    )
    people = tk.open_study(tmp_path / "study.toml").people
    assert 60 / 1.7**2 == pytest.approx(people["bmi"][0])
    assert ["no"] * 3 + ["yes"] * 6 == people["heavy"].to_list()


def test_the_domain_of_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}
    monkeypatch.setattr("toolkit.report.render", lambda *_, **given: asked.update(given))
    CliRunner().invoke(
        tk_main(), ["report", "--cause", "diabetes", "--domain", LINES], catch_exceptions=False
    )
    assert parse(PLAIN).text == parse(asked["domain"]).text


def tk_main():  # type: ignore[no-untyped-def]
    from toolkit.cli import main

    return main


LIMITS = (
    "(" * 150 + "age > 1" + ")" * 150,
    "age > 1e5000",
    "-" * 300 + "age > 1",
    "age > " + "-" * 300 + "1",
    "not " * 300 + "(age > 1)",
    "-" * 9000 + "1 < age",
    "(" * 5000 + "age > 1" + ")" * 4900,
    "age > 1" + " and age > 1" * 700,
    "age > 1" + " or age > 1" * 700,
    "age > 1" + "".join(f" and (age > {i} or x > {i})" for i in range(300)),
    "age > 1" + " < 2" * 1500,
    f"age in [{', '.join(map(str, range(1500)))}]",
    f"age in {'[' * 3000}{']' * 3000}",
    "a" * 9990,
    "age > 1" + "0" * 5000,
    "'" * 9999,
    "`" * 9999,
    "#" * 9999 + "\n`",
    "x" + " + x" * 2000 + " > 1",
    "1 " * 4000,
)
DOORS: dict[str, Callable[[tk.Study, str], object]] = {
    "domain": lambda s, text: tk.mean(s, "x", domain=text),
    "derive": lambda s, text: s.derive("z", text),
    "model": lambda s, text: tk.model(s, f"y ~ {text}", family="gaussian"),
    "arithmetic": lambda s, text: tk.model(s, f"y ~ I({text.replace(' > 1', '')})", family="gaussian"),
}


@pytest.mark.parametrize("door", DOORS)
def test_long_and_deep_texts_are_answered_or_refused_in_a_short_line(study: tk.Study, door: str) -> None:
    told = [refusal(lambda text=text: DOORS[door](study, text)) for text in LIMITS]  # some took minutes
    assert [] == [words[:200] for words in told if len(words) > 500 or "\n" in words]


def refusal(call: Callable[[], object]) -> str:
    """What the toolkit says to refuse a call; "" if it answers. Any other error is not caught."""
    try:
        call()
    except ToolkitError as error:
        return str(error)
    return ""
