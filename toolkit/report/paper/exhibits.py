"""Number the figures, tables and references of a report, with captions and the data of each figure."""

import sys
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import polars as pl

from toolkit.causes.card import Card
from toolkit.causes.evidence import conflicts_of, evidence_of
from toolkit.disclosure import begin_run, is_hidden, is_rounded, note_counts, show, show_data
from toolkit.display.charts.row_layout import remove_title
from toolkit.display.export.text_files import pack_csv
from toolkit.display.tables.result_table import table as typeset_table
from toolkit.display.tables.typesetting import replace_heading
from toolkit.display.text import (
    SIMULATED,
    classify_frame,
    count_covered,
    finding,
    format_count,
    format_estimate,
    format_excluded,
    format_step,
    format_true_value,
    has_true_values,
    head_rows,
    is_description,
    is_simulated,
    name_interval,
    name_set,
    questions_sentence,
    write_notes,
)
from toolkit.planning.opened_plan import OpenedPlan
from toolkit.report.paper.bibliography import find_citation, list_signs
from toolkit.report.paper.passages import (
    EVIDENCE_HEADS,
    Passage,
    bullets,
    fill_macro,
    own_finding,
    prose,
    published_finding,
)
from toolkit.report.paper.planned_results import describe_plan, list_questions, mark_rows, plan_note
from toolkit.results import PLAN_STATUS, SCHEMA, estimand_of


@dataclass(frozen=True)
class Exhibit:
    """A figure or table with its title and caption; it displays itself in a notebook."""

    title: Passage | None
    body: Any
    caption: Passage | None

    def _ipython_display_(self) -> None:
        from IPython.display import display

        for part in (self.title, self.body, self.caption):
            if part is not None:
                display(part)  # type: ignore[no-untyped-call]


class Paper:
    """The figures, tables and references of one report, numbered in the order of their first appearance.

    Parameters
    ----------
    labels
        Labels of variables and adjustment sets, by name. `paper.labels` may be updated afterwards.
    plan
        An analysis plan that `tk.plan` opened for the study. Figures, tables and findings then state which
        results were planned. None for no plan.

    Examples
    --------
    >>> paper = Paper()
    >>> paper.cite("binder1983"), paper.cite("zou2004", "binder1983")
    ('[1]', '[1, 2]')
    >>> paper.references().html.count("<li>")
    2
    """

    def __init__(self, labels: Mapping[str, str] | None = None, plan: OpenedPlan | None = None) -> None:
        self.labels: dict[str, str] = dict(labels or {})
        self.plan = plan
        self._numbers: dict[tuple[str, str], int] = {}
        self._dois: dict[str, str] = {}
        # A notebook that papermill runs is a page too.
        if "ipykernel.kernelapp" in sys.modules:
            begin_run()

    def _number(self, kind: str, name: str) -> int:
        """Return the number of an exhibit or a citation; a cell that runs again keeps its numbers."""
        taken = sum(other == kind for other, _ in self._numbers)
        return self._numbers.setdefault((kind, name), taken + 1)

    def prose(self, *paragraphs: str, heading: str = "", level: int = 2) -> Passage:
        """Write paragraphs, with a heading if one is given."""
        return prose(*paragraphs, heading=heading, level=level)

    def finding(self, rows: pl.DataFrame) -> Passage:
        """Write the finding of result rows (`tk.finding`), with adjustment sets by their names.

        Parameters
        ----------
        rows
            Result rows.
        """
        named, labels = self._name_sets(rows)
        text = finding(named, labels=labels)
        return self.prose(f"{text} {self.plan_note(rows)}".strip())

    def plan_note(self, rows: pl.DataFrame) -> str:
        """State how many of the comparisons were planned; "" without a plan.

        Parameters
        ----------
        rows
            Result rows.
        """
        return plan_note(rows, self.plan)

    def analysis_plan(self) -> Passage:
        """Describe the plan: its questions, when it was frozen and amended, the cycles and their reason."""
        if self.plan is None:
            return self.prose("No analysis plan was given.")
        how = (
            "P-values are of joint Wald tests, for a question with groups of the equality of its association "
            f"among them. They are adjusted by the methods of Holm {self.cite('holm1979')} and of Benjamini "
            f"and Hochberg (BH) {self.cite('benjamini1995')} for all questions of a family, also those that "
            "other pages report. Descriptive estimates answer no question."
        )
        text = self.prose(*describe_plan(self.plan), how)
        return Passage(text.html + list_questions(self.plan, self.labels).html)

    def mark(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Append to result rows the column `plan_status`, which tables and figures show; only with a plan.

        Parameters
        ----------
        rows
            Result rows, before their covariates are renamed.
        """
        return mark_rows(rows, self.plan)

    def _name_sets(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, str]]:
        """Replace covariates by the name of their set, which Statistical analysis lists in full."""
        rows = show(rows)
        names = [name_set(row, self.labels) for row in rows.rows(named=True)]
        # A set that was requested is named by its covariates alone.
        names = ["" if name.startswith("Adjusted") else name for name in names]
        short = [name or adjust for name, adjust in zip(names, rows["adjust"], strict=True)]
        labels = {name: f"the covariates of {name}" for name in names if name}
        return rows.with_columns(pl.Series("adjust", short, pl.String)), {**self.labels, **labels}

    def figure(self, chart: Any, data: pl.DataFrame | None, title: str, note: str = "") -> Exhibit:
        """Give a chart a number, a caption, and its data as a table that opens on a click.

        Parameters
        ----------
        chart
            A chart of the toolkit; its own title is replaced by the title and caption of the figure.
        data
            The frame that it shows: result rows or a flow. None for a chart of another kind.
        title
            A short title.
        note
            Sentences for the end of the caption.
        """
        number = f"Figure {self._number('figure', title)}"
        marks = "Error bars: " if hasattr(chart, "vconcat") else "Shaded band: "  # A curve is in layers.
        caption = "" if data is None else self._describe(data, marks)
        fold = "" if data is None else _fold_data(mark_rows(data, self.plan), self.labels, number)
        text = " ".join(part for part in (caption, note) if part)
        paragraph = f'<p class="caption">{escape(text)}</p>' if text else ""
        return Exhibit(
            Passage(f'<p class="exhibit"><b>{number}.</b> {escape(title)}.</p>'),
            remove_title(chart),
            Passage(paragraph + fold),
        )

    def table(self, frame: pl.DataFrame, title: str, note: str = "", **options: Any) -> Exhibit:
        """Give a table of result rows, a flow or a description of participants a number and a caption.

        Parameters
        ----------
        frame
            The frame, as `tk.table` takes it.
        title
            A short title.
        note
            Sentences for the caption.
        **options
            Options of `tk.table`.
        """
        number = f"Table {self._number('table', title)}"
        made = typeset_table(mark_rows(frame, self.plan), labels=self.labels, **options)
        caption = " ".join(part for part in (self._describe(frame, ""), note) if part)
        notes = [SIMULATED] * is_simulated(frame) + [caption] * bool(caption)
        return Exhibit(None, replace_heading(made, f"{number}. {title}", notes), None)

    def _describe(self, frame: pl.DataFrame, interval: str) -> str:
        """Describe what applies to all rows: population, n, adjustment; of a figure weight and interval."""
        if classify_frame(frame, "tk.reports.Paper") != "result":
            return f"{note_counts(show(frame))}."
        counted = questions_sentence(frame, labels=self.labels)
        rows = frame.filter(~pl.Series([estimand_of(row).kind == "test" for row in frame.rows(named=True)]))
        if rows.is_empty() or is_description(frame):
            rows = frame
        rows, labels = self._name_sets(rows)
        # The chart itself warns of simulated data, and a table has a note of its own.
        lines = [line for line in write_notes(rows, labels) if line != SIMULATED]
        weights = [text for text in rows["weight"].unique(maintain_order=True) if text]
        # A table has weight and interval at its foot.
        if weights and interval:
            lines.append(f"Weights: {' or '.join(weights)}")
        if interval and rows["conf_low"].is_not_null().any():
            lines.append(f"{interval}{name_interval(rows).replace('CI', 'confidence intervals')}")
        if interval and is_rounded(rows):
            lines.append(note_counts(rows))
        if has_true_values(rows):
            lines.append(f"Diamonds: true values. {count_covered(rows)}".strip())
        lines.append(self.plan_note(frame))
        # A figure has no p-values.
        lines.append("" if interval else counted)
        return " ".join(f"{line[0].upper()}{line[1:].rstrip('.')}." for line in lines if line)

    def cite(self, *keys: str) -> str:
        """Cite references and published findings by their ids, as "[1, 3]".

        Parameters
        ----------
        *keys
            Ids of `datasets/references.toml` or `datasets/evidence.toml`.

        Raises
        ------
        VariableError
            For an unknown id.
        """
        found = dict(map(find_citation, keys))
        self._dois |= found
        numbers = sorted(self._number("reference", citation) for citation in found)
        return f"[{', '.join(map(str, numbers))}]" if numbers else ""

    def references(self) -> Passage:
        """List the references cited so far, in the order of their numbers."""
        items = []
        for kind, citation in self._numbers:
            if kind == "reference":
                doi = escape(self._dois[citation])
                link = f' <a href="https://doi.org/{doi}">doi:{doi}</a>' if doi else ""
                items.append(f"<li>{escape(citation.rstrip('.'))}.{link}</li>")
        return Passage(f'<ol class="references">{"".join(items)}</ol>') if items else prose("None.")

    def evidence(self, subject: Card | str) -> Passage:
        """Tabulate the published findings on a cause or another subject, with numbered references.

        Parameters
        ----------
        subject
            The card of a cause, or a subject of `datasets/evidence.toml` such as "burden".
        """
        name = subject.name if isinstance(subject, Card) else subject
        published = evidence_of(name).filter(pl.col("measure") != "not read").rows(named=True)
        if not published:
            return prose("No published findings on this subject have been collected.")
        rows = [self._cite_finding(row) for row in published]
        title = self._head_table(f"Published findings: {name.replace('_', ' ')}", "Published findings")
        return Passage(title + fill_macro("table", EVIDENCE_HEADS, rows).html)

    def comparison(self, subject: Card | str, own: pl.DataFrame | None = None) -> Passage:
        """Place this report's ratios above the published ratios that have a confidence interval.

        Parameters
        ----------
        subject
            As for `evidence`.
        own
            Result rows of this report; None if nothing could be estimated.
        """
        name = subject.name if isinstance(subject, Card) else subject
        published = evidence_of(name).filter(
            pl.col("measure").str.contains(r"^(OR|RR|HR)\b"),
            pl.col("conf_low").is_not_null(),
            pl.col("adjusted_for").fill_null("") != "randomized",  # A trial of treatment is another question.
        )
        conflicts = prose(*(f"Findings disagree. {text}" for text in conflicts_of(name))).html
        if published.is_empty():
            text = "No published ratio with a confidence interval was found on this subject."
            return Passage(prose(text).html + conflicts)
        named, labels = self._name_sets(own) if own is not None else (published.clear(), {})
        mine = [own_finding(row, labels) for row in named.rows(named=True)]
        rows = [*mine, *map(self._cite_finding, published.rows(named=True))]
        title = self._head_table(
            f"Comparison: {name.replace('_', ' ')}", "This estimate and published ratios"
        )
        return Passage(title + fill_macro("table", EVIDENCE_HEADS, rows, "words", len(mine)).html + conflicts)

    def _cite_finding(self, row: Mapping[str, Any]) -> list[str]:
        source, *cells = published_finding(row)
        return [f"{source} {self.cite(row['id'])}", *cells]

    def _head_table(self, name: str, title: str) -> str:
        return f'<p class="exhibit"><b>Table {self._number("table", name)}.</b> {escape(title)}.</p>'

    def prevention(self, card: Card) -> Passage:
        """List what studies found about preventing cramps in relation to a cause, with references.

        Parameters
        ----------
        card
            The card of the cause.
        """
        return bullets(
            f"{way.kind.capitalize()}: {way.finding.rstrip('.')} {self.cite(*way.sources)}".rstrip()
            for way in card.prevention
        )

    def warning_signs(self) -> Passage:
        """List the signs by which guidelines and reviews distinguish other conditions, with references."""
        return bullets(f"{sign} {self.cite(*sources)}" for sign, sources in list_signs())


# The data of a longer figure, such as a curve, leave out columns with the same value in each row.
_MANY_ROWS = 20
_IDENTIFIERS = ("study", "domain", "estimand", "outcome", "exposure")


def _fold_data(frame: pl.DataFrame, names: Mapping[str, str], number: str) -> str:
    """Write the data of a figure as a table that opens on a click, with a link that saves them."""
    results = classify_frame(frame, "tk.reports.Paper") == "result"
    shown, data = show(frame), show_data(frame)
    heads, lines = _list_results(shown, names) if results else _list_steps(shown)
    text = _drop_repeated(data) if results else data
    packed = b64encode(pack_csv(text)).decode()
    name = number.lower().replace(" ", "-")
    # Column names have no spaces; a script of the page makes a workbook of the same data.
    labels = " ".join(column for column, dtype in text.schema.items() if not dtype.is_numeric())
    link = f'<a download="{name}.csv" data-text="{escape(labels)}" href="data:text/csv;base64,{packed}">'
    table = fill_macro("table", heads, lines).html
    head = f'<details class="data"><summary>Data of {number}</summary>'
    return f"{head}{table}<p>{link}Save as CSV</a></p></details>"


def _drop_repeated(frame: pl.DataFrame) -> pl.DataFrame:
    """Remove columns that say the same in many rows; the files beside the page have every column."""
    fewest = 2 if frame.height > _MANY_ROWS else 1
    kept = [s.name for s in frame if s.name not in SCHEMA or s.name in _IDENTIFIERS or _count(s) >= fewest]
    return pl.DataFrame(frame.select(kept))


def _count(column: pl.Series) -> int:
    """Count the different values of a column."""
    return 0 if column.null_count() == len(column) else column.n_unique()


def _list_results(frame: pl.DataFrame, labels: Mapping[str, str]) -> tuple[list[str], list[list[str]]]:
    true, planned = has_true_values(frame), PLAN_STATUS in frame.columns
    lines = []
    for item in head_rows(frame, labels):
        row, hidden = item.row, is_hidden(item.row)
        lines.append(
            [
                item.name or "estimate",
                estimand_of(row).noun,
                "not shown" if hidden else format_estimate(row),
                *([format_true_value(row)] if true else []),
                "" if hidden else format_count(row["n_cases"]),
                format_count(row["n"]),
                *([row[PLAN_STATUS]] if planned else []),
            ]
        )
    heads = ["Group", "Measure", "Estimate (CI)", *["True value"] * true, "Cases", "n", *["Plan"] * planned]
    return heads, lines


def _list_steps(flow: pl.DataFrame) -> tuple[list[str], list[list[str]]]:
    rows = flow.rows(named=True)
    lines = [
        [
            format_step(row["step"]),
            format_count(row["n_left"]) or "not shown",
            format_excluded(row),
            row["reason"] or "" if format_excluded(row) else "",
        ]
        for row in rows
    ]
    return ["Step", "Remaining", "Excluded", "Reason"], lines
