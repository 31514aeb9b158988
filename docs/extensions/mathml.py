"""Render formulas as MathML, which browsers draw without a script."""

from typing import Any

from docutils import nodes
from docutils.utils.math import MathError, latex2mathml
from sphinx.util import logging

_logger = logging.getLogger(__name__)


def _convert(node: Any, *, block: bool) -> str:
    try:
        return str(latex2mathml.tex2mathml(node.astext(), as_block=block))
    except MathError as problem:
        _logger.warning("%s in the formula %s", problem, node.astext(), location=node)
        return ""


def _inline(translator: Any, node: Any) -> None:
    translator.body.append(_convert(node, block=False))
    raise nodes.SkipNode


def _block(translator: Any, node: Any) -> None:
    formula = _convert(node, block=True)
    translator.body.append(
        f'<div class="math" tabindex="0" role="group" aria-label="Formula">{formula}</div>\n'
    )
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
