"""Text that is not in its encoding is refused by name, and wide tables are read in one go."""

from pathlib import Path

import pytest

import toolkit as tk
from tests.support.messages import mentioning
from toolkit.sources.user import row_reader
from toolkit.sources.user.scaffold import write_first_study

ROWS = "pid,y,x\n" + "".join(f"p{at},{at % 2},{'ü' if at % 3 else 'a'}\n" for at in range(60))
TOML = (
    'name = "v"\nperson = "pid"\n[files.people]\npath = "people.csv"\n{encoding}[design]\nnone = true\n'
    '[variables.y]\ncolumn = "y"\nkind = "yes_no"\n'
)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-32"])
def test_text_of_16_or_32_bits_is_told_by_its_nul_characters(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes(ROWS.encode(encoding))
    with pytest.raises(tk.DatasetError, match=mentioning("'people.csv'", "NUL", f"'{encoding}'")):
        write_first_study([tmp_path / "people.csv"])
    (tmp_path / "study.toml").write_text(TOML.format(encoding=f'encoding = "{encoding}"\n'))
    assert 0.5 == tk.prevalence(tk.open_study(tmp_path / "study.toml"), "y")["estimate"].item()


def test_a_file_reads_the_same_in_a_stream_and_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "people.csv").write_text(ROWS)
    (tmp_path / "study.toml").write_text(TOML.format(encoding=""))
    whole = tk.open_study(tmp_path / "study.toml").people
    monkeypatch.setattr(row_reader, "_IN_MEMORY", 0)
    assert whole.equals(tk.open_study(tmp_path / "study.toml").people)
