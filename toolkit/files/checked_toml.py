"""Read TOML files into checked records, with every problem of a file in one error; find the shipped files."""

import tomllib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from toolkit.errors import DatasetError, require_known, short, unknown
from toolkit.files.table_files import refuse_special_file

SHIPPED = ("datasets", "notebooks", "reports")
PACKAGE = Path(__file__).resolve().parents[1]
_MOST_REPAIRS = 200  # invalid keys that are set aside one by one, so that the rest can be checked too

Model = TypeVar("Model")
Record = TypeVar("Record", bound="Checked")


class Checked(BaseModel):
    """A record of a file; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def shipped(folder: str) -> Path:
    """Return a shipped folder (`datasets`, `notebooks`, `reports`) of the checkout or the installed wheel."""
    require_known("The toolkit does not ship a folder", folder, SHIPPED, error=DatasetError)
    for found in (PACKAGE / "_shipped" / folder, PACKAGE.parent / folder):
        if found.is_dir():
            return found
    raise DatasetError(
        f"The toolkit's folder '{folder}' is missing from '{PACKAGE.parent}'. "
        "Install the toolkit again: pip install --force-reinstall cramps-toolkit."
    )


def read_toml(path: Path, model: type[Model]) -> Model:
    """Read a TOML file into a pydantic model or a type such as `dict[str, Entry]`; raises a DatasetError."""
    try:
        return rebuild(model, parse_toml(path))
    except ValidationError as error:
        problems = [describe_problem(problem, model) for problem in error.errors()]
        raise list_problems(path.name, problems) from error


def rebuild(model: type[Model], record: object) -> Model:
    """Rebuild an object from the plain values of its fields, as JSON gives them: lists become tuples."""
    return TypeAdapter(model).validate_python(record)


def read_themes(folder: Path, entry: type[Model]) -> dict[str, Model]:
    """Read the variables of a folder, one TOML file per theme, into one mapping by name."""
    found: dict[str, Model] = {}
    for path in sorted(folder.glob("*.toml")):
        theme = read_toml(path, cast("type[dict[str, Model]]", dict[str, entry]))  # type: ignore[valid-type]
        if twice := sorted(found.keys() & theme):
            raise DatasetError(
                f"'{twice[0]}' is defined in two files of '{folder.name}'. Remove it from one of them."
            )
        found |= theme
    return found


def read_valid_part(path: Path, model: type[Record], needed: Collection[object]) -> tuple[Record, list[str]]:
    """Read what is valid of a TOML file, and return it with the problems; keys of `needed` must be valid."""
    content = parse_toml(path)
    problems: dict[str, None] = {}
    for _ in range(_MOST_REPAIRS):
        try:
            return model.model_validate(content), list(problems)
        except ValidationError as error:
            found = error.errors()
            problems |= dict.fromkeys(describe_problem(problem, model) for problem in found)
            removed = [_set_aside(content, problem["loc"], needed) for problem in found]
            if not all(removed):
                break
    raise list_problems(path.name, problems)


def parse_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file; raise a DatasetError if it cannot be read or is not valid TOML."""
    refuse_special_file(path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DatasetError(f"'{path}' cannot be read: {error.strerror}. Check the path.") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"'{path.name}' is not UTF-8 text. Save it in that encoding.") from error
    except tomllib.TOMLDecodeError as error:
        raise DatasetError(
            f"'{path.name}' is not valid TOML: {short(str(error))}. Correct that line."
        ) from error
    except (RecursionError, ValueError) as error:
        raise DatasetError(
            f"'{path.name}' has lists within lists, or digits of a number, beyond what can be read. "
            "Simplify it."
        ) from error


def list_problems(file: str, problems: Iterable[str], remedy: str = "Correct the file") -> DatasetError:
    """Return one error for all problems of a file."""
    lines = [f"- {problem}" for problem in problems]
    count = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
    return DatasetError("\n".join([f"'{file}' has {count}. {remedy}:", *lines]))


def describe_problem(problem: Any, model: Any) -> str:
    """Describe one of pydantic's problems: where it is, what is wrong, the nearest known key."""
    where = [f"#{part + 1}" if isinstance(part, int) else part for part in problem["loc"]]
    parent = ".".join(where[:-1]) or "top level"
    if problem["type"] == "missing":
        return f"{parent}: the key '{where[-1]}' is required"
    if problem["type"] == "extra_forbidden":
        return f"{parent}: " + unknown("unknown key", where[-1], _list_keys(model))
    return f"{'.'.join(where)}: {problem['msg']}"


def _list_keys(model: Any) -> Iterator[str]:
    """List the keys of a model and of all models inside it: few enough to be searched as one."""
    for inner in getattr(model, "__args__", ()):
        yield from _list_keys(inner)
    for name, field in getattr(model, "model_fields", {}).items():
        yield name
        yield from _list_keys(field.annotation)


def _set_aside(content: Any, location: tuple[int | str, ...], needed: Collection[object]) -> bool:
    """Remove the deepest part of a location that is in the content; False if there is none to remove."""
    parent, last = None, None
    for step in location:
        if not isinstance(content, dict) or step not in content:
            break
        parent, last, content = content, step, content[step]
    if parent is None or last in needed:
        return False
    parent.pop(last)
    return True
