"""The codebook that all studies share, read from `datasets/codebook`."""

from functools import cache

from toolkit.files.checked_toml import Checked, read_themes, shipped
from toolkit.variables.codebook import Codebook, Kind, Variable


class Entry(Checked):
    """A variable of `datasets/codebook`."""

    label: str
    kind: Kind
    levels: tuple[str, ...] = ()
    reference: str | None = None
    unit: str = ""
    component: str = "interview"
    note: str = ""
    ordered: bool = False
    case: str | None = None


@cache
def codebook() -> Codebook:
    """Return the codebook that all studies share; each study adds question, source and availability."""
    entries = read_themes(shipped("datasets") / "codebook", Entry)
    return Codebook.of(*(Variable(name=name, **entry.model_dump()) for name, entry in entries.items()))
