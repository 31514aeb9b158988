"""The diagram's sets are named in the result and explained; what follows is refused."""

import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning, mentions
from toolkit.dag import Arrow, Diagram, Node, adjustment_for, causal_diagram
from toolkit.errors import DatasetError, VariableError
from toolkit.results import EDGES_SCHEMA, covariates
from toolkit.studies import declared_again, declared_json
from toolkit.variables import Availability

ASKED = {"outcome": "any_cramps", "exposure": "diabetes_told"}


@pytest.fixture(scope="module")
def study():
    return tk.open_study("simulated")


def test_the_column_adjust_names_the_set_that_the_record_explains(study):
    chosen = adjustment_for(study, **ASKED)
    found = tk.association(study, **ASKED)
    assert ", ".join(chosen.terms) == found["adjust"].item()
    assert ("rcs(age, 4)", "age") == (chosen.terms[0], chosen.variables[0])
    named = tk.association(study, **ASKED, adjust=chosen.terms)
    assert found.equals(named)
    straight = tk.association(study, **ASKED, adjust=chosen.variables)
    assert straight["adjust"].item().startswith("age, sex, ")
    assert straight["estimate"].item() != found["estimate"].item()


@pytest.mark.parametrize("size", ["small", "full", "core"])
def test_every_set_can_be_asked_for_by_its_name(study, size):
    chosen = adjustment_for(study, **ASKED, size=size)
    found = tk.association(study, **ASKED, adjust=size)
    assert (", ".join(chosen.terms), size) == (found["adjust"].item(), chosen.size)


def test_full_holds_small_and_small_holds_the_core(study):
    core, small, full = (
        adjustment_for(study, **ASKED, size=size).variables for size in ("core", "small", "full")
    )
    assert ("age", "sex", "race_ethnicity", "education", "cycle") == core
    assert set(core) < set(small) < set(full)
    with pytest.raises(VariableError, match=mentioning("'large'")):
        adjustment_for(study, **ASKED, size="large")


def test_a_variable_that_is_called_like_a_set_is_told_from_it(study):
    named = study.derive("full", "age >= 60")
    with pytest.raises(VariableError, match=mentioning("adjust=('full',)")):
        tk.association(named, **ASKED, adjust="full")
    assert "full" == tk.association(named, **ASKED, adjust=("full",))["adjust"].item()


def test_background_is_in_the_set_and_nothing_that_follows_is(study):
    chosen = adjustment_for(study, **ASKED)
    assert {"age", "sex", "bmi", "education", "race_ethnicity"} <= set(chosen.variables)
    nodes = {causal_diagram().node_of(name) for name in chosen.variables} - {None}
    assert not nodes & causal_diagram().descendants("diabetes")


def test_a_set_without_unmeasured_confounders_says_that_the_diagram_is_an_assumption(study):
    chosen = adjustment_for(study, outcome="any_cramps", exposure="alcohol_group", domain="age >= 20")
    assert not chosen.sufficient
    whole = adjustment_for(study, outcome="any_cramps", exposure="race_ethnicity")
    assert ("age", "sex", "cycle") == whole.variables  # education follows from it
    assert whole.sufficient
    assert mentions(whole, "age, sex and survey cycle")
    assert not adjustment_for(study, outcome="any_cramps", exposure="race_ethnicity", size="core").sufficient


def test_what_cannot_be_measured_is_named_with_the_path_left_open(study):
    chosen = adjustment_for(study, **ASKED)
    assert not chosen.sufficient
    income, apnea, activity = chosen.unmeasured
    assert ("income", "not measured in this study") == (income.label, income.reason)
    assert ("physical activity in earlier years", "not in the codebook of this study") == (
        activity.label,
        activity.reason,
    )
    assert mentions(activity.path, "diabetes ← physical activity in earlier years →")
    assert mentions(
        chosen.summary, "residual confounding", "income, sleep apnea and physical activity in earlier years"
    )
    assert mentions(chosen.summary, "income")
    assert "every back-door path" not in chosen.summary
    assert f"{apnea.label} ({apnea.reason}): {apnea.path}" == chosen.left_open[1]
    assert [chosen.summary, *(f"- {path}" for path in chosen.left_open)] == [
        line for line in str(chosen).splitlines() if not line.endswith(":")
    ]


def test_reverse_causation_is_said_in_words(study):
    chosen = adjustment_for(study, outcome="any_cramps", exposure="diuretic")
    assert chosen.unmeasured[0].reverse
    assert mentions(chosen.summary, "reverse causation", "diuretics")
    assert "Reverse" not in adjustment_for(study, **ASKED).summary


def test_a_long_list_of_unmeasured_confounders_names_the_first_three(study):
    chosen = adjustment_for(study, outcome="any_cramps", exposure="sitting_group")
    assert 4 < len(chosen.unmeasured) == len(chosen.left_open)
    assert mentions(chosen.summary, len(chosen.unmeasured) - 3)


def test_a_proxy_is_not_adjusted_for(study):
    entry = study.codebook["bmi"]
    proxy = entry.with_availability((Availability("2005-2006", "proxy", "guessed"),))
    guessed = replace(study, codebook=study.codebook.with_variables(proxy))
    chosen = adjustment_for(guessed, outcome="any_cramps", exposure="arthritis")
    assert "bmi" not in chosen.variables
    assert {"body mass index": "measured only by a proxy"}.items() <= {
        gap.label: gap.reason for gap in chosen.unmeasured
    }.items()


def test_a_social_exposure_keeps_the_core_that_does_not_follow_from_it(study):
    assert ("sex", "race_ethnicity", "cycle") == adjustment_for(
        study, outcome="any_cramps", exposure="age"
    ).variables
    assert ("age", "sex", "race_ethnicity", "cycle") == adjustment_for(
        study, outcome="any_cramps", exposure="education"
    ).variables
    assert "age" not in tk.association(study, outcome="any_cramps", exposure="age")["adjust"].item()


def test_the_cycle_is_in_the_set_where_several_contribute(study):
    every = adjustment_for(study, **ASKED)
    assert "cycle" == every.variables[-1]
    one = adjustment_for(study, **ASKED, domain="cycle == '2005-2006'")
    assert "cycle" not in one.variables
    assert {*every.variables} - {"cycle"} == {*one.variables}
    within = tk.association(study, **ASKED, by="cycle")
    assert "cycle" not in within["adjust"][0]


def test_within_levels_of_a_variable_it_is_not_adjusted_for(study):
    found = tk.association(study, **ASKED, by="sex")
    assert {"sex"}.isdisjoint(covariates(found["adjust"][0]))
    assert "rcs(age, 4)" in covariates(found["adjust"][0])


def few(share):
    """Forty people; body mass is known of a share of them."""
    known = round(40 * share)
    return tk.study(
        pl.DataFrame(
            {
                "any_cramps": ["yes", "no", "no", "yes"] * 10,
                "arthritis": ["no", "yes"] * 20,
                "age": [30.0 + n for n in range(40)],
                "sex": ["male", "male", "female", "female"] * 10,
                "bmi": [20.0 + n % 7 for n in range(known)] + [None] * (40 - known),
            }
        ),
        design=tk.Design.none(),
        codebook="toolkit",
    )


def test_what_few_people_have_counts_as_not_measured():
    asked = {"outcome": "any_cramps", "exposure": "arthritis"}
    assert "bmi" in adjustment_for(few(0.75), **asked).variables
    chosen = adjustment_for(few(0.7), **asked)
    assert ("age", "sex") == chosen.variables
    assert mentions({gap.reason for gap in chosen.unmeasured}, "70%")
    assert ("race/ethnicity", "education", "income") == chosen.not_measured
    assert "bmi" in adjustment_for(few(0.7), **asked, domain="age < 48").variables


def test_columns_of_ones_own_are_not_matched_by_name():
    own = tk.study(few(1).people, design=tk.Design.none())
    with pytest.raises(VariableError, match=mentioning("'any_cramps'", "codebook='toolkit'")):
        tk.association(own, outcome="any_cramps", exposure="arthritis")
    found = tk.association(own, outcome="any_cramps", exposure="arthritis", diagram=causal_diagram())
    assert "rcs(age, 4), sex, bmi" == found["adjust"].item()


def test_a_diagram_of_ones_own_decides(study, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'title = "mine"\nwithout = { age = "one cohort", sex = "men only" }\n'
        '[nodes.smoke]\nlabel = "smoke"\nvariables = ["smoked_100"]\n'
        '[nodes.sugar]\nlabel = "sugar"\nvariables = ["diabetes_told"]\n'
        '[nodes.cramps]\nlabel = "cramps"\nvariables = ["any_cramps"]\n'
        '[[arrows]]\ncause = "smoke"\neffects = ["sugar", "cramps"]\nreason = "so it is"\n'
        '[[arrows]]\ncause = "sugar"\neffects = ["cramps"]\nreason = "so it is"\n'
    )
    found = tk.association(study, **ASKED, diagram=path)
    assert "smoked_100, cycle" == found["adjust"].item()
    path.write_text(path.read_text().replace(', sex = "men only"', ""))
    with pytest.raises(DatasetError, match=mentioning("'mine.toml'")):
        tk.association(study, **ASKED, diagram=path)


def test_what_follows_from_the_exposure_is_refused_unless_told_to(study):
    told = mentioning(
        "'neuropathy'",
        "exposure",
        "diabetes → peripheral neuropathy → nocturnal leg cramps",
        "adjust=('age',)",
        "allow_descendants=True",
    )
    with pytest.raises(VariableError, match=told):
        tk.association(study, **ASKED, adjust=("age", "neuropathy"))
    found = tk.association(study, **ASKED, adjust=("age", "neuropathy"), allow_descendants=True)
    assert "age, neuropathy" == found["adjust"].item()


def test_what_follows_from_the_outcome_is_refused_with_what_it_opens(study):
    told = mentioning("'general_health'", "outcome", "diabetes → self-rated health ← nocturnal leg")
    with pytest.raises(VariableError, match=told):
        tk.association(study, **ASKED, adjust=("age", "general_health"))


def test_an_exposure_that_follows_from_the_outcome_has_no_set(study):
    with pytest.raises(VariableError, match=mentioning("outcome", "adjust=()")):
        tk.association(study, outcome="any_cramps", exposure="general_health")


def test_the_same_thing_measured_twice_may_be_adjusted_for(study):
    found = tk.association(study, **ASKED, adjust=("age", "age_group"))
    assert "age, age_group" == found["adjust"].item()


def test_edges_hold_the_arrows_around_the_exposure(study):
    edges = adjustment_for(study, **ASKED).edges
    assert list(EDGES_SCHEMA) == edges.columns
    roles = dict(edges.select("cause", "cause_role").iter_rows())
    assert ("exposure", "adjusted", "not measured", "between") == tuple(
        roles[name] for name in ("diabetes", "age", "earlier_activity", "neuropathy")
    )
    assert "outcome" in set(edges["effect_role"])
    assert edges["reason"].str.len_chars().min() > 0


def test_a_diagram_in_memory_is_taken_too():
    nodes = {"a": Node("a", "a", ("arthritis",)), "b": Node("b", "b", ("any_cramps",))}
    reasons = {"age": "one birth cohort", "sex": "men only"}
    diagram = Diagram("two", nodes, (Arrow("a", "b", "so"),), without=reasons)
    with pytest.raises(DatasetError, match=mentioning("'age'")):
        tk.association(
            few(1), outcome="any_cramps", exposure="arthritis", diagram=replace(diagram, without={})
        )
    chosen = adjustment_for(few(1), outcome="any_cramps", exposure="arthritis", diagram=diagram)
    assert () == chosen.variables
    assert 1 == chosen.edges.height


def test_curves_and_interactions_ask_the_diagram_too(study):
    curve = tk.curve(study, outcome="any_cramps", exposure="bmi", at=(25, 30), reference=25)
    chosen = adjustment_for(study, outcome="any_cramps", exposure="bmi")
    assert {", ".join(chosen.terms)} == set(curve["adjust"])
    pair = tk.interaction(study, outcome="any_cramps", exposures=("arthritis", "sex"))
    [text] = set(pair["adjust"])
    assert {"rcs(age, 4)", "bmi", "education", "smoking"} <= set(covariates(text))
    assert not {"sex", "arthritis"} & set(covariates(text))


CONDITIONAL = {
    "association": lambda s, **o: tk.association(s, "any_cramps", "diabetes_told", **o),
    "curve": lambda s, **o: tk.curve(s, "any_cramps", "bmi", at=(25, 30), reference=25, **o),
    "interaction": lambda s, **o: tk.interaction(s, "any_cramps", ("diabetes_told", "arthritis"), **o),
    "trend": lambda s, **o: tk.trend(s, "any_cramps", over="age", **{"adjust": "small", **o}),
    "precision": lambda s, **o: tk.precision(s, "any_cramps", "diabetes_told", **o),
    "atlas": lambda s, **o: tk.atlas(s, "any_cramps", "diabetes_told", **o | {"adjust": [o.get("adjust")]}),
    "multiverse": lambda s, **o: tk.multiverse(
        s, ("any_cramps", "frequent_cramps"), "diabetes_told", flips=0, **o | {"adjust": [o.get("adjust")]}
    ),
}


@pytest.mark.parametrize("name", CONDITIONAL)
def test_every_conditional_estimator_takes_a_diagram_and_accepts_descendants(study, name):
    own = Diagram(
        "mine",
        {
            "smoke": Node("smoke", "smoking", ("smoked_100",)),
            "start": Node("start", "start", ("diabetes_told", "arthritis", "bmi", "age")),
            "end": Node("end", "cramps", ("any_cramps",)),
        },
        (Arrow("smoke", "start", "so"), Arrow("smoke", "end", "so"), Arrow("start", "end", "so")),
        without={"age": "the start", "sex": "an example"},
    )
    found = CONDITIONAL[name](study, diagram=own)
    assert {"smoked_100"} == {text for row in found["adjust"] for text in covariates(row)} - {"cycle"}
    if name != "trend":  # A trend is descriptive: any covariate is accepted.
        with_descendant = {"adjust": ("general_health",), "diagram": None}
        accepted = CONDITIONAL[name](study, **with_descendant, allow_descendants=True)
        assert {"general_health"} == set(accepted["adjust"])


def test_the_default_costs_few_changes_between_modules(study):
    """Each calls the next once: the diagram is asked a question, not consulted step by step."""
    mine = study.derive("new", "age > 40")  # a study for which nothing is computed yet
    folder, last, changes = Path(tk.__file__).parent, "", 0

    def count(frame, event, _):
        nonlocal last, changes
        caller = frame if event == "call" else frame.f_back
        name = caller.f_code.co_filename if caller and event in ("call", "return") else ""
        if name.startswith(str(folder)):
            inside = str(folder / "dag") in f"{name} {last}"
            changes += event == "call" and name != last and inside
            last = name

    adjustment_for(study, **ASKED)  # imports
    sys.setprofile(count)
    try:
        adjustment_for(mine, **ASKED)
    finally:
        sys.setprofile(None)
    assert changes <= 30


# Derived variables keep their place.


def test_a_variable_derived_from_one_node_inherits_it(study):
    obese = study.derive("obese", "bmi >= 30").derive("very_obese", "obese == 'yes' and bmi >= 40")
    wanted = adjustment_for(study, outcome="any_cramps", exposure="bmi")
    for name in ("obese", "very_obese"):
        assert wanted.variables == adjustment_for(obese, outcome="any_cramps", exposure=name).variables
        assert "bmi" not in tk.association(obese, outcome="any_cramps", exposure=name)["adjust"].item()
    cramps = study.derive("pain", "frequent_cramps == 'yes'")
    assert adjustment_for(cramps, outcome="pain", exposure="bmi").variables == wanted.variables


def test_a_polars_expression_keeps_its_place_too(study):
    obese = study.derive("obese", pl.col("bmi") >= 30)
    assert "occupation" not in adjustment_for(obese, outcome="any_cramps", exposure="obese").variables
    assert ("bmi",) == obese.codebook["obese"].inputs


def test_of_variables_of_several_nodes_the_node_is_named(study):
    text = "bmi >= 30 and diabetes_told == 'yes'"
    both = study.derive("both", text)
    told = mentioning(
        "'both'",
        "'bmi' (body_mass)",
        "'diabetes_told' (diabetes)",
        "study.derive('both', ..., node='body_mass')",
        'node = "body_mass"',
        "study.toml",
        "adjust=('rcs(age, 4)', 'sex', 'race_ethnicity', 'education')",
    )
    with pytest.raises(VariableError, match=told):
        tk.association(study.derive("both", text), outcome="any_cramps", exposure="both")
    named = study.derive("both", text, node="body_mass")
    wanted = adjustment_for(study, outcome="any_cramps", exposure="bmi")
    assert wanted.variables == adjustment_for(named, outcome="any_cramps", exposure="both").variables
    with pytest.raises(
        VariableError, match=mentioning("node='body_mas'", "'x'", "'body_mas'", "'body_mass'")
    ):
        tk.association(study.derive("x", text, node="body_mas"), outcome="any_cramps", exposure="x")
    core = ("rcs(age, 4)", "sex", "race_ethnicity", "education")
    assert (
        ", ".join(core)
        == tk.association(both, outcome="any_cramps", exposure="both", adjust=core)["adjust"][0]
    )


def test_a_derived_mediator_is_refused_like_its_input(study):
    numb = study.derive("any_numbness", "numb_feet == 'yes'")
    with pytest.raises(VariableError, match=mentioning("'any_numbness'", "peripheral neuropathy")):
        tk.association(numb, **ASKED, adjust=("age", "any_numbness"))


def test_a_declared_node_is_adjusted_for_in_a_study_of_ones_own(tmp_path):
    people = few(1).people.drop("bmi").with_columns(stout=pl.Series([True, False, False, True, False] * 8))
    kept = people.select("any_cramps", "arthritis", "age", "sex", "stout").with_row_index("person")
    kept.write_csv(tmp_path / "people.csv")
    (tmp_path / "study.toml").write_text(
        'name = "mine"\nperson = "person"\n[files.people]\npath = "people.csv"\n'
        "[design]\nnone = true\n[variables]\n"
        'any_cramps = { column = "any_cramps", levels = { yes = "yes", no = "no" } }\n'
        'arthritis = { column = "arthritis", levels = { yes = "yes", no = "no" } }\n'
        'age = { column = "age", unit = "years" }\n'
        'sex = { column = "sex", levels = { male = "male", female = "female" } }\n'
        'stout = { column = "stout", levels = { false = "no", true = "yes" }, node = "body_mass" }\n'
    )
    study = tk.open_study(tmp_path / "study.toml")
    assert "body_mass" == study.codebook["stout"].node
    assert "stout" in adjustment_for(study, outcome="any_cramps", exposure="arthritis").variables


def test_nodes_and_inputs_are_kept_with_a_study(study):
    own = study.derive("obese", "bmi >= 30").derive("heavy", "bmi >= 25 and age > 0", node="body_mass")
    again = declared_again(declared_json(own), own.people)
    assert (("bmi",), "body_mass") == (again.codebook["obese"].inputs, again.codebook["heavy"].node)
