"""The written causal model: what is wrong with it is told, and the shipped one is as it should be."""

import pytest

from tests.support.messages import mentioning
from toolkit.causes import RULES
from toolkit.causes.outcomes import BURDEN
from toolkit.errors import DatasetError
from toolkit.sources.simulated.causal_model import OUTCOME, load_model, parts, read_model
from toolkit.variables.codebook import codebook

HEAD = 'label = "SIMULATED"\ncycles = ["2005-2006"]\n'
AGE = '[node.age]\nkind = "number"\nsd = 1\n'


def measured_behind(name: str) -> set[str]:
    """Name what is measured behind a variable."""
    if name not in RULES:
        return {name}
    return {found for step in RULES[name].derivation.inputs for found in measured_behind(step)}


def described(name: str, kind: str = "yes_no", more: str = "") -> str:
    return f'[node.{name}]\nkind = "{kind}"\nlabel = "{name}"\n{more}\n'


def test_the_shipped_model_holds_the_ten_causes_and_after_the_outcome_its_burden_alone() -> None:
    model = load_model()
    names = list(model.nodes)
    assert set(names[names.index(OUTCOME) + 1 :]) <= set(model.descendants((OUTCOME,)))
    burden = {name for exposures in BURDEN.values() for e in exposures for name in measured_behind(e.name)}
    assert burden - {"general_health"} <= set(model.descendants((OUTCOME,)))
    causes = {
        "stretching_sessions", "plantar_flexed_share", "neuropathy", "multiple_sclerosis", "vigorous_minutes",
        "arthritis", "heat_index", "water_intake", "sitting_hours", "work_posture", "serum_calcium",
        "magnesium_intake", "diabetes_told", "abi_left", "abi_right",
    }  # fmt: skip
    assert causes <= set(model.nodes[OUTCOME].parents)


def test_age_and_sex_confound_most_exposures_of_the_shipped_model() -> None:
    nodes = load_model().nodes
    touched = {"age", "sex"} & set(nodes[OUTCOME].parents)
    assert touched == {"age", "sex"}
    exposed = ("stretching_sessions", "plantar_flexed_share", "vigorous_minutes", "arthritis", "neuropathy")
    assert all("age" in nodes[name].parents for name in exposed)


def test_words_of_shared_variables_come_from_the_codebook() -> None:
    nodes = load_model().nodes
    assert all(nodes[name].variable == shared for name, shared in codebook().items() if name in nodes)


def test_a_term_is_a_name_a_comparison_or_several() -> None:
    assert [(p.name, p.sign, p.value) for p in parts("age")] == [("age", "", "")]
    assert [(p.name, p.sign, p.value) for p in parts("abi_left<0.9|sex=female")] == [
        ("abi_left", "<", "0.9"),
        ("sex", "=", "female"),
    ]


def test_descendants_are_everything_that_follows_in_the_order_of_drawing() -> None:
    text = HEAD + AGE + described("a", more='effects = { "age" = 1 }')
    text += described("b", more='effects = { "a=yes" = 1 }') + described("c")
    model = read_model(text.encode())
    assert model.descendants(["age"]) == ("a", "b")
    assert model.descendants(["a"]) == ("b",)
    assert model.descendants(["c"]) == ()
    assert model.with_ancestors(["b"]) == ("age", "a", "b")
    assert model.with_ancestors(["c"]) == ("c",)


def follows(name: str, term: str) -> str:
    return described(name, more=f'effects = {{ "{term}" = 1 }}')


@pytest.mark.parametrize(
    ("nodes", "remedy"),
    [
        (
            follows("a", "agge"),
            ("'a'", "'agge'", "'age'"),
        ),
        (
            follows("a", "b=yes") + described("b"),
            ("'a'", "'b'"),
        ),
        (follows("a", "age = = 3"), ("'age = = 3'", "name=level")),
        (described("a") + follows("b", "a=yess"), ("'a'", "'yess'", "'yes'")),
        ('[node.bmi]\nkind = "number"\nunit = "kg"\n', ("'bmi'", "unit")),
        ('[node.a]\nkind = "yes_no"\n', "'a'"),
        ('[node.a]\nkind = "yesno"\nlabel = "a"\n', ("'a'", "'yesno'", "'yes_no'")),
    ],
)
def test_what_is_wrong_with_a_model_is_told_with_its_remedy(nodes: str, remedy: str) -> None:
    with pytest.raises(DatasetError, match=mentioning(remedy)):
        read_model((HEAD + AGE + nodes).encode())


def test_the_hash_is_that_of_the_bytes() -> None:
    one, other = ((HEAD + AGE + f"# {k}\n").encode() for k in (1, 2))
    assert read_model(one).sha256 != read_model(other).sha256
    assert read_model(one).sha256 == read_model(one).sha256
