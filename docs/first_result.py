"""Draw the picture of the README, from NHANES 2005-2008: python docs/first_result.py."""

from pathlib import Path

import toolkit as tk

PICTURE = Path(__file__).with_suffix(".svg")


def main() -> None:
    study = tk.open_study("nhanes", cycles=("2005-2006", "2007-2008"))
    result = tk.prevalence(study, outcome="any_cramps", by=("age_group", "sex"), domain="age >= 20")
    tk.prevalence_chart(result).save(PICTURE)


if __name__ == "__main__":
    main()
