"""Hand a study to another process through an unnamed file; convert its declarations to and from JSON.

No other process can find the rows, and a kill leaves nothing behind. The process that takes them over must
inherit the file's descriptor.
"""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from io import BytesIO
from typing import Any, BinaryIO
from zipfile import BadZipFile, ZipFile

import polars as pl

from toolkit.errors import DatasetError
from toolkit.files.checked_toml import rebuild
from toolkit.files.safe_files import (
    content_of,
    restate_full_temporary_folder,
    unnamed_file,
)
from toolkit.studies.design import Design
from toolkit.studies.study import Study
from toolkit.variables import Codebook, Variable

_DECLARED = "population.json"
_FRAMES = ("people", "visits", "diary")
_REPEATED = _FRAMES[1:]
_PLAIN = ("name", "label", "provenance", "simulated", "smallest_cell")


def hand_over(study: Study) -> BinaryIO:
    """Write a study to an unnamed file, which the caller closes; `take_over(path_of(file))` reads it."""
    with restate_full_temporary_folder(), ExitStack() as stack:
        file = stack.enter_context(unnamed_file())
        with ZipFile(file, "w") as parts:
            parts.writestr(_DECLARED, declared_json(study))
            for name in _FRAMES:
                if (frame := getattr(study, name)) is not None:
                    parts.writestr(f"{name}.parquet", _packed(frame))
        file.flush()
        stack.pop_all()
    return file


def take_over(path: object) -> Study:
    """Read what `hand_over` wrote; tuples in the provenance come back as lists."""
    try:
        with ZipFile(BytesIO(content_of(path))) as parts:
            frames = {
                name: pl.read_parquet(parts.read(f"{name}.parquet"))
                for name in _FRAMES
                if f"{name}.parquet" in parts.namelist()
            }
            study = declared_again(parts.read(_DECLARED).decode(), frames.pop("people"))
    except (OSError, BadZipFile, KeyError) as error:
        raise DatasetError(
            f"The study at '{path}' was passed to a report that has ended. Use the name of a study "
            "of tk.available_studies(), or the path of a study.toml."
        ) from error
    repeated: dict[str, Any] = {name: frames.get(name) for name in _REPEATED}
    return replace(study, **repeated)


def _packed(frame: pl.DataFrame) -> bytes:
    packed = BytesIO()
    frame.write_parquet(packed)
    return packed.getvalue()


def declared_json(study: Study) -> str:
    """Return everything about a study but its frames as JSON."""
    declared = {
        "facts": {name: getattr(study, name) for name in _PLAIN},
        "design": asdict(study.design),
        "codebook": [asdict(variable) for variable in study.codebook.values()],
    }
    return json.dumps(declared, default=_as_plain)


def declared_again(text: str, people: pl.DataFrame) -> Study:
    """Rebuild a study from its rows and its `declared_json`."""
    declared = json.loads(text)
    return Study(
        people=people,
        design=rebuild(Design, declared["design"]),
        codebook=Codebook.of(*rebuild(tuple[Variable, ...], declared["codebook"])),
        **declared["facts"],
    )


def _as_plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)
