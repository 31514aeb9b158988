"""Names and values that few people have are planted in random studies and sought in all that is shown."""

import contextlib
import io
import json
import logging
import os
import random
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import toolkit as tk
from tests.support.looping import in_one_test

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


# Calls that fail or warn: wrong types, bad conditions, models without a fit, broken designs and files.
def provoked(frame: pl.DataFrame, folder: Path, draw: random.Random) -> list[Callable[[], object]]:
    """Make calls at random that are mostly refused, on random columns of a frame with secrets."""
    columns = frame.columns
    one, two, three = (draw.choice(columns) for _ in range(3))
    none = tk.Design.none()

    def own(**options: Any) -> tk.Study:
        return tk.study(frame, name="provoked", **{"design": none, **options})

    def from_file(ending: str, text: str) -> tk.Study:
        path = folder / f"people.{ending}"
        frame.write_csv(path) if ending == "csv" else frame.write_parquet(path)
        (folder / "study.toml").write_text(
            f'name = "mine"\nperson = "id"\n[files.people]\npath = "{path.name}"\n'
            f"[design]\nnone = true\n{text}"
        )
        return tk.open_study(folder / "study.toml")

    block = f'[variables.v]\ncolumn = "{one}"\n'
    ways: list[Callable[[], object]] = [
        lambda: tk.prevalence(own(), one, by=two),
        lambda: tk.mean(own(), one, by=two, domain=f"{three} > 3"),
        lambda: tk.mean(own(), one, domain=f"{two} == 'absent'"),
        lambda: tk.prevalence(own(), "y", domain=f"{one} in [1, 2] and not ({two} < 'b'"),
        lambda: tk.association(own(), one, two, adjust=(three,)),
        lambda: tk.model(own(), f"{one} ~ {two} + {three}", draw.choice(["logit", "gaussian", "poisson"])),
        lambda: tk.model(own(), f"Surv({one}, {two}) ~ {three}", family="cox"),
        lambda: tk.model(own(), f"y ~ log({one}) + I({two} ** 9)"),
        lambda: tk.effects.curve(own(), "y", one, adjust=(two,)),
        lambda: tk.effects.cosinor(own(), "y", one),
        lambda: tk.effects.trend(own(), "y", over=one),
        lambda: tk.quantile(own(), one, by=two),
        lambda: tk.survival(own(), time=one, event=two),
        lambda: tk.describe(own(), (one, two), by=three),
        lambda: tk.tests.chi_square(own(), one, two),
        lambda: tk.total(own(design=tk.Design(weight=one)), two),
        lambda: tk.mean(own(design=tk.Design(weight="w", strata=one, psu=two)), "x"),
        lambda: tk.mean(own(design=tk.Design(weight="w", fpc=one)), "x"),
        lambda: tk.mean(
            own(design=tk.Design(replicate_weights=[one, two], replicate_method="bootstrap")), "x"
        ),
        lambda: tk.study(frame.rename({one: "age"}), design=none, codebook="toolkit"),
        lambda: tk.study(frame.rename({one: "sex"}), design=none, codebook="toolkit"),
        lambda: tk.study(frame.to_pandas().astype({one: object}), design=none),
        lambda: own().derive("new", f"{one} > {two}"),
        lambda: own().derive("new", pl.col(one).cast(pl.Int64), label="new"),
        lambda: own().derive("new", pl.col(one).cast(pl.String).str.to_date(), label="new"),
        lambda: own().cut(one),
        lambda: own().merge_levels(one, {"other": ["absent"]}),
        lambda: own().variable(one) and own().missing(two),
        lambda: tk.flow(own(), one, two, adjust=(three,)),
        lambda: from_file("csv", block),
        lambda: from_file("csv", block + 'kind = "yes_no"\n'),
        lambda: from_file("csv", block + 'levels = { 1 = "one", 2 = "two" }\n'),
        lambda: from_file("parquet", block + 'unit = "years"\n'),
        lambda: from_file("parquet", block + f'[variables.z]\nexpression = "{one} / {two} > 3"\n'),
    ]
    return draw.sample(ways, 12)


def secret_frame(seed: int) -> tuple[pl.DataFrame, list[str]]:
    """Give unique texts and numbers, and a few values of one person, in random columns."""
    draw = random.Random(seed)  # noqa: S311 - nothing secret is drawn
    size = draw.choice([30, 60])
    unique = [f"Jane Doe no. {seed}{k:04d}" for k in range(size)]
    numbers = [7_000_000.0 + 1_009 * k + seed / 7 for k in range(size)]
    few = [draw.choice(["a", "b"]) for _ in range(size)]
    few[3] = f"only Mx. Rare{seed}"
    columns: dict[str, list[object]] = {
        "id": [f"pid-{seed}-{k * 7919}" for k in range(size)],
        "name": list(unique),
        "few": list(few),
        "income": [None if draw.random() < 0.1 else n for n in numbers],
        "mixed": [draw.choice(["1", "2", u]) for u in unique],
        "born": [f"19{k % 90 + 10}-02-{k % 28 + 1:02d}" for k in range(size)],
        "y": [draw.randint(0, 1) for _ in range(size)],
        "x": [draw.gauss(0, 1) for _ in range(size)],
        "w": [draw.choice([1.0, 2.0]) for _ in range(size)],
    }
    secrets = [
        *columns["id"],
        *unique,
        few[3],
        *(f"{n:.0f}" for n in numbers),
        *(f"{n:,.0f}" for n in numbers),
    ]
    return pl.DataFrame(columns), [str(secret) for secret in secrets]


@pytest.mark.filterwarnings("default")
@in_one_test("seed", range(int(os.environ.get("CRAMPS_SUBSAMPLES", "0")) or 6))
def test_no_error_warning_log_or_file_name_has_a_secret(
    seed: int, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame, secrets = secret_frame(seed)
    folder = tmp_path_factory.mktemp("provoked")
    monkeypatch.setenv("CRAMPS_CACHE", str(folder / "cache"))
    monkeypatch.setenv("TMPDIR", str(folder))
    shown: list[str] = []
    records = logging.StreamHandler(logs := io.StringIO())
    logging.getLogger().addHandler(records)
    draw = random.Random(seed)  # noqa: S311 - nothing secret is drawn
    failed = 0
    quiet = contextlib.redirect_stdout(logs), contextlib.redirect_stderr(logs)
    with warnings.catch_warnings(record=True) as warned, quiet[0], quiet[1]:
        for call in provoked(frame, folder, draw):
            try:
                result = call()
            except Exception as error:
                failed += 1
                shown += [*traceback.format_exception(error), *chain_of(error)]
            else:
                shown += [str(result)] if isinstance(result, tk.Study) else [repr(result), str(result)]
    logging.getLogger().removeHandler(records)
    shown += [logs.getvalue(), *(str(one.message) for one in warned)]
    shown += [str(path.relative_to(folder)) for path in folder.rglob("*")]
    text = "\n".join(shown)
    assert failed > 3
    assert sorted({secret for secret in secrets if secret in text})[:5] == []


def chain_of(error: BaseException) -> list[str]:
    """Give the messages and notes of an error and of those that it was raised from."""
    found: list[str] = []
    at: BaseException | None = error
    while at is not None:
        found += [str(at), *getattr(at, "__notes__", ())]
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
    return found
