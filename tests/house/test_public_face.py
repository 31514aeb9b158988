"""What `import toolkit as tk` offers: quick to import, typed, documented."""

import ast
import inspect
import subprocess
import sys

import pytest

import toolkit as tk
from tests.house.tree import PACKAGE
from tests.support.looping import in_one_test
from tests.support.messages import mentioning

NAMES = sorted(tk._MODULES)
GROUPS = sorted(tk._GROUPS)


def test_the_import_is_light() -> None:
    code = (
        "import sys, toolkit\n"
        "heavy = {'polars', 'numpy', 'pandas', 'altair', 'statsmodels', 'scipy', 'papermill'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]\n" == done.stdout


def test_type_checkers_see_the_names_that_python_sees() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: str(node.module).removeprefix("toolkit.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert tk._MODULES == seen


@in_one_test("name", NAMES)
def test_a_public_name_is_there(name: str) -> None:
    assert getattr(tk, name).__name__ == name


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(AttributeError, match=mentioning("'prevalence'")):
        tk.prevalenc  # noqa: B018
    with pytest.raises(AttributeError, match=mentioning("tk.effects.interaction")):
        tk.survey.interaction  # noqa: B018


def test_every_name_is_flat_or_in_one_namespace_and_completion_shows_it_once() -> None:
    groups = {group: dir(getattr(tk, group)) for group in GROUPS}
    assert sorted([*tk._EVERYDAY, *(name for names in groups.values() for name in names)]) == NAMES
    assert dir(tk) == sorted([*tk._EVERYDAY, *GROUPS, "__version__"])
    assert all(getattr(getattr(tk, g), n) is getattr(tk, n) for g, names in groups.items() for n in names)


def test_the_face_of_the_causes_shows_functions_whatever_was_imported_before() -> None:
    code = (
        "import toolkit as tk, toolkit.causes.cards.diabetes, toolkit.causes.card\n"
        "print(tk.causes.cards is tk.cards, tk.causes.card is tk.card, len(tk.causes.cards()) > 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "True True True\n" == done.stdout


def test_a_namespace_prints_what_each_name_does() -> None:
    text = repr(tk.survey)
    assert all(name in text for name in dir(tk.survey))
    assert "quantiles" in text


ROLES = ("outcome", "exposure", "exposures", "variable", "over", "time", "events", "event", "row", "column")


@in_one_test("name", NAMES)
def test_outcome_exposure_and_variable_may_be_positional_or_named(name: str) -> None:
    function = getattr(tk, name)
    if not inspect.isfunction(function) or "study" not in inspect.signature(function).parameters:
        return
    parameters = inspect.signature(function).parameters.values()
    assert [p.name for p in parameters if p.name in ROLES and p.kind is p.KEYWORD_ONLY] == []


@in_one_test("name", NAMES)
def test_a_public_name_says_what_it_takes_and_gives_with_an_example(name: str) -> None:
    text = inspect.getdoc(getattr(tk, name)) or ""
    if inspect.isclass(found := getattr(tk, name)):
        methods = [member for key, member in vars(found).items() if not key.startswith("_")]
        assert any("\nExamples\n--------\n>>>" in (inspect.getdoc(part) or "") for part in [found, *methods])
        return
    wanted = ["Returns", "Examples"] + ["Parameters"] * bool(inspect.signature(getattr(tk, name)).parameters)
    missing = [head for head in wanted if f"\n{head}\n{'-' * len(head)}\n" not in text]
    assert [] == missing
    assert ">>>" in text
