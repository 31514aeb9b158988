"""Describe the file `column-names.toml`: what columns of other people's files are called."""

from collections.abc import Mapping

from toolkit.files.checked_toml import Checked


class Names(Checked):
    """Names of columns and words of labels."""

    names: tuple[str, ...]
    labels: tuple[str, ...] = ()


class SamplingWords(Checked):
    """What a column of the design is called: whole names, or words with others before and after them.

    `labels` are words that stand together in a label, `not_labels` words that rule it out; `also_mass` are
    names that the weight of bodies has too; `never` are names that are composed so and mean something else.
    """

    names: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    not_labels: tuple[str, ...] = ()
    also_mass: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


class Survey(Checked):
    """The columns of a well-known survey, preferred ones first; # is a number. `others` are more weights."""

    name: str
    weight: tuple[str, ...]
    strata: tuple[str, ...] = ()
    psu: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    replicates: tuple[str, ...] = ()
    note: str = ""


class ReplicateWords(Checked):
    """What precedes the number in names of replicate weights, and how such weights were made."""

    heads: tuple[str, ...]
    method: str
    reason: str
    options: Mapping[str, float | bool] = {}


class ColumnNames(Checked):
    """The whole file."""

    roles: Mapping[str, tuple[str, ...]]
    sampling: Mapping[str, SamplingWords]
    surveys: tuple[Survey, ...]
    replicate_words: tuple[str, ...]
    replicates: tuple[ReplicateWords, ...]
    identifiers: Mapping[str, tuple[str, ...]]
    variables: Mapping[str, Names]
    levels: Mapping[str, tuple[str, ...]]
    codes: Mapping[str, Mapping[str, str]]
    ordered: Mapping[str, tuple[str, ...]]
    reasons: Mapping[str, tuple[str, ...]]
    missing_codes: Mapping[str, Mapping[str, str]]
