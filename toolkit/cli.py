"""The command line `cramps`. Commands import what they need when they run, so that help is immediate."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.errors import ToolkitError

if TYPE_CHECKING:
    from toolkit.studies import Study


class Commands(click.Group):
    """Commands that end with exit code 1 and a message on an error of the toolkit."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ToolkitError as error:
            raise CommandError(str(error)) from error


class CommandError(click.ClickException):
    """A message to the standard error, red on a terminal and plain in a pipe."""

    def show(self, file: Any = None) -> None:
        """Write the message."""
        click.secho(f"cramps: {self.message}", file=file, err=file is None, fg="red")


def _example(*lines: str) -> str:
    return "\n".join(["\b", "Example:", *(f"  {line}" for line in lines)])


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_example("cramps report diabetes --study nhanes"),
)
@click.version_option(package_name="cramps-toolkit", message="%(prog)s %(version)s")
def main() -> None:
    """Analyze surveys and cohorts on nocturnal leg cramps."""


_ADJUST = (
    "A covariate (repeat the option for several), or small, full or core for an adjustment set of the causal "
    "diagram."
)


# Options that say how reports are made, and are no parameters of a report.
_OPTIONS = ("interactive", "notebook", "force", "export", "format", "paper", "overwrite")


@main.command(
    epilog=_example(
        "cramps report diabetes --study nhanes",
        "cramps report diabetes --outcome frequent_cramps --save-as diabetes-frequent",
        "cramps report diabetes --format docx --export xlsx,svg",
        "cramps report --all",
    )
)
@click.argument("name", required=False)
@click.option(
    "--study", default="simulated", show_default=True, help="Name of a study, as listed by cramps studies."
)
@click.option("--cause", help="Name of a cause, as listed by cramps causes, in place of NAME.")
@click.option("--all", "everything", is_flag=True, help="Render all reports, and an index page.")
@click.option("--outcome", help="A yes/no variable, such as frequent_cramps.")
@click.option("--exposure", help="The exposure variable.")
@click.option("--adjust", multiple=True, help=_ADJUST)
@click.option("--domain", help="The subpopulation, such as 'age >= 60 and sex == \"female\"'.")
@click.option("--exclude-pregnant", is_flag=True, help="Exclude respondents known to be pregnant.")
@click.option("--plan", help="The file of an analysis plan, plan.toml.")
@click.option("--save-as", help="Name of the files, without suffix.")
@click.option("--interactive", is_flag=True, help="Let Vega draw the charts, which adds 0.9 MB to each page.")
@click.option("--notebook", is_flag=True, help="Keep the executed notebook beside the page.")
@click.option("--force", is_flag=True, help="Render anew what did not change.")
@click.option(
    "--export",
    multiple=True,
    metavar="FORMATS",
    help="Write all tables and figures into a folder beside the page, such as docx,xlsx,svg.",
)
@click.option(
    "--format",
    multiple=True,
    metavar="FORMATS",
    help="Write the whole report as docx (Word) or pdf beside the page.  [default: html]",
)
@click.option("--paper", default="a4", show_default=True, help="Paper of what is exported, a4 or letter.")
@click.option("--overwrite", is_flag=True, help="Replace exported files that were changed since.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write to, in which each study has its own.  [default: reports in the project folder]",
)
def report(
    name: str | None, study: str, cause: str | None, everything: bool, out: Path | None, **asked: Any
) -> None:
    """Render a report, or all reports.

    NAME is a report such as diabetes, sleep-position or burden, or the path of your own notebook.
    """
    if [everything, cause is not None, name is not None].count(True) != 1:
        raise click.UsageError(
            "Choose either one report or all. Use the name of a report, such as cramps report diabetes, or "
            "--all for every report of the plan."
        )
    options = {option: asked.pop(option) for option in _OPTIONS}
    given = {name: value for name, value in asked.items() if value}
    if "adjust" in given and given["adjust"][0] in ("small", "full", "core"):
        given["adjust"] = given["adjust"][0]
    if everything and given:
        option = next(iter(given)).replace("_", "-")
        raise click.UsageError(
            f"--{option} requires the name of a report. With --all, the plan sets the parameters; remove "
            f"--{option}."
        )
    from toolkit.report import render, render_plan

    if everything:
        done = render_plan(study, output=out, **options)
        click.echo(done)
        sys.exit(0 if done.ok else 1)
    if cause is not None:
        name, given["cause"] = "cause", cause
    click.echo(render(str(name), study=study, output=out, **options, **given))


@main.command(epilog=_example("cramps verify reports/simulated/diabetes.html"))
@click.argument("page", type=click.Path(path_type=Path))
@click.option("--study", help="The study.toml of the page, if it is of your own study.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def verify(page: Path, study: str | None, as_json: bool) -> None:
    """Recompute the numbers of a report and say which digits differ.

    PAGE is the .html file of a report. The exit code is 0 if all numbers are equal, 1 if some differ or the
    page was edited, and 2 if the page cannot be verified.
    """
    from toolkit.report.page.manifest import NoManifestError
    from toolkit.report.verification.verified_pages import UnverifiableError, verify_page

    try:
        found = verify_page(page, study)
    except (NoManifestError, UnverifiableError) as error:
        CommandError(str(error)).show()
        sys.exit(2)
    click.echo(found.to_json() if as_json else found)
    sys.exit(0 if found.equal else 1)


@main.command(epilog=_example("cramps studies"))
def studies() -> None:
    """List the studies that can be opened."""
    from toolkit.sources.registry import available_studies

    _print_table(available_studies().items())


@main.command(epilog=_example("cramps causes"))
def causes() -> None:
    """List the ten causes and the main exposure of each."""
    from toolkit.causes.card import cards

    _print_table((name, card.title, card.main.label) for name, card in cards().items())


@main.command(epilog=_example("cramps describe nhanes", "cramps describe study.toml --out dictionary.html"))
@click.argument("study", default="simulated")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="HTML file to write.")
@click.option("--exact", is_flag=True, help="Show exact counts, for public files and for your own use.")
def describe(study: str, out: Path | None, exact: bool) -> None:
    """Summarize a study and write its data dictionary as one page.

    STUDY is the name of a study, as listed by cramps studies, or the path of a study.toml.
    """
    from toolkit.report.data_dictionary import data_dictionary
    from toolkit.sources.registry import open_study

    opened = open_study(study)
    click.echo(f"{opened.label}: {opened.people.height:,} participants")
    click.echo(f"Weights: {', '.join(opened.design.components) or 'none'}\n")
    _print_table(_variable_rows(opened), "variable", "participants with a value", "label", "levels or unit")
    click.echo()
    _print_table(_exposure_rows(opened), "cause", "exposure", "status", "cycles", "reason")
    click.echo(f"\nData dictionary: {data_dictionary(opened, out, exact=exact)}")


@main.command("new-study", epilog=_example("cramps new-study people.csv lab.sav"))
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File to write.  [default: study.toml beside the first of FILES]",
)
@click.option(
    "--keep", multiple=True, help="A word such as NA that is a value and not missing; repeat for several."
)
def new_study(files: tuple[Path, ...], out: Path | None, keep: tuple[str, ...]) -> None:
    """Write a draft study.toml from FILES and mark each guess.

    An existing file is never overwritten.
    """
    from toolkit.sources.user.scaffold import write_first_study

    first = write_first_study(files, out, keep)
    click.echo(first)
    for problem in first.problems:
        click.echo(f"- {problem}")


@main.command(epilog=_example("cramps check study.toml"))
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--accept-guesses", is_flag=True, help="Accept all guesses of cramps new-study.")
def check(path: Path, accept_guesses: bool) -> None:
    """Validate a study.toml and its data files.

    The command fails until every guess of cramps new-study is confirmed or accepted.
    """
    from toolkit.sources.user import guesses
    from toolkit.sources.user.loader import examine

    found = examine(path)
    accepted = guesses.accept_guesses(path) if accept_guesses else 0
    open_guesses = guesses.unconfirmed(path)
    lists = {"Problems": found.errors, "Guesses to confirm": open_guesses, "Notes": found.notes}
    for heading, items in lists.items():
        if items:
            click.echo("\n".join([f"{heading}: {len(items)}", *(f"- {item}" for item in items), ""]))
    if any(problem.rows for problem in found.problems):
        click.echo("Rows are counted from the first row below the heading.")
    if accepted:
        click.echo(f"{accepted} guesses were accepted in '{path.name}'.")
    if found.population is None:
        raise CommandError(
            f"'{path.name}' cannot be opened. Correct the problems listed above, then check it again."
        )
    if open_guesses:
        raise CommandError(
            f"'{path.name}' has {len(open_guesses)} unconfirmed guesses. Correct them and remove their "
            f"marks, or accept all of them with: cramps check {path.name} --accept-guesses"
        )
    click.echo(f"'{path.name}' can be opened: {found.population.people.height:,} participants.")


@main.command(epilog=_example("cramps download nhanes --cycles all --verify"))
@click.argument("study")
@click.option(
    "--cycles",
    multiple=True,
    help="A survey cycle such as 2005-2006 (repeat the option for several), or all.",
    metavar="CYCLE",
)
@click.option(
    "--verify", is_flag=True, help="Compare row and code counts with the codebook of the publisher."
)
@click.option(
    "--renew", is_flag=True, help="Download again and accept changed files, for example after a revision."
)
def download(study: str, cycles: tuple[str, ...], verify: bool, renew: bool) -> None:
    """Download the files of a study. An interrupted download resumes."""
    from toolkit.sources.registry import download_study

    chosen = cycles[0] if cycles == ("all",) else cycles
    files = download_study(study, cycles=chosen, verify=verify, renew=renew)
    counts = files.group_by("status").len().sort("status")
    click.echo("files " + ", ".join(f"{status}: {count}" for status, count in counts.iter_rows()))
    problems = files.filter(files["problem"].is_not_null())
    if problems.height:
        _print_table(
            problems.select("cycle", "table", "status", "problem").iter_rows(),
            *problems.columns[:3],
            "problem",
        )
    sys.exit(1 if "differs" in files["status"] else 0)


@main.group(
    epilog=_example(
        "cramps plan new --study nhanes", "cramps plan check plan.toml", "cramps plan freeze plan.toml"
    )
)
def plan() -> None:
    """Declare the questions of an analysis before it, and freeze them."""


_PLANNED_STUDY = click.option("--study", help="Name of a study, or the path of its study.toml.")


@plan.command("new", epilog=_example("cramps plan new --study nhanes"))
@click.argument("path", default="plan.toml", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--study", default="simulated", show_default=True, help="Name of a study, or its study.toml.")
def new_plan(path: Path, study: str) -> None:
    """Write a commented draft of a plan to PATH. An existing file is never overwritten."""
    from toolkit.planning.plan_templates import write_plan
    from toolkit.sources.registry import open_study

    written = write_plan(path, open_study(study))
    click.echo(f"{written}: change the questions, then check and freeze the plan.")


@plan.command("check", epilog=_example("cramps plan check plan.toml --study nhanes"))
@click.argument("path", type=click.Path(path_type=Path))
@_PLANNED_STUDY
def check_plan(path: Path, study: str | None) -> None:
    """Validate the plan in PATH, with a study also its variables, and list the questions."""
    from toolkit.estimate.planned_answers import plan as open_plan
    from toolkit.sources.registry import open_study

    opened = open_plan(path, open_study(study) if study else None)
    click.echo(f"{opened}\n")
    _print_table(opened.list_questions(), "question", "role", "family", "outcome", "exposure", "adjusted for")


@plan.command("freeze", epilog=_example('cramps plan freeze plan.toml --amend "A second outcome was added."'))
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--amend", default="", help="The reason for changes since the plan was frozen.")
@_PLANNED_STUDY
def freeze_plan(path: Path, amend: str, study: str | None) -> None:
    """Record hash, date and git commit of the plan in PATH, in a file beside it.

    A plan that was changed since is amended with a reason, and reports list every amendment.
    """
    from toolkit.planning.opened_plan import freeze_file
    from toolkit.sources.registry import open_study

    click.echo(freeze_file(path, amend, open_study(study) if study else None))


@main.command(epilog=_example("cramps lab"))
@click.argument("arguments", nargs=-1)
def lab(arguments: tuple[str, ...]) -> None:
    """Open the notebooks in JupyterLab, on this machine alone.

    In a folder without them, the notebooks of the toolkit are copied into its folder notebooks. ARGUMENTS are
    passed on to JupyterLab; write -- before those that begin with a minus.
    """
    from toolkit.report.paired_notebooks import lab_command

    sys.exit(subprocess.call(lab_command(arguments)))  # noqa: S603 - JupyterLab of this Python


@main.command(epilog=_example("cramps notebooks", "cramps notebooks my-notebooks"))
@click.argument("folder", default="notebooks", type=click.Path(path_type=Path, exists=True, file_okay=False))
def notebooks(folder: Path) -> None:
    """Write the .ipynb files of FOLDER from their .py sources, without outputs."""
    from toolkit.report.paired_notebooks import write_paired

    for path in write_paired(folder):
        click.echo(path)


@main.command(epilog=_example("cramps setup"))
def setup() -> None:
    """Check Python, packages and the folders that the toolkit writes to."""
    from toolkit.files.installation import check_installation
    from toolkit.files.project_folder import in_project

    found = check_installation(in_project("reports").parent)
    _print_table((check.subject, "check" if check.remedy else "ok", check.found) for check in found)
    if remedies := [check.remedy for check in found if check.remedy]:
        raise CommandError(" ".join(remedies))


def _variable_rows(study: "Study") -> Iterable[tuple[str, ...]]:
    for name, label, _, values, _, _, n in study.variables().iter_rows():
        yield name, f"{n:,}" if n else "not measured", label, values


def _exposure_rows(study: "Study") -> Iterable[tuple[str, ...]]:
    same = (
        study.availability()
        .group_by("cause", "exposure", "status", "reason", maintain_order=True)
        .agg("cycle")
    )
    for row in same.iter_rows(named=True):
        yield row["cause"], row["exposure"], row["status"], ", ".join(row["cycle"]), row["reason"]


def _print_table(rows: Iterable[tuple[str, ...]], *heads: str) -> None:
    """Print aligned columns, wrapped to the width of a terminal and whole in a pipe."""
    from rich.console import Console
    from rich.table import Table

    grid = Table(*heads, box=None, pad_edge=False, show_header=bool(heads), header_style="bold")
    for row in rows:
        grid.add_row(*row)
    width = None if sys.stdout.isatty() else 200
    Console(highlight=False, markup=False, width=width).print(grid)


if __name__ == "__main__":
    main(prog_name="cramps")
