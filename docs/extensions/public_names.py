"""List the public names of the toolkit as its users write them: `tk.prevalence`, `tk.survey.total`."""

import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import toolkit

GROUPS = list(toolkit._GROUPS)


@dataclass(frozen=True)
class PublicName:
    """One public name with its object."""

    group: str
    name: str
    value: Any

    @property
    def full(self) -> str:
        """The name as users write it."""
        return ".".join(part for part in ("tk", self.group, self.name) if part)

    @property
    def purpose(self) -> str:
        """The first line of the docstring."""
        return (inspect.getdoc(self.value) or "").partition("\n")[0]

    @property
    def is_class(self) -> bool:
        """Whether the name is a class."""
        return inspect.isclass(self.value)

    @property
    def members(self) -> list[str]:
        """Documented public methods and properties that the class itself defines."""
        return [
            name
            for name, member in vars(self.value).items()
            if not name.startswith("_") and _is_member(member) and name not in _INTERNAL
        ]


# Methods that other modules of the toolkit call.
_INTERNAL = {"append_true_values", "record_request", "request", "replicates_of", "of_column", "of"}


def _is_member(member: Any) -> bool:
    return isinstance(member, (property, classmethod, staticmethod)) or inspect.isfunction(member)


def everyday() -> list[PublicName]:
    """List the everyday names, in the order of the code."""
    return [PublicName("", name, getattr(toolkit, name)) for name in toolkit._EVERYDAY]


def purpose_of(group: str) -> str:
    """Say what a namespace contains."""
    return (getattr(toolkit, group).__doc__ or "").partition("\n")[0]


def grouped(group: str) -> list[PublicName]:
    """List the names of a namespace, in the order of the code."""
    space = getattr(toolkit, group)
    return [PublicName(group, name, getattr(space, name)) for name in toolkit._GROUPS[group][1]]


def public_names() -> Iterator[PublicName]:
    """List all public names."""
    yield from everyday()
    for group in GROUPS:
        yield from grouped(group)


def canonical(written: str) -> str | None:
    """Find the page of a name as it is written: `tk.total(...)` is on the page of `tk.survey.total`."""
    path = written.partition("(")[0].rstrip(".").removeprefix("tk.").split(".")
    if path[0] in GROUPS:
        return _page_of(path[1], path[0]) if len(path) > 1 else f"tk.{path[0]}"
    return _page_of(path[0], None)


def _page_of(name: str, group: str | None) -> str | None:
    found = (n.full for n in public_names() if n.name == name and group in (None, n.group))
    return next(found, None)


def install_as_tk() -> None:
    """Make `tk` and its namespaces importable, so that autodoc documents the names that users write."""
    root = ModuleType("tk", toolkit.__doc__)
    sys.modules["tk"] = root
    for name in everyday():
        setattr(root, name.name, name.value)
    for group in GROUPS:
        space = ModuleType(f"tk.{group}", getattr(toolkit, group).__doc__)
        for name in grouped(group):
            setattr(space, name.name, name.value)
        setattr(root, group, space)
        sys.modules[f"tk.{group}"] = space
