"""Write SAS transport files as those of the CDC, for tests that read them."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl
import polars_readstat

from toolkit.files.safe_files import replacing


def write_transport(
    path: str | Path, frame: pl.DataFrame, table: str, labels: Mapping[str, str] | None = None
) -> None:
    """Write a frame as a SAS transport file of version 5, the format of the CDC's files.

    `table` and the column names have at most 8 characters; labels are cut to 40.
    """
    with replacing(path) as draft:
        short = {name: label[:40] for name, label in (labels or {}).items()}
        polars_readstat.write_xpt(frame, str(draft), version=5, table_name=table, variable_labels=short)
