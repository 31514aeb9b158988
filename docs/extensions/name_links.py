"""Link each `tk.name` in the text to its page of the reference, and warn of names that do not exist."""

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

from docs.extensions.public_names import GROUPS, canonical

_NAME = re.compile(r"^tk\.[A-Za-z_][\w.]*")
_LINKED = (nodes.title, nodes.reference, addnodes.pending_xref, addnodes.desc_signature)
_logger = logging.getLogger(__name__)


class NameLinks(SphinxTransform):
    """Put each literal that begins with a public name into a cross-reference."""

    default_priority = 600

    def apply(self, **_: Any) -> None:
        """Replace the literals of one page."""
        own = self.document.settings.env.current_document.docname.rpartition("/")[2]
        for literal in list(self.document.findall(nodes.literal)):
            found = _NAME.match(literal.astext())
            if found is None:
                continue
            page = canonical(found[0])
            if page is None:
                _logger.warning("%s is not a public name", found[0], location=literal)
            elif page != own and not _is_inside_link(literal):
                literal.replace_self(_reference(page, literal.deepcopy(), self.env.docname))


def _is_inside_link(node: Any) -> bool:
    while node is not None:
        if isinstance(node, _LINKED):
            return True
        node = node.parent
    return False


def _reference(page: str, literal: Any, document: str) -> Any:
    if page.removeprefix("tk.") in GROUPS:
        kind = {"refdomain": "std", "reftype": "doc", "reftarget": f"/reference/{page}"}
    else:
        kind = {"refdomain": "py", "reftype": "obj", "reftarget": page}
    return addnodes.pending_xref("", literal, refexplicit=True, refwarn=True, refdoc=document, **kind)


def setup(app: Any) -> dict[str, bool]:
    """Register the transform."""
    app.add_transform(NameLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
