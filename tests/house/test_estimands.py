"""Every estimand has a noun, a sentence, a chart and a column heading."""

import pytest

import toolkit as tk
from toolkit.results import ESTIMANDS, Estimand, frame

NUMBERS = {
    "percent": (0.31, 0.25, 0.38), "points": (0.05, 0.01, 0.09), "ratio": (1.31, 1.11, 1.55),
    "coefficient": (0.31, 0.11, 0.51), "number": (31.0, 28.0, 34.0), "count": (31.0, 28.0, 34.0),
    "difference": (3.1, 1.1, 5.1), "test": (None, None, None),
}  # fmt: skip


def row_of(estimand: Estimand) -> dict[str, object]:
    estimate, low, high = NUMBERS[estimand.kind]
    return {
        "study": "a survey", "estimand": estimand.name, "outcome": "cramps", "outcome_label": "leg cramps",
        "exposure": "sex", "exposure_label": "sex", "level": "0.5", "level_label": "female",
        "reference": "male", "estimate": estimate, "std_error": 0.1, "conf_low": low, "conf_high": high,
        "scale": estimand.scale, "statistic": 3.0, "p_value": 0.02, "df": 30.0, "df_numerator": 1.0,
        "n": 900, "n_missing": 0, "reliability": "ok",
    }  # fmt: skip


@pytest.mark.parametrize("name", ESTIMANDS)
def test_an_estimand_can_be_shown(name: str) -> None:
    estimand = ESTIMANDS[name]
    row = row_of(estimand)
    result = frame([row])
    low, high = estimand.bounds
    assert row["estimate"] is None or low <= row["estimate"] <= high
    assert estimand.null_value is None or low <= estimand.null_value <= high

    said = tk.finding(result)
    assert name not in said or "_" not in name, "the sentence has a noun, not the name in the column"
    about = {"test": "p = 0.02"}.get(estimand.kind, "900 participants" if name == "people" else "leg cramps")
    assert about in said
    assert "could not be estimated" not in said

    heading = "participant characteristics" if name == "people" else estimand.noun.lower()
    assert heading in tk.table(result).as_raw_html().lower()

    chart = str(tk.forest(result).to_dict())
    assert estimand.noun.lower() in chart.lower()
    assert estimand.kind == "test" or ("'type': 'log'" in chart) == (estimand.kind == "ratio")


def test_the_estimands_that_one_names_are_in_the_table() -> None:
    for estimand in ESTIMANDS.values():
        for other in filter(None, (estimand.ratio, estimand.difference)):
            assert ESTIMANDS[other].family in ("ratio", "difference")
            assert ESTIMANDS[other].of == ESTIMANDS[estimand.name].noun
        assert estimand.model in ("", "logit", "poisson", "gaussian")
        assert estimand.family not in ("ratio", "difference") or estimand.of or estimand.name == "difference"
