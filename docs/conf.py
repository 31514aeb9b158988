"""Configure Sphinx. `docs/build.py` assembles the sources and runs it."""

import os

from docs.extensions.public_names import install_as_tk
from toolkit import __version__

install_as_tk()

project = "Nocturnal leg cramps toolkit"
author = "the contributors"
project_copyright = "the contributors, MIT license"
release = version = __version__
language = "en"

extensions = [
    "myst_nb",
    "sphinx_design",
    "sphinx.ext.autodoc",
    "numpydoc",
    "docs.extensions.mathml",
    "docs.extensions.docstrings",
    "docs.extensions.name_links",
    "docs.extensions.figures",
    "docs.extensions.accessible_pages",
]
nitpicky = True
default_role = "literal"
exclude_patterns = ["**.ipynb_checkpoints"]

add_module_names = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_validation_checks: set[str] = set()

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "attrs_inline"]
myst_heading_anchors = 3
# A build executes every page. `off` only helps while writing.
nb_execution_mode = os.environ.get("CRAMPS_DOCS_EXECUTE", "force")
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_execution_show_tb = True
nb_merge_streams = True
nb_output_stderr = "remove-warn"
# A chart has its specification beside the drawing, which pages show.
suppress_warnings = ["mystnb.unknown_mime_type"]
if nb_execution_mode == "off":  # Without a kernel the language of a cell is unknown.
    suppress_warnings.append("mystnb.lexer")

html_theme = "pydata_sphinx_theme"
html_title = "Nocturnal leg cramps toolkit"
html_short_title = "Leg cramps toolkit"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {
    "logo": {"text": "Leg cramps toolkit"},
    "header_links_before_dropdown": 7,
    "navbar_align": "left",
    "navbar_persistent": ["search-button"],
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {page: [] for page in ("index", "from-r-and-stata", "limits", "changelog", "glossary")}
html_context = {"default_mode": "auto"}
