"""What a dashboard is made of, as small typed values: panels, rows, choices. What Grafana makes of them is `rendering`'s matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Kind = Literal["stat", "timeseries", "table", "bargauge"]
Steps: TypeAlias = tuple[tuple[float | None, str], ...]
"""(from which value on, colour); the first has no value."""
WIDTH = 24
"""What a row of panels is wide, in Grafana's units."""


@dataclass(frozen=True)
class Query:
    """One PromQL expression, and what its series are called."""

    expr: str
    legend: str = ""
    limit: bool = False
    """Drawn as a line that the others are compared with."""


@dataclass(frozen=True)
class Column:
    """One column of a table: of a label, or of a query's values (`Value`; with several queries `Value #A`, …)."""

    field: str
    heading: str
    width: int | None = None
    """Pixels; those that have none share what is left."""
    unit: str = ""
    """If it isn't the panel's."""
    link: str = ""
    """Where a click on a cell leads: a path in Grafana."""

    @property
    def is_value(self) -> bool:
        """Whether it shows what was measured, and not a label."""
        return self.field.startswith("Value")


@dataclass(frozen=True)
class Panel:
    """A question, its answer in PromQL, and how the answer is to be read."""

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    kind: Kind = "timeseries"
    width: int = 12
    height: int = 8
    stacked: bool = False
    steps: Steps = ((None, "text"),)
    minimum: float | None = None
    maximum: float | None = None
    decimals: int | None = None
    words: Mapping[float, str] = field(default_factory=dict)
    """What is shown instead of a value."""
    colours: Mapping[str, str] = field(default_factory=dict)
    """By what a series is called."""
    columns: tuple[Column, ...] = ()
    """Of a table, in this order. The rows are sorted by the first column that has values."""


@dataclass(frozen=True)
class Row:
    """Panels that answer one kind of question."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Variable:
    """A choice at the top. `regex` picks `value` and `text` from what `query` yields."""

    name: str
    label: str
    query: str
    regex: str = ""
    all: bool = True
    """All can be chosen at once, and are at first; otherwise the first is."""
    every: str = ".*"
    """What stands for all; nothing: each by its name."""


@dataclass(frozen=True)
class Dashboard:
    """A page of Grafana."""

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...]

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All of them, from the top."""
        return tuple(panel for row in self.rows for panel in row.panels)
