"""Time an atlas of about a thousand models on NHANES 2005-2008.

Run: python benchmarks/atlas.py (with CRAMPS_NHANES set). Goal: 1,000 models under 8 s on 2 cores.
"""

from time import perf_counter

import polars as pl

import toolkit as tk

OUTCOMES = ("any_cramps", "frequent_cramps", "mild_cramps")
ADJUST = ((), ("age",), ("age", "sex"), ("age", "sex", "race_ethnicity", "education"))
DOMAINS = ("age >= 20", "age >= 20 and sex == 'female'", "age >= 20 and sex == 'male'", "age >= 60")
MODEL = ("cause", "exposure", "outcome", "adjust", "domain")

if __name__ == "__main__":
    study = tk.open_study("nhanes")
    started = perf_counter()
    rows = tk.atlas(study, outcomes=OUTCOMES, adjust=ADJUST, domain=DOMAINS)
    took = perf_counter() - started
    fitted = rows.filter(pl.col("reliability") != "failed").select(MODEL).unique().height
    asked = rows.select(MODEL).unique().height
    print(f"{asked:,} models asked for, {fitted:,} fitted, {took:.1f} s, {1000 * took / fitted:.1f} ms a fit")
