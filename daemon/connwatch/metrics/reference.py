"""The metric reference, from the table: as plain text for the terminal and as Markdown for the README (decisions.md 23)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from textwrap import wrap
from typing import Final, Literal, TypeAlias

from connwatch.metrics.families import FAMILIES
from connwatch.metrics.family import Family, Scope
from connwatch.metrics.lines import typed

Layout: TypeAlias = Literal["table", "markdown"]

_SECTIONS: Final[Mapping[Scope, str]] = {
    "fleet": "Connections",
    "live": "Sources",
    "process": "This process",
}
_COLUMNS: Final = ("name", "type", "in OpenMetrics", "labels", "meaning")
_WIDTH: Final = 100


def reference(layout: Layout) -> str:
    """All families in the order of the table, with name and type in either format."""
    return _LAYOUTS[layout]()


def _markdown() -> str:
    return "\n\n".join(
        f"**{title}**\n\n{_markdown_rows(family for family in FAMILIES if family.scope == scope)}"
        for scope, title in _SECTIONS.items()
    )


def _markdown_rows(families: Iterable[Family]) -> str:
    rows = [_COLUMNS, ("---",) * len(_COLUMNS)]
    rows += [
        (f"`{name}`", type_, other, " ".join(f"`{label}`" for label in family.labels), family.help.replace("|", r"\|"))
        for family in families
        for name, type_, other in [_formats(family)]
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _table() -> str:
    return "\n\n".join(_entry(family) for family in FAMILIES)


def _entry(family: Family) -> str:
    name, type_, other = _formats(family)
    said = [f"{type_}; in OpenMetrics {other.replace('`', '')}", *wrap(family.help, _WIDTH)]
    if family.labels:
        said.insert(1, f"labels: {', '.join(family.labels)}")
    return "\n".join([name, *(f"    {line}" for line in said)])


def _formats(family: Family) -> Sequence[str]:
    """Name and type in the text format, and what OpenMetrics says otherwise."""
    name, type_ = typed(family, "text")
    other_name, other_type = typed(family, "openmetrics")
    return name, type_, other_type if other_name == name else f"{other_type} `{other_name}`"


_LAYOUTS: Final[Mapping[Layout, Callable[[], str]]] = {"table": _table, "markdown": _markdown}
