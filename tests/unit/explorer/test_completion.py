"""Names complete inside quotes, in IPython itself and in a kernel as JupyterLab asks it."""

import polars as pl
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

import toolkit as tk
from toolkit.explorer.completion import offer, register


@pytest.fixture(scope="module")
def names():
    people = pl.DataFrame({
        "any_cramps": ["no", "yes"] * 20, "age": list(range(40)), "sex": ["female", "male"] * 20,
        "sedentary hours": [1.5] * 40, "years_of_school": ["few", "many", "some", "few"] * 10,
    })  # fmt: skip
    study = tk.study(people, design=tk.Design.none(), name="people", smallest_cell=0)
    return {"tk": tk, "study": study, "association": tk.association, "other": 3}


@pytest.mark.parametrize(
    ("text", "texts", "fragment"),
    [
        ('tk.prevalence(study, "any', ["any_cramps"], "any"),
        ("tk.association(study, 'any_cramps', 'se", ["sex", "sedentary hours"], "se"),
        ('tk.association(study, outcome="any_cramps", exposure="ag', ["age"], "ag"),
        ('association(\n  study,\n  "any_cramps",\n  "sex",\n  adjust=("age", "y', ["years_of_school"], "y"),
        ('tk.association(study, "any_cramps", "age", by=["se', ["sex", "sedentary hours"], "se"),
        ('association(study, "any_cramps", "years_of_school", reference="', ["few", "many", "some"], ""),
        ('tk.association(study, "any_cramps", exposure="sex", reference="f', ["female"], "f"),
        ('tk.prevalence(study, "any_cramps", domain="ag', ["age"], "ag"),
        ('tk.prevalence(study, "any_cramps", domain="age > 3 and sex == \'', ["female", "male"], ""),
        ('tk.prevalence(study, "any_cramps", domain="years_of_school in [\'few\', \'s', ["some"], "s"),
        ('tk.model(study, "any_cramps ~ age + years', ["years_of_school"], "years"),
        ('tk.tests.chi_square(study, "any_cramps", "sex', ["sex"], "sex"),
        ('tk.association(study, "any_cramps", "sex", estimand="odds', ["odds_ratio"], "odds"),
        ('study.missing("ag', ["age"], "ag"),
        ('study.derive("older", "ag', ["age"], "ag"),
        ('tk.card("diab', ["diabetes"], "diab"),
        ('tk.open_study("simu', ["simulated"], "simu"),
        ('tk.prevalence(study, "any_cramps"); tk.mean(study, "ag', ["age"], "ag"),
    ],
)  # fmt: skip
def test_what_fits_at_the_cursor_is_offered(names, text, texts, fragment):
    offered = offer(text, names)
    assert offered is not None
    assert sorted(offered.texts) == sorted(texts)
    assert offered.fragment == fragment


@pytest.mark.parametrize(
    "text",
    [
        'x = "any', 'print("any', "tk.prevalence(study, any", 'tk.prevalence(study, "any_cramps") # "an',
        'study.derive("ag', 'tk.prevalence(other, "any', 'len("any', 'tk.save(study, "any',
        "unknown(study, 'a", 'tk.association(study, "any_cramps", "age", reference="',
        'tk.association(study, "any_cramps", other, reference="',
    ],
)  # fmt: skip
def test_nothing_is_offered_elsewhere(names, text):
    offered = offer(text, names)
    assert offered is None or not offered.texts


def test_a_session_of_ipython_completes(names):
    shell = InteractiveShell.instance()
    try:
        register(shell)
        register(shell)
        assert sum(getattr(own, "of_toolkit", False) for own in shell.Completer.custom_matchers) == 1
        shell.user_ns.update(names)
        text = 'tk.prevalence(study, "any'
        with provisionalcompleter():
            found = [(own.text, own.start, own.end) for own in shell.Completer.completions(text, len(text))]
        assert found == [("any_cramps", len(text) - 3, len(text))]
    finally:
        InteractiveShell.clear_instance()


@pytest.mark.filterwarnings("ignore")
def test_a_kernel_answers_jupyterlab():
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")
    try:
        client.execute_interactive("import toolkit as tk\nstudy = tk.open_study('simulated')", timeout=120)
        text = 'tk.association(study, "any_cramps", "diabetes_to'
        answer = client.complete(text, len(text), reply=True, timeout=60)["content"]
        assert answer["matches"] == ["diabetes_told"]
        assert text[answer["cursor_start"] : answer["cursor_end"]] == "diabetes_to"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
