"""The citation file names the version, the license and the title that the package has."""

from pathlib import Path

import yaml

import toolkit as tk

CITATION = yaml.safe_load(Path("CITATION.cff").read_text(encoding="utf-8"))


def test_the_citation_file_is_of_this_version() -> None:
    assert CITATION["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= CITATION.keys()
    assert str(CITATION["version"]) == tk.__version__
    assert CITATION["license"] in Path("pyproject.toml").read_text(encoding="utf-8")
