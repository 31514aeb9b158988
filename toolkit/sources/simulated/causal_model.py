"""The structural causal model of `datasets/simulated.toml`: its nodes, and what each depends on."""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, Literal, get_args

from toolkit.errors import DatasetError, unknown
from toolkit.files.checked_toml import shipped
from toolkit.variables import Variable
from toolkit.variables.codebook import codebook

Kind = Literal["points", "number", "yes_no", "ordered", "nominal", "either", "cramps"]
KINDS = get_args(Kind)

OUTCOME = "cramp_frequency"
# Keys that describe a node as a variable, unless the codebook that all studies share does.
_DESCRIPTION = ("label", "levels", "reference", "unit", "component", "note")
_TERM = re.compile(r"^(?P<name>\w+)(?:(?P<sign>>=|<|=)(?P<value>.+))?$")


@dataclass(frozen=True)
class Node:
    """One variable of the model; the head of `datasets/simulated.toml` explains the keys of its table."""

    variable: Variable
    kind: Kind
    numbers: tuple[float, ...] = ()
    effects: Mapping[str, float] = field(default_factory=dict)
    written: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def get(self, key: str, default: Any = None) -> Any:
        """Look up a key of the node's table."""
        return self.written.get(key, default)

    @property
    def name(self) -> str:
        """The codebook name."""
        return self.variable.name

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels; () for a number."""
        return self.variable.levels

    @property
    def is_number(self) -> bool:
        """Whether the values are numbers and not levels."""
        return self.variable.kind == "number"

    @cached_property
    def terms(self) -> tuple[str, ...]:
        """Every term that the value depends on."""
        nested = [t for table in ("logits", "spread") for t in _terms(self.get(table, {}))]
        outcome = [*_terms(self.get("any", {})), *_terms(self.get("frequent", {}))]
        others = [self.get("requires", ""), self.get("added_if", ""), *self.get("numbers_of", ())]
        return tuple(t for t in (*self.effects, *nested, *outcome, *others) if t and t != "intercept")

    @cached_property
    def parents(self) -> tuple[str, ...]:
        """Names of the nodes that the value depends on."""
        names = [part.name for term in self.terms for part in parts(term)]
        return tuple(dict.fromkeys(names))


@dataclass(frozen=True)
class Part:
    """One comparison of a term: a node alone, or a node, a sign and a value."""

    name: str
    sign: str
    value: str


@dataclass(frozen=True)
class Model:
    """The nodes in the order in which they are drawn, and the settings of the file's head."""

    nodes: Mapping[str, Node]
    settings: Mapping[str, Any]
    sha256: str

    def descendants(self, names: Iterable[str]) -> tuple[str, ...]:
        """Name the nodes that depend on the named ones, in the order of drawing."""
        touched = set(names)
        for node in self.nodes.values():
            if touched & set(node.parents):
                touched.add(node.name)
        return tuple(name for name in self.nodes if name in touched - set(names))

    def with_ancestors(self, names: Iterable[str]) -> tuple[str, ...]:
        """Name the nodes that the named ones depend on, and these, in the order of drawing."""
        needed = set(names)
        for node in reversed(list(self.nodes.values())):
            if node.name in needed:
                needed.update(node.parents)
        return tuple(name for name in self.nodes if name in needed)


@cache
def load_model() -> Model:
    """Read and check the causal model that the toolkit ships."""
    return read_model((shipped("datasets") / "simulated.toml").read_bytes())


def read_model(raw: bytes) -> Model:
    """Read a causal model from the bytes of its file."""
    written = tomllib.loads(raw.decode())
    nodes = {name: _node(name, table) for name, table in written.pop("node").items()}
    _check_order(nodes)
    return Model(nodes, written, hashlib.sha256(raw).hexdigest())


@cache
def parts(term: str) -> tuple[Part, ...]:
    """Split a term into its comparisons, any of which makes it true."""
    found = [_TERM.match(piece.strip()) for piece in term.split("|")]
    if not all(found):
        raise DatasetError(
            f"The term '{term}' of the causal model cannot be read. Write name, name=level, name>=number or "
            "name<number, joined by |."
        )
    return tuple(Part(m["name"], m["sign"] or "", (m["value"] or "").strip()) for m in found if m)


def _terms(table: Mapping[str, Any]) -> list[str]:
    nested = [t for value in table.values() if isinstance(value, Mapping) for t in value]
    return nested or list(table)


def _node(name: str, table: Mapping[str, Any]) -> Node:
    kind = table.get("kind", "")
    if kind not in KINDS:
        what = f"Node '{name}' of the causal model has an unknown kind"
        raise DatasetError(unknown(what, kind, KINDS, f"All: {', '.join(KINDS)}"))
    numbers = tuple(table.get("numbers", ()))
    return Node(_variable(name, table), kind, numbers, table.get("effects", {}), table)


def _variable(name: str, table: Mapping[str, Any]) -> Variable:
    shared, own = codebook(), {key: table[key] for key in _DESCRIPTION if key in table}
    if name in shared:
        if own:
            raise DatasetError(
                f"Node '{name}' of the causal model repeats what the codebook already describes "
                f"({', '.join(own)}). Remove these keys from the node."
            )
        return shared[name]
    if "label" not in own:
        raise DatasetError(f"Node '{name}' of the causal model has no label. Supply label = '...'.")
    kind = {"yes_no": "yes_no", "nominal": "category", "ordered": "category"}.get(table["kind"], "number")
    own = {key: tuple(value) if key == "levels" else value for key, value in own.items()}
    own["ordered"] = table["kind"] == "ordered"
    return Variable(name=name, kind="number" if "numbers" in table else kind, **own)  # type: ignore[arg-type]


def _check_order(nodes: Mapping[str, Node]) -> None:
    drawn: list[str] = []
    for node in nodes.values():
        late = [parent for parent in node.parents if parent not in drawn]
        if late:
            what = f"Node '{node.name}' of the causal model has no earlier node"
            raise DatasetError(unknown(what, late[0], drawn, "Write the parent's table before it"))
        _check_levels(node, nodes)
        drawn.append(node.name)


def _check_levels(node: Node, nodes: Mapping[str, Node]) -> None:
    for piece in (piece for term in node.terms for piece in parts(term)):
        levels = nodes[piece.name].levels
        if piece.sign == "=" and piece.value not in levels:
            what = f"Node '{piece.name}' of the causal model has no level"
            raise DatasetError(unknown(what, piece.value, levels))
