"""Render objects as HTML for notebooks and reports, with every value escaped."""

from functools import cache
from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).parent / "templates"


def render_html(template: str, **values: object) -> str:
    """Fill a template of `templates/`, escaping every value."""
    return str(load_template(TEMPLATES, template).render(**values))


@cache
def load_template(folder: Path, name: str) -> Any:
    """Load a jinja template that escapes every value and refuses names without one."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from toolkit.disclosure import name_levels
    from toolkit.errors import leave_out_rare

    loader = FileSystemLoader(folder)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    environment.filters |= {"name_levels": name_levels, "leave_out_rare": leave_out_rare}
    return environment.get_template(name)
