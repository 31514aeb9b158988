"""Simulated survey data in parquet files, and the estimates of each package that the benchmarks compare."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

TERMS = [f"x{j + 1}" for j in range(8)]
TWO_LEVELS = TERMS[4:]
NUMBERS = [f"z{j + 1}" for j in range(10)]
FORMULA = "cramps ~ " + " + ".join(TERMS)
DISCRETE = "cramps ~ " + " + ".join(TWO_LEVELS)
CONTINUOUS = "cramps ~ " + " + ".join(NUMBERS)
# Beyond so many rows an engine that keeps all of them in memory is not measured. R takes most of a
# minute for an estimate from a million rows.
MOST_ROWS = {"toolkit": 10**7, "svy": 10**7, "statsmodels": 10**6, "r": 10**5, "toolkit-spark": 10**7}
_CHUNK = 10**6


class Steps(NamedTuple):
    """What is measured: data are read, a design is made of them, and an estimate from that."""

    read: Callable[[], Any]
    declare: Callable[[Any], Any]
    estimate: Callable[[Any], Any]


def make_people(rows: int, seed: int = 20261123) -> pl.DataFrame:
    """Simulate a survey of 30 strata with 2 sampling units each."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(50, 10, (rows, 4))
    marks = rng.integers(0, 2, (rows, 4)).astype(np.int8)
    drift = np.full(rows, -5.0) + 0.02 * numbers.sum(axis=1) + 0.02 * marks.sum(axis=1)
    return pl.DataFrame(
        {
            **{name: numbers[:, j] for j, name in enumerate(TERMS[:4])},
            **{name: marks[:, j] for j, name in enumerate(TWO_LEVELS)},
            "cramps": (rng.random(rows) < 1 / (1 + np.exp(-drift))).astype(np.int8),
            "w": rng.exponential(1, rows) + 0.2,
            "stratum": rng.integers(0, 30, rows).astype(np.int16),
            "psu": rng.integers(0, 2, rows).astype(np.int8),
            "region": pl.Series(rng.integers(0, 4, rows)).replace_strict(
                dict(enumerate(("north", "east", "south", "west"))), return_dtype=pl.String
            ),
        }
    )


def wide_people(rows: int, seed: int = 20261129) -> pl.DataFrame:
    """Simulate a survey of 50 strata with 20 sampling units each, and ten measurements."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(50, 10, (rows, len(NUMBERS)))
    chance = 1 / (1 + np.exp(1 - 0.02 * (numbers[:, :5].sum(axis=1) - 250)))
    return pl.DataFrame(
        {
            **{name: numbers[:, j] for j, name in enumerate(NUMBERS)},
            "cramps": (rng.random(rows) < chance).astype(np.int8),
            "w": rng.exponential(1, rows) + 0.2,
            "stratum": rng.integers(0, 50, rows).astype(np.int16),
            "psu": rng.integers(0, 20, rows).astype(np.int8),
        }
    )


def file_of(task: str, rows: int, folder: Path) -> Path:
    """Write the data of a task once: of ten measurements where the task has ten."""
    return people_file(rows, folder, wide=task == "logit-continuous")


def people_file(rows: int, folder: Path, *, wide: bool = False) -> Path:
    """Write the simulated people once, a million at a time."""
    people = wide_people if wide else make_people
    path = folder / f"people-{'wide-' if wide else ''}{rows}.parquet"
    if not path.is_file():
        from pyarrow import parquet

        folder.mkdir(exist_ok=True)
        part = path.with_suffix(".part")
        with parquet.ParquetWriter(part, people(1).to_arrow().schema) as writer:
            for number, first in enumerate(range(0, rows, _CHUNK)):
                writer.write_table(people(min(_CHUNK, rows - first), 20261123 + number).to_arrow())
        part.rename(path)
    return path


def _toolkit(path: Path) -> dict[str, Steps]:
    import toolkit as tk

    design = tk.Design(weight="w", strata="stratum", psu="psu")
    run = _estimates()
    declare = partial(tk.study, design=design, name="benchmark")
    steps = {task: Steps(lambda: pl.read_parquet(path), declare, own) for task, own in run.items()}
    asked = {
        "outcomes": ("any_cramps", "frequent_cramps", "mild_cramps"),
        "adjust": ((), ("age",), ("age", "sex"), ("age", "sex", "race_ethnicity", "education")),
        "domain": [f"age >= 20{more}" for more in ("", " and sex == 'female'", " and sex == 'male'")]
        + ["age >= 60"],
    }
    whole = Steps(lambda: tk.open_study("nhanes"), lambda study: study, lambda s: tk.atlas(s, **asked))
    return {**steps, "atlas": whole}


def _estimates() -> dict[str, Callable[[Any], Any]]:
    import toolkit as tk

    return {
        "mean": lambda study: tk.mean(study, "x1"),
        "mean-by": lambda study: tk.mean(study, "x1", by="region"),
        "proportion": lambda study: tk.prevalence(study, "cramps"),
        "total": lambda study: tk.total(study, "x1"),
        "ratio": lambda study: tk.ratio(study, "x1", "x2"),
        "logit": lambda study: tk.model(study, FORMULA),
        "logit-discrete": lambda study: tk.model(study, DISCRETE),
        "logit-continuous": lambda study: tk.model(study, CONTINUOUS),
    }


def _toolkit_on(scan: Callable[[Path], Any], path: Path) -> dict[str, Steps]:
    """Estimate with the toolkit where the file is: opening and estimate, then the estimate again."""
    import toolkit as tk

    design = tk.Design(weight="w", strata="stratum", psu="psu")
    declare = partial(tk.study, design=design, name="benchmark")
    return {
        task: Steps(lambda: scan(path), declare, own)
        for task, own in _estimates().items()
        if task not in ("total", "mean-by")
    }


def _duckdb_relation(path: Path) -> Any:
    import duckdb

    return duckdb.sql(f"SELECT * FROM '{path}'")  # noqa: S608


def _spark_frame(path: Path) -> Any:
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark.read.parquet(str(path))


def _svy(path: Path) -> dict[str, Steps]:
    import svy

    design = svy.Design(wgt="w", stratum="stratum", psu="psu")
    run = {
        "mean": lambda s: s.estimation.mean("x1"),
        "mean-by": lambda s: s.estimation.mean("x1", by="region"),
        "proportion": lambda s: s.estimation.prop("cramps", ci_method="korn-graubard"),
        "total": lambda s: s.estimation.total("x1"),
        "ratio": lambda s: s.estimation.ratio("x1", "x2"),
        "logit": lambda s: s.glm.fit("cramps", x=TERMS, family="binomial"),
        "logit-discrete": lambda s: s.glm.fit("cramps", x=TWO_LEVELS, family="binomial"),
    }
    read = lambda: pl.read_parquet(path)  # noqa: E731
    return {task: Steps(read, lambda frame: svy.Sample(frame, design), own) for task, own in run.items()}


def _statsmodels(path: Path) -> dict[str, Steps]:
    import statsmodels.api as sm

    def design_matrix(terms: list[str], frame: pl.DataFrame) -> Any:
        X = sm.add_constant(frame.select(terms).to_numpy().astype(float))
        return sm.GLM(frame["cramps"].to_numpy(), X, sm.families.Binomial(), freq_weights=frame["w"])

    return {
        task: Steps(lambda: pl.read_parquet(path), partial(design_matrix, terms), lambda model: model.fit())
        for task, terms in (("logit", TERMS), ("logit-discrete", TWO_LEVELS))
    }


def _duckreg(path: Path) -> dict[str, Steps]:
    import duckdb
    from duckreg.estimators import DuckLogisticRegression

    if not hasattr(duckdb.DuckDBPyConnection, "fetch_arrow_table"):
        # DuckDB 2 renamed the method by which ibis, which duckreg rests on, fetches.
        duckdb.DuckDBPyConnection.fetch_arrow_table = lambda self, *size: self.to_arrow_table(*size)
    folder = tempfile.mkdtemp(prefix="duckreg-")

    def read() -> str:
        name = f"{folder}/people.duckdb"
        with duckdb.connect(name) as database:
            database.execute(f"CREATE VIEW people AS SELECT * FROM '{path}'")  # noqa: S608
        return name

    def fit(name: str) -> None:
        model = DuckLogisticRegression(name, "people", DISCRETE, seed=1, n_bootstraps=0)
        model.fit()
        model.fit_vcov()

    return {"logit-discrete": Steps(read, lambda name: name, fit)}


def _polars(path: Path) -> dict[str, Steps]:
    def scan(*columns: str) -> Callable[[Any], Any]:
        sums = [(pl.col(name) * pl.col("w")).sum().alias(name) for name in columns]
        groups = pl.scan_parquet(path).group_by("stratum", "psu").agg(pl.col("w").sum(), pl.len(), *sums)
        return lambda _: groups.collect(engine="streaming")

    tasks = {task: Steps(lambda: None, lambda _: None, scan(*names)) for task, names in _SCANNED.items()}
    keys = ["stratum", "psu", "cramps", *TWO_LEVELS]
    cells = pl.scan_parquet(path).group_by(keys).agg(pl.col("w").sum(), pl.len())
    discrete = Steps(lambda: None, lambda _: None, lambda _: cells.collect(engine="streaming"))
    return {**tasks, "logit-discrete": discrete}


def _duckdb(path: Path) -> dict[str, Steps]:
    import duckdb

    def scan(*columns: str) -> Callable[[Any], Any]:
        sums = ", ".join(f"sum({name} * w)" for name in columns)
        query = f"SELECT stratum, psu, sum(w), count(*), {sums} FROM '{path}' GROUP BY stratum, psu"  # noqa: S608
        return lambda _: duckdb.sql(query).fetchall()

    tasks = {task: Steps(lambda: None, lambda _: None, scan(*names)) for task, names in _SCANNED.items()}
    keys = ", ".join(["stratum", "psu", "cramps", *TWO_LEVELS])
    cells = f"SELECT {keys}, sum(w), count(*) FROM '{path}' GROUP BY {keys}"  # noqa: S608
    discrete = Steps(lambda: None, lambda _: None, lambda _: duckdb.sql(cells).fetchall())
    return {**tasks, "logit-discrete": discrete}


_SCANNED = {
    "mean": ["x1"], "proportion": ["cramps"], "total": ["x1"], "ratio": ["x1", "x2"], "logit": TERMS,
    "logit-continuous": NUMBERS,
}  # fmt: skip
ENGINES: dict[str, Callable[[Path], dict[str, Steps]]] = {
    "toolkit": _toolkit,
    "svy": _svy,
    "statsmodels": _statsmodels,
    "duckreg": _duckreg,
    "polars": _polars,
    "duckdb": _duckdb,
    "toolkit-polars": partial(_toolkit_on, pl.scan_parquet),
    "toolkit-duckdb": partial(_toolkit_on, _duckdb_relation),
    "toolkit-spark": partial(_toolkit_on, _spark_frame),
}
# What an engine needs where its name is not that of a package.
_PACKAGES = {"toolkit-polars": "polars", "toolkit-duckdb": "duckdb", "toolkit-spark": "pyspark"}

_R_ESTIMATES = {
    "mean": "svymean(~x1, design)",
    "mean-by": "svyby(~x1, ~region, design, svymean)",
    "proportion": 'svyciprop(~cramps, design, method = "beta")',
    "total": "svytotal(~x1, design)",
    "ratio": "svyratio(~x1, ~x2, design)",
    "logit": f"svyglm({FORMULA}, design, family = quasibinomial())",
    "logit-discrete": f"svyglm({DISCRETE}, design, family = quasibinomial())",
}
_R_SCRIPT = """
suppressMessages(library(survey))
resident <- function(name) {{
  lines <- readLines("/proc/self/status")
  as.numeric(gsub("[^0-9]", "", grep(name, lines, value = TRUE)))
}}
before <- resident("VmRSS")
people <- read.csv(commandArgs(TRUE)[1])
time <- function(run) {{ start <- Sys.time(); run(); as.numeric(Sys.time() - start, units = "secs") }}
design <- NULL
first <- time(function() {{
  design <<- svydesign(id = ~psu, strata = ~stratum, weights = ~w, nest = TRUE, data = people)
  {estimate}
}})
again <- sapply(1:{rounds}, function(i) time(function() {estimate}))
cat(sprintf("[%.9f, [%s], %.0f]", first, paste(sprintf("%.9f", again), collapse = ", "),
            1024 * (resident("VmHWM") - before)))
"""


def measure_in_r(task: str, path: Path, rounds: int) -> list[Any]:
    """Measure an estimate of R's survey package: first, again, peak of memory."""
    with tempfile.TemporaryDirectory() as folder:
        script, data = Path(folder, "run.R"), Path(folder, "people.csv")
        script.write_text(_R_SCRIPT.format(estimate=_R_ESTIMATES[task], rounds=rounds))
        pl.read_parquet(path).write_csv(data)
        words = ["Rscript", str(script), str(data)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout))


@cache
def r_version() -> str:
    """Name the versions of R and its survey package; "" without them."""
    if shutil.which("Rscript") is None:
        return ""
    code = 'cat(paste0(", R ", getRversion(), " with survey ", packageVersion("survey")))'
    done = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, check=False)  # noqa: S607
    return done.stdout if done.returncode == 0 else ""


def available() -> Iterator[str]:
    """Name the engines that are installed, the toolkit first."""
    for name in ENGINES:
        if find_spec(_PACKAGES.get(name, name)):
            yield name
    if r_version():
        yield "r"


def tasks_of(engine: str) -> set[str]:
    """Name what an engine estimates."""
    return {*_R_ESTIMATES} if engine == "r" else {*ENGINES[engine](Path())}
