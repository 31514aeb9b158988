"""The names that others rely on keep their unit, levels, reference, component and place in the files."""

from collections import Counter
from typing import Any

import polars as pl

from tests.support.looping import in_one_test
from toolkit.causes import DERIVATIONS
from toolkit.sources.catalog import nhanes
from toolkit.sources.harmonize.documentation import describe
from toolkit.variables import Codebook, derive

YES_NO = ("no", "yes")
POSTURES = ("sits", "stands or walks", "light loads or stairs", "heavy work")
# Name, cycle: unit, levels, reference, component, and where it stands (the start of it).
BINDING: dict[tuple[str, str], tuple[Any, ...]] = {
    ("multiple_sclerosis", "2005-2006"): ("", YES_NO, "no", "interview", "RXQ_RX_D (RXDUSE, RXDDRGID"),
    ("neuropathy", "2003-2004"): ("", YES_NO, "no", "examination", "insensate_left or insensate_right"),
    ("insensate_left", "2003-2004"): ("sites", (), None, "examination", "LEXPN_C.LEALPN"),
    ("osteoarthritis", "2005-2006"): ("", YES_NO, "no", "interview", "no arthritis is no"),
    ("arthritis_type", "2005-2006"): (
        "",
        ("osteoarthritis", "rheumatoid arthritis", "psoriatic arthritis", "other"),
        "osteoarthritis",
        "interview",
        "MCQ_D.MCQ190",
    ),
    ("arthritis_type", "2009-2010"): ("", None, "osteoarthritis", "interview", "MCQ_F.MCQ191"),
    ("arthritis_type", "2011-2012"): ("", None, "osteoarthritis", "interview", "MCQ_G.MCQ195"),
    ("diuretic", "2007-2008"): ("", YES_NO, "no", "interview", "RXQ_RX_E (RXDUSE, RXDDRUG, RXDDRGID)"),
    ("sitting_hours", "2007-2008"): ("hours a day", (), None, "interview", "PAQ_E.PAD680"),
    ("screen_hours", "2005-2006"): ("hours a day", (), None, "interview", "PAQ_D.PAD590 + PAQ_D.PAD600"),
    ("work_posture", "1999-2000"): ("", POSTURES, "stands or walks", "interview", "PAQ.PAQ180"),
    ("vigorous_minutes", "2007-2008"): ("minutes a week", (), None, "interview", "PAQ_E (PAQ605, PAQ610"),
    ("moderate_minutes", "2007-2008"): ("minutes a week", (), None, "interview", "PAQ_E (PAQ620, PAQ625"),
    ("met_minutes", "2017-2020"): ("MET-minutes a week", (), None, "interview", "P_PAQ (PAQ605, PAQ610"),
    ("stretching_sessions", "2005-2006"): (
        *("sessions a month", (), None, "interview"),
        "PAQ_D (PAD200, PAD320) with PAQIAF_D (PADACTIV, PADTIMES)",
    ),
    ("alcohol", "2005-2006"): ("drinks a week", (), None, "examination", "ALQ_D (ALQ101, ALQ110"),
    ("sleep_hours", "2005-2006"): ("hours a night", (), None, "interview", "SLQ_D.SLD010H"),
    ("pad", "1999-2000"): ("", YES_NO, "no", "examination", "ankle_brachial_index below 0.90"),
    ("ankle_brachial_index", "1999-2000"): (
        "",
        (),
        None,
        "examination",
        "the lower of abi_left and abi_right",
    ),
    ("pregnant", "2005-2006"): ("", YES_NO, "no", "examination", "DEMO_D.RIDEXPRG"),
}
ABSENT = {
    ("vigorous_minutes", "2005-2006"): "another instrument",
    ("vigorous_minutes", "2021-2023"): "another instrument",
    ("listed_vigorous_minutes", "2007-2008"): "another instrument",
    ("leisure_vigorous_minutes", "2007-2008"): "another instrument",
    ("stretching_sessions", "2007-2008"): "1999-2006 only",
    ("work_posture", "2007-2008"): "1999-2006 only",
    ("multiple_sclerosis", "2021-2023"): "drug names are not released",
    ("diuretic", "2021-2023"): "drug names are not released",
    ("neuropathy", "2005-2006"): "1999-2004 only",
    ("claudication", "2005-2006"): "1999-2004 only",
    ("prone_share", "2005-2006"): "does not ask how people lie",
    ("plantar_flexed_night", "1999-2000"): "does not ask how the feet lie",
    ("alcohol", "2017-2018"): "another instrument",
    ("sleep_hours", "2015-2016"): "another instrument",
    ("joint_limitation", "2021-2023"): "another instrument",
}


def book(cycle: str) -> Codebook:
    """Give the codebook of a cycle, derived variables with it, without opening a file."""
    measured = describe(nhanes(), [cycle], {})
    people = pl.DataFrame(schema={name: v.dtype for name, v in measured.items() if v.measured})
    return derive(people, measured, DERIVATIONS)[1]


@in_one_test(("name", "cycle"), BINDING)
def test_a_binding_name_is_what_it_was(name: str, cycle: str) -> None:
    unit, levels, reference, component, source = BINDING[name, cycle]
    found = book(cycle)[name]
    assert (unit, reference, component) == (found.unit, found.reference, found.component)
    assert levels is None or levels == found.levels
    assert found.source.startswith(source)
    assert found.measured


@in_one_test(("name", "cycle"), ABSENT)
def test_what_a_cycle_did_not_measure_stays_with_its_reason(name: str, cycle: str) -> None:
    found = book(cycle)[name]
    assert not found.measured
    assert ABSENT[name, cycle] in found.availability[0].reason


def test_the_proxy_is_marked_so_in_every_cycle_that_has_it() -> None:
    entries = describe(nhanes(), list(nhanes().cycles), {})["multiple_sclerosis"].availability
    assert {"proxy": 11, "not measured": 1} == dict(Counter(entry.status for entry in entries))
