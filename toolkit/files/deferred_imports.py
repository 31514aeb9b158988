"""Defer imports of other libraries that take seconds and are not needed here."""

import sys
from types import ModuleType
from typing import Any

_IRI = "rfc3987_syntax"


def defer_iri_grammar() -> None:
    """Compile the grammar of international addresses when one is checked, not when jsonschema is imported.

    jsonschema, which altair and nbformat import, imports it for the formats "iri" and "iri-reference".
    Compiling it takes 1.5 seconds, and neither charts nor notebooks contain such a format.
    """
    if _IRI in sys.modules:
        return
    stand_in = ModuleType(_IRI)

    def is_valid_syntax(*arguments: Any) -> Any:
        if sys.modules.get(_IRI) is stand_in:
            del sys.modules[_IRI]
        from rfc3987_syntax import is_valid_syntax as compiled

        return compiled(*arguments)

    stand_in.is_valid_syntax = is_valid_syntax  # type: ignore[attr-defined]
    sys.modules[_IRI] = stand_in
