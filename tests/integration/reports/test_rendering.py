"""A report is rendered whole or not at all; what is wrong is said before a kernel starts or with its cell."""

import json
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from tests.support.messages import mentioning, mentions
from toolkit.errors import DatasetError, ToolkitError, VariableError
from toolkit.files.safe_files import replacing
from toolkit.report import render
from toolkit.report.execution import execute, kernels
from toolkit.report.plan import find_report, names
from toolkit.report.provenance import provenance
from toolkit.report.rendering import Rendered
from toolkit.studies import Study


@pytest.fixture(scope="module")
def rendered(few: Study, tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    from tests.support.small_report import NOTEBOOK

    folder = tmp_path_factory.mktemp("report")
    (folder / "small.py").write_text(NOTEBOOK)
    return render(folder / "small.py", study=few, output=folder / "out", least=30)


def no_kernel(*_: object) -> None:
    raise AssertionError("a kernel was started")


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files that nobody else uses, with the short path that sockets need."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_page_parquet_and_csv_stand_beside_each_other(rendered: Rendered) -> None:
    folder = rendered.html.parent
    made = [f"small-diabetes.{kind}" for kind in ("csv", "html", "parquet", "report.json")]
    assert ["index.html", *made, "study.json"] == sorted(path.name for path in folder.iterdir())
    assert ("four-people", "out") == (folder.name, folder.parent.name)
    assert "four-people/index.html" in (folder.parent / "index.html").read_text()
    assert ("A small report", "four people", "One finding.") == (
        rendered.title,
        rendered.study,
        rendered.finding,
    )


def test_results_are_exact_in_parquet_and_csv(rendered: Rendered) -> None:
    assert rendered.parquet is not None
    assert rendered.csv is not None
    assert [0.1 + 0.2] == pl.read_parquet(rendered.parquet)["estimate"].to_list()
    assert [0.1 + 0.2] == pl.read_csv(rendered.csv)["estimate"].to_list()


def test_parameters_and_the_study_in_memory_reach_the_notebook(rendered: Rendered) -> None:
    html = rendered.html.read_text()
    assert "people: 4 least: 30" in html
    assert "study=&#39;four people&#39;" in html


def test_the_call_that_repeats_a_report_names_every_parameter(few: Study) -> None:
    given: dict[str, object] = {"cause": "diabetes", "domain": "", "exclude_pregnant": False, "adjust": None}
    facts = dict(provenance(few, find_report("cause").path, given, "hash"))
    called: dict[str, object] = {}
    renders = SimpleNamespace(render=lambda report, **named: called.update(named, report=report))
    eval(str(facts["Repeat with"]), {"tk": renders})  # noqa: S307 - written by the product itself
    assert given | {"report": "cause"} == called


def test_no_path_of_this_machine_is_in_any_output(rendered: Rendered) -> None:
    for path in rendered.html.parent.iterdir():
        text = path.read_bytes().decode(errors="replace")
        for place in (tempfile.gettempdir(), sys.prefix, str(Path.home()), str(Path(__file__).parents[3])):
            assert place not in re.sub(r"data:[^\"']+|<script>.*?</script>", "", text, flags=re.DOTALL)


def test_it_tells_itself_in_words_and_in_a_notebook(rendered: Rendered) -> None:
    assert str(rendered) == f"{rendered.html}: One finding."
    assert "small-diabetes.csv</a>" in rendered._repr_html_()


def test_nothing_is_left_behind(notebook: Path, few: Study, tmp_path: Path, temporary: Path) -> None:
    render(notebook, study=few, output=tmp_path / "out")
    assert [] == list(temporary.iterdir())


def test_a_failed_cell_is_named_kept_and_leaves_older_files_alone(
    few: Study, tmp_path: Path, temporary: Path
) -> None:
    path, out = tmp_path / "broken.py", tmp_path / "out" / "four-people"
    path.write_text(
        '# %% tags=["parameters"]\nstudy = "simulated"\n\n# %%\n\nx = open("/tmp/absent")  # reads\n'
    )
    out.mkdir(parents=True)
    (out / "broken.html").write_text("the last good one")
    with pytest.raises(ToolkitError, match=mentioning("cell 2", "x = open(", "FileNotFoundError")) as error:
        render(path, study=few, output=out.parent)
    assert "\n" not in str(error.value)
    assert (out / "broken.html").read_text() == "the last good one"
    assert ["broken.failed.ipynb", "broken.html"] == sorted(file.name for file in out.iterdir())
    assert [] == list(temporary.iterdir())
    kept = (out / "broken.failed.ipynb").read_text()
    assert "FileNotFoundError" in kept
    assert sys.prefix not in kept
    assert str(Path(__file__).parents[3]) not in kept
    assert ["completed"] * 3 + ["failed"] == [
        cell["metadata"]["papermill"]["status"] for cell in json.loads(kept)["cells"]
    ]


@pytest.mark.parametrize(
    "line", ["{}[secret]", "raise ValueError(secret)", "assert secret == 1, secret", "float(secret)"]
)
def test_an_error_that_quotes_a_value_leaves_it_out_of_message_and_notebook(
    line: str, few: Study, tmp_path: Path
) -> None:
    planted = "Jane Planted 7301"
    few_with = replace(few, people=few.people.with_columns(remark=pl.lit(planted)))
    path = tmp_path / "quoting.py"
    path.write_text(
        '# %% tags=["parameters"]\nstudy = "simulated"\n# %%\nimport toolkit as tk\n'
        f'secret = tk.open_study(study).people["remark"][0]\n# %%\n{line}\n'
    )
    with pytest.raises(ToolkitError, match=mentioning("cell 3", line, "JupyterLab")) as error:
        render(path, study=few_with, output=tmp_path / "out")
    kept = next((tmp_path / "out").rglob("*.failed.ipynb")).read_text()
    assert planted not in str(error.value)
    assert planted not in kept


QUOTING = """# %% tags=["parameters"]
study = "simulated"
# %%
import logging
import sys
import warnings
import numpy as np
import toolkit as tk
own = tk.open_study(study)
secret = own.people["remark"][0]
# %%
warnings.warn(f"could not read {secret}", RuntimeWarning)
logging.warning("odd value %s", secret)
sys.stderr.write(secret)
np.float64(own.people["rate"][0]) / np.float64(0)
# %%
tk.prevalence(own, "cramps")
"""


def test_no_file_name_progress_line_or_page_of_a_run_has_a_value_that_its_code_quotes(
    few: Study, tmp_path: Path, temporary: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    planted, rate = "Jane Planted 7301", 7301.7301
    people = pl.concat([few.people] * 20).with_columns(remark=pl.lit(planted), rate=pl.lit(rate))
    (tmp_path / "quoting.py").write_text(QUOTING)
    seen: set[str] = set()

    def look() -> None:
        seen.update(str(path) for path in temporary.rglob("*"))

    with looking(look):
        page = render(tmp_path / "quoting.py", study=replace(few, people=people), output=tmp_path / "out")
    shown = capfd.readouterr()
    assert mentions(page.html.read_text(), "RuntimeWarning", "left out", "JupyterLab")
    made = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(made) > 2
    assert seen
    texts = [path.read_bytes() for path in made]
    texts += ["\n".join([*map(str, made), *seen, shown.out, shown.err]).encode()]
    assert [] == [text[:80] for text in texts if planted.encode() in text or str(rate).encode() in text]


@contextmanager
def looking(look: Callable[[], None]) -> Iterator[None]:
    """Look at something again and again during a block."""
    done = threading.Event()

    def repeat() -> None:
        while not done.wait(0.02):
            look()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_a_dead_kernel_is_one_clear_error(few: Study, tmp_path: Path) -> None:
    path = tmp_path / "dies.py"
    path.write_text('# %% tags=["parameters"]\nstudy = "simulated"\n\n# %%\nimport os\nos._exit(1)\n')
    with pytest.raises(ToolkitError, match=mentioning("kernel", "workers=1")):
        render(path, study=few, output=tmp_path / "out")


def test_the_kernel_is_this_python(few: Study, tmp_path: Path) -> None:
    path = tmp_path / "which.py"
    path.write_text(
        '# %% tags=["parameters"]\nstudy = "s"\n\n# %%\nimport sys\nprint(sys.executable == WANTED)\n'
    )
    path.write_text(path.read_text().replace("WANTED", repr(sys.executable)))
    assert "<pre>True" in render(path, study=few, output=tmp_path / "out").html.read_text()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lest": 20}, ("'lest'", "'least'")),
        ({"least": "20"}, ("'least'", "'small'", "'20'")),
        ({"cause": "diabetis"}, ("'diabetis'", "'diabetes'")),
        ({"outcome": "cramp"}, ("'cramp'", "'cramps'")),
    ],
)
def test_parameters_are_refused_before_a_kernel_starts(
    given: dict[str, object], message: str, notebook: Path, few: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute, "run", no_kernel)
    with pytest.raises(VariableError, match=mentioning(message)):
        render(notebook, study=few, **given)  # type: ignore[arg-type]


def test_a_notebook_without_parameters_cell_says_how_to_mark_one(few: Study, tmp_path: Path) -> None:
    path = tmp_path / "bare.py"
    path.write_text("# %%\nx = 1\n")
    with pytest.raises(DatasetError, match=mentioning("'parameters'", 'tags=["parameters"]')):
        render(path, study=few)


def test_unknown_reports_studies_and_files_name_what_there_is(few: Study, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=mentioning("'cuase'", "'cause'")):
        render("cuase", study=few)
    with pytest.raises(DatasetError, match=mentioning("'simulatd'", "'simulated'")):
        render("cause", study="simulatd")
    with pytest.raises(DatasetError, match=mentioning("absent.py")):
        render(tmp_path / "absent.py", study=few)


def test_a_file_that_is_no_notebook_is_told(few: Study, tmp_path: Path) -> None:
    path = tmp_path / "words.ipynb"
    path.write_text("not a notebook")
    with pytest.raises(DatasetError, match=mentioning("'words.ipynb'")):
        render(path, study=few)


def test_a_folder_that_cannot_be_written_is_told_before_the_kernel_starts(
    notebook: Path, few: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").touch()
    monkeypatch.setattr(execute, "run", no_kernel)
    with pytest.raises(DatasetError, match=mentioning(".html'", "folder")):
        render(notebook, study=few, output=tmp_path / "out")


def test_a_full_disk_leaves_all_older_files_as_they_were(
    notebook: Path, few: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out" / "four-people"
    out.mkdir(parents=True)
    for suffix in ("html", "parquet", "csv"):
        (out / f"small-diabetes.{suffix}").write_text("older")

    @contextmanager
    def replacing_on_a_full_disk(path: Path) -> Iterator[Path]:
        with replacing(path) as draft:
            yield draft
            if path.suffix == ".csv":
                raise OSError(28, "No space left on device")

    monkeypatch.setattr("toolkit.report.rendering.replacing", replacing_on_a_full_disk)
    with pytest.raises(DatasetError, match=mentioning("disk is full")):
        render(notebook, study=few, output=out.parent)
    assert {"older"} == {path.read_text() for path in out.iterdir()}
    assert 3 == len(list(out.iterdir()))


def test_a_full_folder_of_temporary_files_is_told_in_one_line_before_a_kernel_starts(
    notebook: Path, few: Study, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    monkeypatch.setattr(kernels.Kernel, "run", no_kernel)
    with pytest.raises(DatasetError, match=mentioning("full", "TMPDIR")) as caught:
        render(notebook, study=few, output=tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert [] == list(temporary.iterdir())


def test_a_notebook_with_charts_of_its_own_has_the_theme_of_the_toolkit(few: Study, tmp_path: Path) -> None:
    path = tmp_path / "drawn.py"
    path.write_text(
        '# %% tags=["parameters"]\nstudy = "simulated"\n\n# %%\nimport altair\nimport polars\n'
        'altair.Chart(polars.DataFrame({"x": [1, 2]})).mark_point().encode(x="x")\n'
    )
    html = render(path, study=few, output=tmp_path / "out").html.read_text()
    assert 1 == html.count('<figure class="chart')


def test_a_kernel_starts_without_loading_charts_or_data() -> None:
    code = (
        "import sys, toolkit.report.execution.kernel_process\n"
        "print({'altair', 'polars', 'papermill'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "set()\n" == done.stdout


def test_the_shipped_reports_have_parameters() -> None:
    assert {"cause", "burden", "diabetes", "sleep-position"} <= set(names())
