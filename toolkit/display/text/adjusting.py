"""Describe the covariates of a result row, by the label of a whole set where one is given."""

from toolkit.display.text.numbers import Labels, listed, words
from toolkit.results import Row, covariates, estimand_of

# A set may lack this many covariates of a named one and still go by its name.
_FEW = 2


def whole_set(row: Row, labels: Labels | None = None) -> str:
    """Return the key of `labels` that contains a row's covariates and at most two more; "" if none does."""
    own = set(covariates(row["adjust"] or ""))
    sets = {key: set(covariates(key)) for key in labels or {}}
    missing = [
        (len(names - own), place, key)
        for place, (key, names) in enumerate(sets.items())
        if own and len(names) > 1 and own <= names
    ]
    few, _, key = min(missing, default=(0, 0, ""))
    return key if few <= _FEW else ""


def set_name(row: Row, labels: Labels | None = None) -> str:
    """Name a row's covariates by the label of a whole set, as "Model 1 without sex"; "" where none fits."""
    key = whole_set(row, labels)
    own = covariates(row["adjust"] or "")
    without = [words(name, labels) for name in covariates(key) if name not in own]
    return ((labels or {}).get(key, "") + f" without {listed(without)}" * bool(without)) if key else ""


def adjustment(row: Row, labels: Labels | None = None) -> str:
    """Return "crude" or "adjusted for age and sex", after any label of the set; "" without a comparison."""
    own = covariates(row["adjust"] or "")
    if not own:
        return "crude" if row["exposure"] and estimand_of(row).kind in ("ratio", "points") else ""
    text = f"adjusted for {listed(words(name, labels) for name in own)}"
    named = set_name(row, labels)
    return f"{named}, {text}" if named else text
