"""Files of a study for other programs: R, Stata, SAS, SPSS, parquet."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from toolkit.studies.data_files import write_data
from toolkit.studies.design import Design
from toolkit.studies.r_export import Exported, write_r
from toolkit.variables import Codebook


class StudyFiles:
    """The methods of a study that write its participants to files, which only the user can read."""

    people: pl.DataFrame
    design: Design
    codebook: Codebook
    label: str
    simulated: bool

    def to_r(self, folder: str | Path) -> Path:
        """Export participants to R as people.csv and people.parquet, and the design as a script, study.R.

        Parameters
        ----------
        folder
            Output folder. The files contain rows of participants without identifiers and are readable by you
            alone.

        Returns
        -------
        pathlib.Path
            The script. `source("study.R")` in that folder creates `people` and `design` (one per component if
            there are several weights: `design_interview`, ...).

        Examples
        --------
        >>> import tempfile, toolkit as tk
        >>> tk.open_study("simulated").to_r(tempfile.mkdtemp()).name
        'study.R'
        """
        return write_r(self._export(), folder)

    def write(
        self,
        path: str | Path,
        variables: Sequence[str] | None = None,
        domain: str = "",
        *,
        overwrite: bool = False,
    ) -> Path:
        """Write the analytic data set for Stata, SAS or SPSS, or as parquet.

        Parameters
        ----------
        path
            The file: .dta (Stata), .xpt (SAS transport), .sav (SPSS) or .parquet. It contains rows of
            participants without identifiers and is readable by you alone.
        variables
            Names in the codebook; by default all measured variables. The columns of the design (weights,
            strata, PSUs, replicate weights) are always included, and `cycle` if there are several.
        domain
            A condition such as "age >= 20". All participants stay in the file, because standard errors need
            the whole design; the column `in_domain` is 1 inside and 0 outside. Use it in Stata as
            `svy, subpop(in_domain)`, in SAS as `domain in_domain`, in SPSS as the subpopulation.
        overwrite
            Whether an existing file may be replaced.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        DatasetError
            If the format is unknown, the file exists or its folder cannot be written. No incomplete file is
            left.
        VariableError
            If a variable is unknown, or a name is not allowed in the format.

        Notes
        -----
        Variables keep their labels with units. Levels are numbers with value labels in Stata and SPSS (no and
        yes are 0 and 1, others count from 1 in their order), and text in SAS and parquet. Reasons for missing
        values are `.a`, `.b`, ... with value labels in Stata; labeled codes such as -99 that are declared as
        missing in SPSS; text in a companion column `bmi_why` in SAS, whose transport files have no labels of
        values; and text in `bmi.why` in parquet. Text variables have the companion column in Stata and SPSS
        too. Dates stay dates. Transport files have version 5 if every name has at most 8 letters, and
        version 8 otherwise (in SAS: the macro %xpt2loc).

        Examples
        --------
        >>> import tempfile, toolkit as tk
        >>> study = tk.open_study("simulated")
        >>> study.write(Path(tempfile.mkdtemp()) / "cramps.dta", ["any_cramps", "age"], "age >= 20").name
        'cramps.dta'
        """
        return write_data(self._export(), path, variables=variables, domain=domain, overwrite=overwrite)

    def _export(self) -> Exported:
        return Exported(self.people, self.design, self.codebook, self.label, self.simulated)
