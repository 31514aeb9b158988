"""Files that are not text tables are named, Excel's line sep= is read, and dates of two digits are marked.

Text that is not in its encoding is refused by name, and wide tables are read in one go.
"""

import bz2
import gzip
import io
import lzma
import zipfile
from datetime import date, timedelta
from pathlib import Path

import pytest

import toolkit as tk
from tests.support.messages import mentioning, mentions
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


def _zipped(text: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("people.csv", text)
    return file.getvalue()


FOREIGN: dict[str, bytes] = {
    "gzip": gzip.compress(ROWS.encode()),
    "bzip2": bz2.compress(ROWS.encode()),
    "xz": lzma.compress(ROWS.encode()),
    "ZIP": _zipped(ROWS),
    "web page": b"\xef\xbb\xbf\n<!DOCTYPE html>\n<p>a, b</p>\n",
    "JSON": b'[{"a": 1, "b": 2},\n {"a": 2, "b": 3}]\n',
    "parquet": b"PAR1" + bytes(40) + b"PAR1",
}


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".xls"])
@pytest.mark.parametrize("named", FOREIGN)
def test_a_file_of_another_format_is_told_by_its_first_bytes(named: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"people{suffix}"
    path.write_bytes(FOREIGN[named])
    with pytest.raises(tk.DatasetError, match=mentioning(f"'people{suffix}'", named)):
        write_first_study([path])
    (tmp_path / "study.toml").write_text(TOML.format(encoding="").replace("people.csv", path.name))
    with pytest.raises(tk.ToolkitError, match=mentioning(f"'people{suffix}'", named)):
        tk.open_study(tmp_path / "study.toml")


@pytest.mark.parametrize("first", ["sep=;\n", '"sep=;"\r\n', "\ufeffsep=;\n"])
@pytest.mark.parametrize("cell", ["u", '"u;v"', '"u\nv"'])
def test_the_line_of_excel_that_states_the_separator_is_no_heading(
    first: str, cell: str, tmp_path: Path
) -> None:
    rows = "".join(f"p{at};{at % 2};{cell if at % 3 else 'a'}\n" for at in range(60))
    (tmp_path / "people.csv").write_text(f"{first}pid;y;x\n{rows}")
    drafted = write_first_study([tmp_path / "people.csv"])
    assert mentions(drafted.text, 'person = "pid"', 'column = "x"')
    (tmp_path / "study.toml").write_text(TOML.format(encoding=""))
    study = tk.open_study(tmp_path / "study.toml")
    assert (60, 0.5) == (len(study.people), tk.prevalence(study, "y")["estimate"].item())
    (tmp_path / "people.csv").write_text(f"{first}pid;y;x\n{rows}p60;1;a;b\n")
    with pytest.raises(tk.ToolkitError, match=mentioning("more columns", "61")):
        tk.open_study(tmp_path / "study.toml")


@pytest.mark.parametrize(("comments", "n"), [("# made by x\n", "a line"), ("# a, b, c\n#\n", "2 lines")])
def test_comments_above_the_heading_are_told(comments: str, n: str, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(comments + ROWS)
    with pytest.raises(tk.DatasetError, match=mentioning("'people.csv'", n, "#", "heading")):
        write_first_study([tmp_path / "people.csv"])


def test_a_heading_may_start_with_the_sign_of_comments(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(f"#{ROWS}")
    assert mentions(write_first_study([tmp_path / "people.csv"]).text, 'person = "#pid"')


@pytest.mark.parametrize("form", ["%d/%m/%y", "%d.%m.%y", "%m/%d/%y"])
def test_dates_with_years_of_two_digits_are_marked(form: str, tmp_path: Path) -> None:
    days = [date(2022, 1, 1) + timedelta(days=6 * at) for at in range(60)]
    rows = "".join(f"p{at},{at % 2},{day.strftime(form)}\n" for at, day in enumerate(days))
    (tmp_path / "people.csv").write_text(f"pid,y,seen\n{rows}")
    text = write_first_study([tmp_path / "people.csv"]).text
    assert mentions(text, f'date_format = "{form}"  # GUESS', "1969 to 2068")


def test_minus_zero_is_the_code_0(tmp_path: Path) -> None:
    rows = "".join(f"p{at},{at % 2},{'-0' if at % 3 else '1'}\n" for at in range(60))
    (tmp_path / "people.csv").write_text(f"pid,y,x\n{rows}")
    assert 2 == write_first_study([tmp_path / "people.csv"]).text.count("0 is no, 1 is yes")
