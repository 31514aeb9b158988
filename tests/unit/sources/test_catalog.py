"""The data about data is whole, agrees with the CDC's pages, and mistakes in it are told all at once."""

import shutil

import pytest

from tests.support.looping import in_one_test
from tests.support.messages import mentioning, mentions
from toolkit.causes import DERIVATIONS
from toolkit.errors import DatasetError
from toolkit.files import checked_toml
from toolkit.files.checked_toml import read_toml, shipped
from toolkit.sources import catalog
from toolkit.sources.catalog import Catalog, read_catalog
from toolkit.sources.catalog_records import Measured, SimulatedMark
from toolkit.sources.harmonize.multirow import columns_of
from toolkit.sources.simulated.sampled_study import open_simulated
from toolkit.variables import Entry

PLACES = [
    (name, cycle, piece)
    for name in catalog.nhanes().origins
    for cycle in catalog.nhanes().cycles
    if (piece := catalog.nhanes().measured(name, cycle))
    # A row count is known exactly where a page was read.
    and catalog.nhanes().tables[piece.table].files[cycle].rows
]
SIMULATED = open_simulated().codebook
SHARED = sorted(set(SIMULATED) & set(catalog.codebook()) - {"cycle"})


def test_the_shipped_folders_are_there():
    assert (shipped("datasets") / "codebook").is_dir()
    with pytest.raises(DatasetError, match=mentioning("'dataset'", "'datasets'")):
        shipped("dataset")


def test_a_lost_folder_says_how_to_get_it_back(monkeypatch, tmp_path):
    monkeypatch.setattr(checked_toml, "PACKAGE", tmp_path / "toolkit")
    with pytest.raises(DatasetError, match=mentioning("'datasets'")):
        shipped("datasets")


def test_a_wheel_finds_its_own_folder_first(monkeypatch, tmp_path):
    package = tmp_path / "toolkit"
    for folder in (package / "_shipped" / "datasets", tmp_path / "datasets"):
        folder.mkdir(parents=True)
    monkeypatch.setattr(checked_toml, "PACKAGE", package)
    assert shipped("datasets") == package / "_shipped" / "datasets"


def test_every_variable_of_the_codebook_is_measured_or_said_to_be_absent():
    assert set(catalog.nhanes().origins) == set(catalog.codebook()) - {"cycle"}


def test_what_causes_are_derived_from_stands_in_the_codebook():
    derived = {step.variable.name for step in DERIVATIONS}
    inputs = {name for step in DERIVATIONS for name in step.inputs}
    known = {*catalog.codebook(), *derived, *SIMULATED}
    assert [] == sorted(inputs - known)


@in_one_test("name", SHARED)
def test_the_simulated_study_shares_the_codebook(name):
    own, shared = SIMULATED[name], catalog.codebook()[name]
    for same in ("label", "kind", "levels", "reference", "unit", "component"):
        assert (same, getattr(own, same)) == (same, getattr(shared, same))


def test_the_cycles_are_those_that_can_be_named():
    assert list(catalog.nhanes().cycles) == [
        "1999-2000", "2001-2002", "2003-2004", "2005-2006", "2007-2008", "2009-2010",
        "2011-2012", "2013-2014", "2015-2016", "2017-2018", "2017-2020", "2021-2023",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cycle", "table", "path"),
    [
        ("1999-2000", "GHB", "Nchs/Data/Nhanes/Public/1999/DataFiles/LAB10.xpt"),
        ("2001-2002", "BIOPRO", "Nchs/Data/Nhanes/Public/2001/DataFiles/L40_B.xpt"),
        ("2017-2020", "DEMO", "Nchs/Data/Nhanes/Public/2017/DataFiles/P_DEMO.xpt"),
        ("2021-2023", "BIOPRO", "Nchs/Data/Nhanes/Public/2021/DataFiles/BIOPRO_L.xpt"),
    ],
)
def test_a_file_stands_where_the_site_has_it(cycle, table, path):
    assert catalog.nhanes().path(cycle, table) == path


@pytest.mark.parametrize(
    ("variable", "cycle", "reason"),
    [
        ("sitting_hours", "2005-2006", "screen_hours"),
        ("screen_hours", "2007-2008", "sitting_hours"),
        ("cramp_frequency", "2009-2010", ("2005-2006", "2007-2008")),
        ("abi_left", "2005-2006", "1999-2004"),
    ],
)
def test_why_a_cycle_does_not_hold_a_variable(variable, cycle, reason):
    found = catalog.nhanes()
    assert found.measured(variable, cycle) is None
    with pytest.raises(AssertionError, match=mentioning(reason)):
        raise AssertionError(found.absence(variable, cycle))


def test_what_is_measured_is_not_absent():
    assert catalog.nhanes().absence("abi_left", "2003-2004") == ""


def entries_of(piece: Measured, cycle: str, nhanes_page):
    """Give what a block reads of each column, and the CDC's entry of that column, where its page was read."""
    for (table, column), of in piece.reads.items():
        page = nhanes_page(catalog.nhanes().tables[table].files[cycle].name)
        if page is not None:
            yield of, {v["name"].upper(): v for v in page["variables"]}[column]


def row_entries(piece: Measured, cycle: str, nhanes_page):
    """Give the CDC's entry of each column that is read from a table of many rows a person."""
    for rows in piece.rows.values():
        page = nhanes_page(catalog.nhanes().tables[rows.table].files[cycle].name)
        entries = {v["name"].upper(): v for v in page["variables"]} if page else {}
        yield from (entries[column] for column in columns_of(rows) if page)


@in_one_test(("name", "cycle", "piece"), PLACES, ids=lambda value: str(value)[:20])
def test_every_code_of_the_cdcs_page_has_a_meaning(name, cycle, piece, nhanes_page):
    for of, entry in entries_of(piece, cycle, nhanes_page):
        codes = {int(c["code"]) for c in entry["codes"] if c["code"].lstrip("-").isdigit()}
        known = {*of.codes, *of.missing}
        # A single code of a measured number is an end of its range, such as 85 years and older.
        ends = set() if of.codes else codes - of.missing.keys()
        assert codes - ends <= known
        assert set(of.codes) <= codes
        assert len(ends) <= 2
        letters = {c["code"] for c in entry["codes"] if c["code"].isalpha()}
        assert set(of.texts) == (letters if of.texts else set())


@in_one_test(("name", "cycle", "piece"), PLACES, ids=lambda value: str(value)[:20])
def test_the_row_count_is_that_of_the_cdcs_page(name, cycle, piece, nhanes_page):
    for table in piece.tables:
        file = catalog.nhanes().tables[table].files[cycle]
        page = nhanes_page(file.name)
        assert file.rows == (page["rows"] if page else None)


@in_one_test(("name", "cycle", "piece"), PLACES, ids=lambda value: str(value)[:20])
def test_the_age_from_which_people_were_asked_is_that_of_the_cdcs_page(name, cycle, piece, nhanes_page):
    targets = [entry["target"] or "" for _, entry in entries_of(piece, cycle, nhanes_page)]
    targets += [entry["target"] or "" for entry in row_entries(piece, cycle, nhanes_page) if not targets]
    youngest = {int(target.rsplit(" - ")[0].split()[-2]) for target in targets}
    reached = min(low for low, _ in (*piece.ages, *piece.leave_out))
    assert youngest == {reached}


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(shipped("datasets"), tmp_path / "datasets")
    return tmp_path / "datasets"


def rewritten(folder, file, old, new):
    places = [path for path in folder.glob(file) if old in path.read_text()]
    assert places
    for path in places:
        path.write_text(path.read_text().replace(old, new))
    with pytest.raises(DatasetError) as told:
        read_catalog(folder, "nhanes")
    return str(told.value)


def test_the_files_as_they_are_have_no_problem(folder):
    assert isinstance(read_catalog(folder, "nhanes"), Catalog)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('1 = "male"', '1 = "mail"', ("sex: ", "level 'mail'", "'male'")),
        ('table = "SLQ"', 'table = "SLX"', ("cramp_frequency: ", "table 'SLX'", "Did you mean ")),
        ("ages = [[2, 150]]", "age = [[2, 150]]", ("bmi.measured.#1: ", "key 'age'", "Did you mean ")),
        ('7 = "refused", 9', '7 = "refusal", 9', ("reason 'refusal'", "'refused'")),
        ('[arthritis]\n', '[arthritis]\nmeasure = []\n',
         ("arthritis: ", "key 'measure'", "'measured'")),
        ('only_if = { smoked_100', 'only_if = { smoked', ("only_if 'smoked'", "Did you mean ")),
        ('["2003-2004", "2005-2006"]\ntable', '["2003-2004"]\ntable',
         ("screen_hours: ", "'2005-2006'", "measured", "absent")),
        ('["2003-2004", "2005-2006"]\nreason', '["2003-2004", "2007-2008"]\nreason',
         ("sitting_hours: ", "'2007-2008'", "2 times")),
        ('cycles = ["2017-2018"]\nreason', 'cycles = ["2017-2019"]\nreason',
         ("screen_hours: ", "cycle '2017-2019'", "Did you mean ")),
        ('divide_by = 60', 'divide_by = "sixty"', ("divide_by", "number")),
        ('PAQ605 == 1, PAQ610', 'PAQ605 == 1, PAQ611',
         ("vigorous_minutes: ", "'PAQ611'", "'PAQ610'")),
        ('total = "PADTIMES", empty', 'total = "PADTIMES +", empty', ("stretching_sessions: ",)),
        ('where = "PADACTIV in [37, 55]"', 'where = "PADACTIV + 37"',
         ("stretching_sessions: ", "'PADACTIV + 37'", "condition")),
        ('table = "PAQIAF", where = "PADACTIV', 'table = "PAQIAG", where = "PADACTIV',
         ("stretching_sessions: ", "table 'PAQIAG'", "'PAQIAF'")),
        ('columns = ["PAD590", "PAD600"]\n', '',
         ("screen_hours: ", "columns", "inputs", "rows", "expression")),
        ('expression = "when(PAD440 in [2, 3], 0, PAD440 == 1, PAD460)"\n', '',
         ("strengthening_sessions: ", "several inputs", "expression")),
        ('change = "instrument of 2005-2006: Tosoh 2.2 Plus"\n',
         'change = "instrument of 2005-2006: Tosoh 2.2 Plus"\ninstrument = "Tosoh"\n',
         ("hba1c: ", "instruments", "''", "'Tosoh'")),
        ('change = "asked at', '# "asked at',
         ("smoked_100: ", "differ in ages", "change = ...")),
        ('change = "another analyzer (Roche) since 2017"', 'change = "Another instrument (Roche)"',
         ("serum_calcium: ", "another instrument")),
        ('blank = "no usable recall"', 'blank = "no recall"', ("reason 'no recall'", "Did you mean ")),
        ('component = "phlebotomy"', 'component = "blood"', ("component 'blood'",)),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_the_nearest_word(folder, old, new, told):
    message = rewritten(folder, "nhanes-variables/*.toml", old, new)
    assert "' has " in message
    assert mentions(message, "file")
    assert any(mentions(line, *told) for line in message.splitlines())


def test_a_table_without_a_file_in_a_cycle(folder):
    line = 'files."2005-2006" = { name = "SLQ_D", rows = 6139 }\n'
    message = rewritten(folder, "nhanes-tables.toml", line, "")
    assert mentions(message, "cramp_frequency", "'SLQ'", "'2005-2006'")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('weights.fasting =', 'weights.fastin =',
         ("'1999-2000'", "component 'fastin'", "'fasting'")),
        ('tables = ["OGTT"]', 'tables = ["OGT"]',
         ("'2005-2006'", "'glucose tolerance'", "table 'OGT'", "'OGTT'")),
    ],
)  # fmt: skip
def test_a_weight_of_no_component_or_table(folder, old, new, told):
    message = rewritten(folder, "nhanes.toml", old, new)
    assert any(mentions(line, *told) for line in message.splitlines())


def test_a_variable_that_the_codebook_does_not_know(folder):
    message = rewritten(folder, "nhanes-variables/joints.toml", "arthritis", "arthritiss")
    assert mentions(message, "'arthritiss'", "'arthritis'")


def test_a_variable_in_two_files(folder):
    themes = folder / "nhanes-variables"
    shutil.copy(themes / "joints.toml", themes / "joints-again.toml")
    with pytest.raises(DatasetError, match=mentioning("'arthritis'", "'nhanes-variables'")):
        read_catalog(folder, "nhanes")


def test_all_problems_are_told_at_once(folder):
    message = rewritten(folder, "nhanes-variables/*.toml", '1 = "yes"', '1 = "yess"')
    wrong = message.count("nknown level 'yess'. Did you mean 'yes'")
    assert wrong >= 6
    assert f"has {wrong} problems" in message


def test_what_is_not_toml_names_the_line(tmp_path):
    (tmp_path / "a.toml").write_text("[bmi\n")
    with pytest.raises(DatasetError, match=mentioning("'a.toml'", "TOML", "1")):
        read_toml(tmp_path / "a.toml", dict[str, Entry])


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DatasetError, match=mentioning("a.toml'")):
        read_toml(tmp_path / "a.toml", dict[str, Entry])


def test_an_unknown_key_at_the_top(tmp_path):
    (tmp_path / "mark.toml").write_text('label = "x"\nrow = {}\nrows = {}\n')
    with pytest.raises(DatasetError, match=mentioning("'row'", "'rows'")):
        read_toml(tmp_path / "mark.toml", SimulatedMark)
