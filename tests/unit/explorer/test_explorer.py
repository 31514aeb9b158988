"""What the explorer shows equals what its code computes, and no more of a study than charts may show."""

import json
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import toolkit as tk
from tests.support.looping import in_one_test
from tests.support.messages import mentioning
from toolkit.explorer.choices import Choice, read_choice
from toolkit.explorer.explorer_model import ExplorerModel

ADULTS = "age >= 20"
# Each tab's own result in its code.
RESULTS = {"association": "result", "prevalence": "prevalence", "flow": "flow"}


@pytest.fixture(scope="module")
def study() -> tk.Study:
    return tk.open_study("simulated")


@pytest.fixture(scope="module")
def model(study: tk.Study) -> ExplorerModel:
    return ExplorerModel(
        study, {"study": study}, outcome="any_cramps", exposure="diabetes_told", domain=ADULTS
    )


def villagers(people: int = 40) -> tk.Study:
    """A study without cramps, of few people, one of whom lives in a place of his own."""
    rows = range(people)
    frame = pl.DataFrame(
        {
            "sick": [n % 3 == 0 for n in rows],
            "place": ["Zanzibar" if n == 7 else ("hill", "valley")[n % 2] for n in rows],
            "height": [150.137 + n for n in rows],
            "income": [1000.0 + 37 * n for n in rows],
        }
    )
    return tk.study(frame, design=tk.Design.none(), name=f"villagers {people}")


LONG = ["age", "sex", "race_ethnicity", "education", "smoking", "bmi", "cycle", "hypertension_told"]
BEGUN = {
    "outcome": "any_cramps",
    "exposure": "diabetes_told",
    "estimand": "prevalence_ratio",
    "adjust": "small",
}
BEGUN |= {"covariates": [], "domain": ADULTS, "by": [], "tab": "association", "width": 800, "request": 1}


def asked(model: ExplorerModel, **changes: Any) -> dict[str, Any]:
    return model.answer({**BEGUN, **changes})


CHOICES: dict[str, dict[str, Any]] = {
    "small set": {},
    "full set": {"adjust": "full"},
    "core set": {"adjust": "core", "estimand": "odds_ratio"},
    "crude": {"adjust": "none", "estimand": "prevalence_difference"},
    "own list": {"adjust": "named", "covariates": ["rcs(age, 4)", "sex"]},
    "one covariate": {"adjust": "named", "covariates": ["sex"]},
    "long list": {"adjust": "named", "covariates": LONG},
    "groups": {"by": ["sex"]},
    "two groups": {"by": ["sex", "age_group"], "adjust": "none"},
    "standardized": {"estimand": "standardised_prevalence"},
    "continuous": {"exposure": "bmi", "domain": "age >= 20 and sex == 'female'"},
    "no domain": {"domain": ""},
    "no exposure": {"exposure": "", "by": ["sex"]},
}  # fmt: skip


@in_one_test("name", CHOICES)
def test_the_code_computes_what_is_shown(name: str, model: ExplorerModel, study: tk.Study) -> None:
    for tab, result in RESULTS.items():
        if tab == "association" and name == "no exposure":
            continue
        view = asked(model, **CHOICES[name], tab=tab)
        assert ("", {}) == (view["problem"], view["error"]), (name, tab)
        printed: list[Any] = []
        names: dict[str, Any] = {"study": study, "print": printed.append}
        exec(compile(view["code"], "code of the view", "exec"), names)  # noqa: S102 - the toolkit's own code
        found = getattr(model._explored(model.choice), tab).found
        assert_frame_equal(pl.DataFrame(found), pl.DataFrame(names[result]))
        printed = [*map(str, printed)]
        assert view["finding"] in printed
        notes = dict(view["notes"])
        assert notes["Weight"] in printed
        if tab == "association" and CHOICES[name].get("adjust", "small") not in ("none", "named"):
            assert notes["Adjustment"] in printed


def test_the_first_view_is_the_association_asked_for(model: ExplorerModel, study: tk.Study) -> None:
    view = asked(model, exposure="arthritis", tab="association")
    rows = tk.association(study, "any_cramps", "arthritis", domain=ADULTS)
    complete = tk.adjustment_for(study, "any_cramps", "arthritis", domain=ADULTS).variables
    crude = tk.association(study, "any_cramps", "arthritis", adjust=(), complete=complete, domain=ADULTS)
    assert tk.finding(pl.concat([crude, rows])) == view["finding"]
    assert view["finding"].startswith("SIMULATED DATA")
    assert "SIMULATED" in view["svg"]
    assert f"{rows['estimate'].item():.2f}" in view["svg"]


@in_one_test(("field", "changes", "words"), [
    ("domain", {"domain": "age >"}, ["'age >'"]),
    ("domain", {"domain": "agee > 20"}, ["'agee'", "'age'"]),
    ("domain", {"domain": "age > 300"}, ["'age > 300'"]),
    ("exposure", {"exposure": "any_cramps"}, ["'any_cramps'"]),
    ("exposure", {"exposure": "nothing"}, ["'nothing'"]),
    ("by", {"by": ["diabetes_told"], "exposure": "diabetes_told"}, ["'diabetes_told'"]),
    ("", {"estimand": "p_hacking"}, ["'p_hacking'"]),
    ("", {"by": "sex"}, ["'by'"]),
    ("", {"domain": "x" * 2000}, ["'domain'"]),
    ("", {"outcome": None}, ["'outcome'"]),
])  # fmt: skip
def test_of_a_wrong_choice_the_error_is_shown_and_the_last_view_stays(
    field: str, changes: dict[str, Any], words: list[str], model: ExplorerModel
) -> None:
    before = asked(model)
    after = asked(model, **changes)
    assert field == after["error"]["field"]
    assert [] == [word for word in words if word not in after["error"]["text"]]
    assert [before[key] for key in ("svg", "finding", "code", "choice")] == [
        after[key] for key in ("svg", "finding", "code", "choice")
    ]
    other = asked(model, **changes, tab="prevalence")
    assert ("prevalence", field) == (other["tab"], other["error"]["field"])
    assert before["choice"] == other["choice"]


def test_an_error_is_the_sentence_of_the_toolkit(model: ExplorerModel, study: tk.Study) -> None:
    with pytest.raises(tk.VariableError) as raised:
        tk.prevalence(study, "any_cramps", domain="agee > 20")
    assert str(raised.value) == asked(model, domain="agee > 20")["error"]["text"]


def test_what_one_tab_cannot_show_leaves_the_others() -> None:
    model = ExplorerModel(villagers(400), {})
    assert ("sick", "place", "none") == (model.choice.outcome, model.choice.exposure, model.choice.adjust)
    own = {"outcome": "sick", "exposure": "height", "domain": ""}
    view = asked(model, **own)
    assert "diagram" in view["problem"]
    assert ("", "") == (view["svg"], view["finding"])
    assert "" == asked(model, **own, tab="prevalence")["problem"]
    assert "" == asked(model, **own, adjust="none")["problem"]
    assert "" != asked(model, **own | {"exposure": ""})["problem"]


def test_ones_own_list_begins_with_the_covariates_before_it(model: ExplorerModel) -> None:
    asked(model)
    view = asked(model, adjust="named")
    assert {"rcs(age, 4)", "sex"} <= set(view["choice"]["covariates"])


def test_menus_are_by_role_and_searched_by_question(model: ExplorerModel, study: tk.Study) -> None:
    menus = model.menus
    heads = [head for head, _ in menus["exposure"]]
    assert [card.title for card in tk.cards().values() if card.title in heads] == heads[:-1]
    assert menus["outcome"][0][1][0] == "any_cramps"
    offered = {name for _, names in menus["outcome"] for name in names}
    assert all(study.codebook[name].case for name in offered)
    assert "doctor" in menus["variables"]["diabetes_told"]["question"]
    assert menus["variables"]["any_cramps"]["question"]  # that of the item which it is derived from
    assert {name for name in study.codebook if name in study.people.columns} == set(menus["variables"])


def everything_shown(study: tk.Study, **begun: Any) -> str:
    """All that the browser is sent of a study, over all exposures and tabs."""
    model = ExplorerModel(study, {}, **begun)
    found = [model.menus, model.view]
    crude: dict[str, Any] = {"outcome": "sick", "adjust": "none", "domain": ""}
    for exposure in ("place", "height", ""):
        for tab in RESULTS:
            crude |= {"exposure": exposure, "tab": tab}
            found += [asked(model, **crude, by=by) for by in ([], ["place"]) if exposure not in by]
    crude |= {"exposure": "height", "tab": "association"}
    conditions = [f"place == '{place}'" for place in ("Zanzibar", "hill", "x")]
    found += [asked(model, **crude | {"domain": condition}) for condition in conditions]
    return json.dumps(found)


def test_a_study_of_forty_people_shows_no_small_count_and_no_rare_level() -> None:
    sent = everything_shown(villagers())
    assert "sick" in sent
    assert "Zanzibar" not in sent.replace("place == 'Zanzibar'", "")  # what the user typed himself
    assert "(1 cases)" not in sent
    assert '"Weight", "No weight' in sent


def test_no_value_of_a_participant_is_sent() -> None:
    people = villagers(400)
    sent = everything_shown(people)
    for name in ("height", "income"):
        values = people.people[name].sort().to_list()[1:-1]
        assert [] == [value for value in values if f"{value}" in sent]


def test_a_study_without_an_outcome_says_how_to_make_one() -> None:
    frame = pl.DataFrame({"height": [150.1, 160.2, 170.3]})
    nothing = tk.study(frame, design=tk.Design.none(), name="heights")
    with pytest.raises(tk.VariableError, match=mentioning("study.derive", "tk.explore")):
        tk.explore(nothing)
    one = tk.study(pl.DataFrame({"sick": [0, 1] * 20}), design=tk.Design.none(), name="only sick")
    assert "prevalence" == tk.explore(one).view["tab"]
    assert "" == tk.explore(one).view["problem"]


def test_what_does_not_exist_is_refused_at_once(study: tk.Study) -> None:
    with pytest.raises(tk.VariableError, match=mentioning("'diabetis'")):
        tk.explore(study, "any_cramps", "diabetis")
    with pytest.raises(tk.ToolkitError, match=mentioning("'age > 300'")):
        tk.explore(study, domain="age > 300")


def test_the_code_opens_a_study_that_can_be_opened_and_names_one_of_the_session(study: tk.Study) -> None:
    opened = ExplorerModel(study, {"result": study, "_": study})
    assert 'study = tk.open_study("simulated")\n' in opened.view["code"]
    seeded = ExplorerModel(tk.open_study("simulated", seed=3), {})
    assert 'study = tk.open_study("simulated", seed=3)\n' in seeded.view["code"]
    example = ExplorerModel(tk.open_study("example-survey"), {})
    assert 'study = tk.open_study("example-survey")\n' in example.view["code"]
    mine = study.derive("older", "age >= 60")
    assert "tk.open_study" not in ExplorerModel(mine, {}).view["code"]
    assert "tk.prevalence(mine," in asked(ExplorerModel(mine, {"mine": mine}), tab="prevalence")["code"]


def test_names_with_quotes_and_lines_do_not_leave_their_strings() -> None:
    odd = 'it\'s "odd"\nimport os'
    frame = pl.DataFrame({odd.replace("\n", " "): [0, 1] * 20, "b": ["x", "y"] * 20, "c": [0, 1, 1, 0] * 10})
    study = tk.study(frame, design=tk.Design.none(), name="line\nimport os")
    view = ExplorerModel(study, {}, outcome=odd.replace("\n", " "), exposure="c").view
    names: dict[str, Any] = {"study": study, "print": lambda text: None}
    exec(compile(view["code"], "code", "exec"), names)  # noqa: S102
    assert "os" not in names


def test_a_widget_answers_and_prints_without_a_browser(
    study: tk.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    widget = tk.explore(study, "any_cramps", "diabetes_told", domain=ADULTS)
    assert all(words in repr(widget) for words in ("JupyterLab", "tk.association(", "95% CI"))
    widget.choice = {
        **widget.view["choice"],
        "exposure": "arthritis",
        "tab": "flow",
        "width": 700,
        "request": 5,
    }
    assert (5, "flow") == (widget.view["request"], widget.view["tab"])
    assert "arthritis" in widget.view["code"]
    data, _ = widget._repr_mimebundle_()
    assert {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"} == set(data)
    assert "<svg" in data["text/html"]
    monkeypatch.setenv("CRAMPS_CHARTS", "saved")
    assert {"text/plain", "text/html"} == set(widget._repr_mimebundle_()[0])


def test_a_failure_of_the_toolkit_itself_is_told_without_its_text(
    study: tk.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    widget = tk.explore(study, "any_cramps", "diabetes_told")

    def fail(sent: object) -> None:
        raise ZeroDivisionError("a value")

    monkeypatch.setattr(widget._model, "answer", fail)
    with pytest.raises(ZeroDivisionError):
        widget.choice = {"request": 2}
    assert "ZeroDivisionError" in widget.view["error"]["text"]
    assert "a value" not in widget.view["error"]["text"]


def test_results_of_a_choice_are_kept(model: ExplorerModel) -> None:
    choice = Choice("any_cramps", "diabetes_told", domain=ADULTS)
    assert model._explored(choice) is model._explored(choice)
    for n in range(30):
        model._explored(Choice("any_cramps", "diabetes_told", domain=f"age >= {20 + n}"))
    assert len(model._results) < 30


def test_a_choice_is_read_as_it_is_written() -> None:
    choice = Choice("a", "b", adjust="named", covariates=("c", "rcs(d, 4)"), domain="e > 1", by=("f",))
    sent = {"outcome": "a", "exposure": "b", "adjust": "named", "covariates": ["c", "rcs(d, 4)"]}
    assert choice == read_choice({**sent, "domain": " e >  1", "by": ["f"], "tab": "flow", "width": 3})
