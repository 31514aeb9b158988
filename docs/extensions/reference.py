"""Write the pages of the reference: one per public name, and a table for each namespace."""

import inspect

from docs.extensions.public_names import GROUPS, PublicName, everyday, grouped, public_names, purpose_of

TITLES = {
    "survey": "Survey estimation",
    "tests": "Hypothesis tests",
    "effects": "Effects",
    "longitudinal": "Longitudinal analysis",
    "causes": "Causes",
    "charts": "Charts",
    "reports": "Reports",
}


def reference_pages() -> dict[str, str]:
    """Write every page of the reference: path -> text."""
    pages = {"reference/everyday.md": _table_page("Everyday names", _EVERYDAY_INTRODUCTION, everyday())}
    for group in GROUPS:
        title = f"{_title(group)}: `tk.{group}`"
        pages[f"reference/tk.{group}.md"] = _table_page(title, purpose_of(group), grouped(group))
    for name in public_names():
        pages[f"reference/{name.full}.rst"] = name_page(name)
    pages["reference/index.md"] = _index()
    return pages


_EVERYDAY_INTRODUCTION = (
    "Names that most analyses use. They are available directly, as in `tk.prevalence(...)`."
)


def _title(group: str) -> str:
    return TITLES.get(group, group.capitalize())


def name_page(name: PublicName) -> str:
    """Write the page of one name; a class lists its methods."""
    if not name.purpose:
        raise ValueError(f"{name.full} has no docstring.")
    title = name.full.replace("_", r"\_")
    lines = [title, "=" * (len(title) + 2), "", f".. currentmodule:: {name.full.rpartition('.')[0]}", ""]
    if not name.is_class:
        return "\n".join([*lines, f".. autofunction:: {name.full}", ""])
    lines += [f".. autoclass:: {name.full}", ""]
    for member in name.members:
        kind = "property" if isinstance(vars(name.value)[member], property) else "method"
        lines += [f"   .. auto{kind}:: {member}", ""]
    return "\n".join(lines)


def _table_page(title: str, purpose: str, names: list[PublicName]) -> str:
    rows = [f"| `{name.full}{_call(name)}` | {name.purpose} |" for name in names]
    table = "\n".join(["| name | purpose |", "|---|---|", *rows])
    contents = "\n".join(name.full for name in names)
    return f"# {title}\n\n{purpose}\n\n{table}\n\n```{{toctree}}\n:hidden:\n\n{contents}\n```\n"


def _call(name: PublicName) -> str:
    if name.is_class:
        return ""
    needed = [
        p.name
        for p in inspect.signature(name.value).parameters.values()
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    return f"({', '.join(needed)})"


def _index() -> str:
    groups = "\n".join(f"| [{_title(g)}](tk.{g}.md) | {purpose_of(g)} |" for g in GROUPS)
    contents = "\n".join(
        ["everyday", *(f"tk.{g}" for g in GROUPS), "result-columns", "estimands", "command-line"]
    )
    return _INDEX.replace("GROUPS", groups).replace("CONTENTS", contents)


_INDEX = """# Reference

After `import toolkit as tk`, everyday names are flat. The others are grouped in namespaces, so that typing
`tk.survey.` and pressing Tab shows what there is. `print(tk.survey)` lists the names of a group.
Names in a namespace also work flat: `tk.total` is `tk.survey.total`.

Outcome, exposure and variable come in this order and may be positional or named. `adjust=None`, the default
of every function, uses the adjustment set of the causal diagram for the exposure. Every example below runs as
a test.

| names | contents |
|---|---|
| [Everyday names](everyday.md) | Open studies, estimate prevalences and associations, and show results. |
GROUPS
| [Result columns](result-columns.md) | The columns of every result, one by one. |
| [Estimands](estimands.md) | What a row can estimate, with its scale, bounds and null value. |
| [Command line](command-line.md) | The commands of `cramps`, with their options. |

```{toctree}
:hidden:

CONTENTS
```
"""
