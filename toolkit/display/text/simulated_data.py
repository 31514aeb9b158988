"""Warn that data are simulated: once in a chart, table, sentence or file, and once a page as its banner."""

import polars as pl

# The first note of a chart or table, what its plot says across, and the beginning of a sentence. The label of
# the study follows them in lower case, so that the warning is one.
SIMULATED = "SIMULATED DATA: no real people"
WATERMARK = "SIMULATED"
_OPENING = "SIMULATED DATA, no real people: "


def is_simulated(frame: pl.DataFrame) -> bool:
    """Return whether the study, or a step of the flow, says that it is simulated."""
    texts = [name for name in ("study", "step") if name in frame.columns]
    return any(
        frame[name].cast(pl.String).str.to_lowercase().str.contains("simulated", literal=True).any()
        for name in texts
    )


def name_study(label: str) -> str:
    """Name a study beside a warning: "simulated study" for "SIMULATED study (no real people)"."""
    return label.replace(WATERMARK, WATERMARK.lower()).replace(" (no real people)", "")


def begin_note(text: str) -> str:
    """Begin a note with a capital if it begins as `name_study` writes; other labels keep their case."""
    return f"S{text[1:]}" if text.startswith("simulated") else text


def add_warning(sentence: str, frame: pl.DataFrame) -> str:
    """Begin a sentence with the warning if its frame is of simulated data."""
    return f"{_OPENING}{sentence}" if is_simulated(frame) else sentence


def remove_warning(text: str) -> str:
    """Remove the warning from the sentences of a text whose page or paragraph warns already."""
    return text.replace(_OPENING, "")
