"""Names and values that few people have are planted in random studies and sought in all that is shown."""

import json
import random
from pathlib import Path

import polars as pl
import pytest

import toolkit as tk

SEEDS = range(6)
SIZES = (40, 150, 600)
PLANTED = 98765.4321  # a value of one person


def planted_study(seed: int) -> tuple[tk.Study, list[str]]:
    """Make a study whose categories have levels of one to four people each, and one odd measurement."""
    draw = random.Random(seed)  # noqa: S311 - nothing secret is drawn
    size = draw.choice(SIZES)
    columns: dict[str, list[object]] = {"y": [draw.randint(0, 1) for _ in range(size)]}
    secrets = []
    for name in ("ward", "trade", "town"):
        values = [draw.choice(["alpha", "beta", "gamma"][: draw.randint(2, 3)]) for _ in range(size)]
        places = draw.sample(range(size), 12)
        for number in range(draw.randint(1, 3)):
            secret = f"{name} of Mr. Secret{seed}{number}"
            secrets.append(secret)
            for place in places[4 * number : 4 * number + draw.randint(1, 4)]:
                values[place] = secret
        columns[name] = list(values)
    numbers = [round(draw.gauss(50, 10), 2) for _ in range(size)]
    numbers[draw.randrange(size)] = PLANTED
    columns["x"] = list(numbers)
    columns["w"] = [draw.uniform(1, 3) for _ in range(size)]
    design = draw.choice([tk.Design.none(), tk.Design(weight="w")])
    return tk.study(pl.DataFrame(columns), design=design, name=f"planted {seed}"), secrets


def everything(study: tk.Study, folder: Path) -> str:
    """Give all that a session on the study shows: results, tables, charts, files, errors, dictionary."""
    shown: list[str] = [str(study.variables()), str(study), study._repr_html_()]
    calls = [
        lambda: tk.prevalence(study, "y", by="ward"),
        lambda: tk.prevalence(study, "trade", by="y"),
        lambda: tk.mean(study, "x", by="town"),
        lambda: tk.total(study, "trade"),
        lambda: tk.association(study, "y", "ward", adjust=("trade",)),
        lambda: tk.model(study, "y ~ ward + town"),
        lambda: tk.describe(study, ("ward", "trade", "y"), by="y"),
        lambda: tk.tests.chi_square(study, "ward", "y"),
        lambda: tk.prevalence(study, "y", domain="ward == 'of Mr. Secret'"),
        lambda: tk.quantile(study, "town"),
        lambda: tk.effects.trend(study, "y", over="trade"),
        lambda: tk.association(study, "y", "town", reference="Secret", adjust=()),
        lambda: study.merge_levels("ward", {"other": ["Mr. Secret"]}),
        lambda: tk.study(study.people, design=tk.Design(weight="wards")),
    ]
    for place, call in enumerate(calls):
        try:
            result = call()
        except tk.ToolkitError as error:
            shown.append(str(error))
            continue
        if not isinstance(result, tk.Estimates):
            continue
        shown += [str(result), result._repr_html_(), tk.table(result).as_raw_html(), tk.finding(result)]
        shown.append(tk.save(result, folder / f"{place}.csv", overwrite=True).path.read_text())
        shown.append(str(tk.reports.keep(result).rows.rows()))
        if "people" not in result["estimand"].to_list():
            shown.append(json.dumps(tk.forest(result).to_dict()))
    shown.append(tk.reports.data_dictionary(study, folder / "dictionary.html").read_text())
    return "\n".join(shown)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_that_is_shown_has_a_planted_name_or_value(seed: int, tmp_path: Path) -> None:
    study, secrets = planted_study(seed)
    shown = everything(study, tmp_path)
    assert "alpha" in shown
    assert [secret for secret in secrets if secret in shown] == []
    assert str(PLANTED) not in shown
    assert f"{PLANTED:,.1f}" not in shown
    levels = {level for name in ("ward", "trade", "town") for level in study.variable(name).levels}
    assert set(secrets) <= levels, "the session itself has every level"
