"""Charts as files: exact widths, text of fixed size, alternative text, no network."""

import json
import re
import struct
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from shutil import which

import altair as alt
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning
from toolkit.results import frame


def parse(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - the toolkit's own file


SVG = "{http://www.w3.org/2000/svg}"
MM = 72 / 25.4


def forest_rows(study: str) -> pl.DataFrame:
    row = {
        "study": study, "estimand": "odds_ratio", "outcome_label": "a & <b>",
        "exposure": "sex", "level": "female", "reference": "male", "estimate": 1.4, "scale": "log",
        "conf_low": 1.1, "conf_high": 1.8, "reliability": "ok", "n": 900, "n_cases": 90,
    }  # fmt: skip
    return frame([{**row, "age": age} for age in ("20-39", "40-59", "60+")], by=["age"])


@pytest.fixture(scope="module")
def forest() -> alt.VConcatChart:
    return tk.forest(forest_rows("SIMULATED study (no real people)"))


def sizes_in_points(root: ET.Element) -> set[float]:
    """The sizes of all texts as they are on the page, in points."""
    width, _, box = float(root.get("width")[:-2]), root.get("height"), root.get("viewBox").split()
    scale = width * MM / float(box[2])
    found = {text.get("font-size") or "" for text in root.iter(f"{SVG}text")}
    return {round(float(size.removesuffix("px")) * scale, 1) for size in found if size}


@pytest.mark.parametrize("width", [85, "114 mm", "170mm"])
def test_an_svg_has_its_width_and_legible_text_of_fixed_size(
    forest: alt.VConcatChart, tmp_path: Path, width: object
) -> None:
    root = parse(tk.save(forest, tmp_path / "f.svg", width=width).path.read_text())
    millimeters = float(str(width).removesuffix("mm"))
    assert f"{millimeters:.4f}mm" == root.get("width")
    sizes = sizes_in_points(root) - {max(sizes_in_points(root))}  # the watermark
    assert 6.9 <= min(sizes) <= max(sizes) <= 10.5


def test_an_svg_has_title_and_description(forest: alt.VConcatChart, tmp_path: Path) -> None:
    root = parse(tk.save(forest, tmp_path / "f.svg").path.read_text())
    assert "img" == root.get("role")
    assert f"{SVG}title" == root[0].tag
    assert "Odds ratio of a & <b> by sex and age" == root[0].text
    assert "1.40 (95% CI 1.10 to 1.80)" in root[1].text
    assert "SIMULATED" in root[1].text
    own = parse(tk.save(forest, tmp_path / "g.svg", alt="A finding.").path.read_text())
    assert "A finding." == own[1].text


def test_a_png_has_300_dots_per_inch(forest: alt.VConcatChart, tmp_path: Path) -> None:
    content = tk.save(forest, tmp_path / "f.png", width=85).path.read_bytes()
    width, _ = struct.unpack(">II", content[16:24])
    assert abs(85 / 25.4 * 300 - width) <= 1
    place = content.index(b"pHYs")
    per_meter, _, unit = struct.unpack(">IIB", content[place + 4 : place + 13])
    assert (11811, 1) == (per_meter, unit)


def test_a_pdf_has_its_width(forest: alt.VConcatChart, tmp_path: Path) -> None:
    content = tk.save(forest, tmp_path / "f.pdf", width=114).path.read_bytes()
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ", content)
    assert abs(114 * MM - float(box[1])) < 0.6


def test_html_and_json_are_complete_without_an_address(forest: alt.VConcatChart, tmp_path: Path) -> None:
    page = tk.save(forest, tmp_path / "f.html").path.read_text()
    assert "<script" not in page
    assert "1.40 (1.10 to 1.80)" in page
    spec = json.loads(tk.save(forest, tmp_path / "f.json").path.read_text())
    assert forest.to_dict() == spec


@pytest.mark.parametrize("kind", ["svg", "html", "json", "pdf", "png"])
def test_simulated_is_said_in_every_file(forest: alt.VConcatChart, tmp_path: Path, kind: str) -> None:
    # A figure of a report has no title of its own, so that the words across its plot are all that warns.
    rows = forest_rows("SIMULATED study (no real people)")
    figure = tk.reports.Paper().figure(tk.forest(rows), rows, "Odds ratios").body
    path = tk.save(figure, tmp_path / f"f.{kind}").path
    if kind == "png":
        real = forest_rows("A survey")
        plain = tk.reports.Paper().figure(tk.forest(real), real, "Odds ratios").body
        assert path.read_bytes() != tk.save(plain, tmp_path / "g.png").path.read_bytes()
        return
    if kind == "pdf":
        if not which("pdftotext"):
            pytest.skip("pdftotext is missing: install poppler-utils")
        text = subprocess.run(["pdftotext", path, "-"], capture_output=True, text=True, check=True).stdout
    else:
        text = path.read_text()
    assert "SIMULATED" in re.sub('<desc>.*?</desc>|aria-label="[^"]*"', "", text)


def test_a_chart_of_altair_fills_the_width(tmp_path: Path) -> None:
    data = pl.DataFrame({"a": [1, 2, 3], "b": [2, 4, 3]})
    own = alt.Chart(data).mark_point().encode(x="a", y="b").properties(title="Mine")
    root = parse(tk.save(own, tmp_path / "f.svg", width=85).path.read_text())
    assert "85.0000mm" == root.get("width")
    assert min(sizes_in_points(root)) >= 6
    crowded = alt.hconcat(*[own.properties(width=400)] * 4)
    assert "points at 85 mm" in tk.save(crowded, tmp_path / "g.svg", width=85).note


@pytest.mark.parametrize("width", [5, "wide", "85 cm", True, "1e9"])
def test_a_wrong_width_is_refused(forest: alt.VConcatChart, tmp_path: Path, width: object) -> None:
    with pytest.raises(tk.DatasetError, match=mentioning("width=", "85 mm")):
        tk.save(forest, tmp_path / "f.svg", width=width)
    assert [] == list(tmp_path.iterdir())


def test_a_chart_is_not_a_word_document(forest: alt.VConcatChart, tmp_path: Path) -> None:
    with pytest.raises(tk.DatasetError, match=mentioning("f.docx", ".svg")):
        tk.save(forest, tmp_path / "f.docx")
