"""Name the covariates that a row adjusts for, by the label of a whole set of them where one is given."""

from toolkit.display.text.numbers import Labels, Row, listed, measure, words
from toolkit.results import covariates

_CRUDE = {"", "()", "[]", "crude", "none", "unadjusted"}
# So many covariates may a set lack of a named one and still be called by its name.
_FEW = 2


def whole_set(row: Row, labels: Labels | None = None) -> str:
    """Find the key of `labels` that holds the covariates of a row and at most two more; "" if none does."""
    text = str(row["adjust"] or "").strip()
    own = set(covariates(text))
    sets = {key: set(covariates(key)) for key in labels or {}}
    lacking = [
        (len(names - own), place, key)
        for place, (key, names) in enumerate(sets.items())
        if own and len(names) > 1 and own <= names
    ]
    few, _, key = min(lacking, default=(0, 0, ""))
    return key if few <= _FEW else ""


def set_name(row: Row, labels: Labels | None = None) -> str:
    """Call the set of covariates of a row by the label of a whole set; "" where none fits.

    Examples
    --------
    >>> set_name({"adjust": "age"}, {"age, sex": "Model 1"})
    'Model 1 without sex'
    """
    key = whole_set(row, labels)
    own = covariates(str(row["adjust"] or ""))
    without = [words(name, labels) for name in covariates(key) if name not in own]
    return ((labels or {}).get(key, "") + f" without {listed(without)}" * bool(without)) if key else ""


def adjustment(row: Row, labels: Labels | None = None) -> str:
    """Say "crude" or "adjusted for age and sex"; "" where nothing is compared.

    A label of the whole set stands in front: "Model 1, adjusted for age and sex".
    """
    text = str(row["adjust"] or "").strip()
    if text.lower() not in _CRUDE:
        named = set_name(row, labels)
        told = f"adjusted for {listed(words(name, labels) for name in covariates(text))}"
        return f"{named}, {told}" if named else told
    return "crude" if row["exposure"] and measure(row).kind in ("ratio", "points") else ""
