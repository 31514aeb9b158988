"""Turn words on a command line into calls of the toolkit, and its answers into lines of text.

Takes arguments; gives text on the terminal and an exit code. Rooms load in the command that needs them,
so that `cramps --help` answers at once.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.errors import ToolkitError

if TYPE_CHECKING:
    from toolkit.studies.study import Study


class Commands(click.Group):
    """A group of commands that tells the toolkit's errors in one line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error in the toolkit's own words ends it with exit code 1."""
        try:
            return super().invoke(ctx)
        except ToolkitError as error:
            raise Told(str(error)) from error


class Told(click.ClickException):
    """An error in the toolkit's words: red where the terminal has colours, plain where it is piped."""

    def show(self, file: Any = None) -> None:
        """Write the message to the standard error."""
        click.secho(f"cramps: {self.message}", file=file, err=file is None, fg="red")


def _example(*lines: str) -> str:
    return "\n".join(["\b", "Example:", *(f"  {line}" for line in lines)])


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_example("cramps report --study nhanes --cause diabetes"),
)
@click.version_option(package_name="cramps-toolkit", message="%(prog)s %(version)s")
def main() -> None:
    """Do population research on nocturnal leg cramps."""


_ADJUST = "With --cause: a covariate, repeated for several; or small, full or core for a set of the diagram."


@main.command(epilog=_example("cramps report --study nhanes --cause diabetes", "cramps report --all"))
@click.option("--study", default="simulated", show_default=True, help="Name of a study; see cramps studies.")
@click.option("--cause", help="The cause to report on; see cramps causes.")
@click.option("--all", "everything", is_flag=True, help="Every report of the plan, with an index page.")
@click.option("--outcome", help="With --cause: a yes/no variable, such as frequent_cramps.")
@click.option("--exposure", help="With --cause: the variable that stands for the cause.")
@click.option("--adjust", multiple=True, help=_ADJUST)
@click.option("--domain", help="With --cause: who it is about, such as 'age >= 60 and sex == \"female\"'.")
@click.option("--exclude-pregnant", is_flag=True, help="With --cause: leave out those known to be pregnant.")
@click.option(
    "--out",
    default="reports/out",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write to.",
)
def report(study: str, cause: str | None, everything: bool, out: Path, **asked: Any) -> None:
    """Render one cause's report, or all reports of the plan."""
    if everything == (cause is not None):
        raise click.UsageError("say which report: --cause diabetes for one, or --all for every one.")
    given = {name: value for name, value in asked.items() if value}
    if "adjust" in given and given["adjust"][0] in ("small", "full", "core"):
        given["adjust"] = given["adjust"][0]
    if everything and given:
        option = next(iter(given)).replace("_", "-")
        raise click.UsageError(f"--{option} goes with --cause; --all takes what the plan says.")
    from toolkit.report import render, render_plan

    if everything:
        done = render_plan(study, output=out)
        click.echo(done)
        sys.exit(0 if done.ok else 1)
    click.echo(render("cause", study=study, cause=cause, output=out, **given))


@main.command(epilog=_example("cramps studies"))
def studies() -> None:
    """List the studies that can be opened."""
    from toolkit.sources.registry import available_studies

    _rows(available_studies().items())


@main.command(epilog=_example("cramps causes"))
def causes() -> None:
    """List the ten causes and the exposure that stands for each."""
    from toolkit.causes.card import cards

    _rows((name, card.title, card.main.label) for name, card in cards().items())


@main.command(epilog=_example("cramps describe nhanes", "cramps describe study.toml --out dictionary.html"))
@click.argument("study", default="simulated")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File of the data dictionary.")
@click.option("--exact", is_flag=True, help="Show every count in it: for public files and your own desk.")
def describe(study: str, out: Path | None, exact: bool) -> None:
    """Summarize a study and write its data dictionary as one page.

    STUDY is a name of cramps studies, or the path of a study.toml.
    """
    from toolkit.report.data_dictionary import data_dictionary
    from toolkit.sources.registry import open_study

    opened = open_study(study)
    click.echo(f"{opened.label}: {opened.people.height:,} people")
    click.echo(f"Weights: {', '.join(opened.design.components) or 'none'}\n")
    _rows(_variables(opened), "variable", "people with a value", "label", "levels or unit")
    click.echo()
    _rows(_measured(opened), "cause", "exposure", "status", "cycles", "reason")
    click.echo(f"\nData dictionary: {data_dictionary(opened, out, exact=exact)}")


@main.command("new-study", epilog=_example("cramps new-study people.csv lab.sav"))
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="File to write; study.toml beside the first.")
def new_study(files: tuple[Path, ...], out: Path | None) -> None:
    """Write a first study.toml from FILES and mark each guess. Nothing is overwritten."""
    from toolkit.sources.user.scaffold import write_first_study

    first = write_first_study(files, out)
    click.echo(first)
    for problem in first.problems:
        click.echo(f"- {problem}")


@main.command(epilog=_example("cramps check study.toml"))
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--accept-guesses", is_flag=True, help="Record all guesses of cramps new-study as accepted.")
def check(path: Path, accept_guesses: bool) -> None:
    """Validate a study.toml and its data files.

    It fails as long as a guess of cramps new-study is neither confirmed nor accepted.
    """
    from toolkit.sources.user import guesses
    from toolkit.sources.user.loader import examine

    found = examine(path)
    accepted = guesses.accept_guesses(path) if accept_guesses else 0
    open_guesses = guesses.unconfirmed(path)
    for heading, told in (
        ("Problems", found.errors),
        ("Guesses to confirm", open_guesses),
        ("Worth knowing", found.notes),
    ):
        if told:
            click.echo("\n".join([f"{heading}: {len(told)}", *(f"- {one}" for one in told), ""]))
    if any(problem.rows for problem in found.problems):
        click.echo("Row 1 is the one below the heading.")
    if accepted:
        click.echo(f"{accepted} guesses recorded as accepted in '{path.name}'.")
    if found.population is None:
        raise Told(f"'{path.name}' cannot be opened yet.")
    if open_guesses:
        raise Told(
            f"'{path.name}' has {len(open_guesses)} unconfirmed guesses. Correct them and remove their "
            f"marks, or accept all: cramps check {path.name} --accept-guesses"
        )
    click.echo(f"'{path.name}' can be opened: {found.population.people.height:,} people.")


@main.command(epilog=_example("cramps download nhanes --cycles all --verify"))
@click.argument("study")
@click.option("--cycles", multiple=True, help="Such as 2005-2006, several times, or all.", metavar="CYCLE")
@click.option("--verify", is_flag=True, help="Compare rows and codes with the publisher's codebook pages.")
@click.option("--renew", is_flag=True, help="Fetch anew and trust what comes, as after a revision.")
def download(study: str, cycles: tuple[str, ...], verify: bool, renew: bool) -> None:
    """Download a study's files ahead of their use, resumed where it broke off."""
    from toolkit.sources.study_downloads import download_study

    chosen = cycles[0] if cycles == ("all",) else cycles
    files = download_study(study, cycles=chosen, verify=verify, renew=renew)
    counts = files.group_by("status").len().sort("status")
    click.echo("files " + ", ".join(f"{status}: {count}" for status, count in counts.iter_rows()))
    told = files.filter(files["problem"].is_not_null())
    if told.height:
        _rows(told.select("cycle", "table", "status", "problem").iter_rows(), *told.columns[:3], "problem")
    sys.exit(1 if "differs" in files["status"] else 0)


def _variables(study: "Study") -> Iterable[tuple[str, ...]]:
    for name, variable in study.codebook.items():
        values = variable.unit if variable.kind == "number" else ", ".join(variable.levels)
        present = f"{study.people[name].count():,}" if name in study.people.columns else "not measured"
        yield name, present, variable.label, values


def _measured(study: "Study") -> Iterable[tuple[str, ...]]:
    same = (
        study.availability()
        .group_by("cause", "exposure", "status", "reason", maintain_order=True)
        .agg("cycle")
    )
    for row in same.iter_rows(named=True):
        yield row["cause"], row["exposure"], row["status"], ", ".join(row["cycle"]), row["reason"]


def _rows(rows: Iterable[tuple[str, ...]], *heads: str) -> None:
    """Print rows as aligned columns, which wrap to the terminal's width and stay whole in a pipe."""
    from rich.console import Console
    from rich.table import Table

    grid = Table(*heads, box=None, pad_edge=False, show_header=bool(heads), header_style="bold")
    for row in rows:
        grid.add_row(*row)
    width = None if sys.stdout.isatty() else 200
    Console(highlight=False, markup=False, width=width).print(grid)


if __name__ == "__main__":
    main(prog_name="cramps")
