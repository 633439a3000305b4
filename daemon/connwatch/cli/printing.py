"""How results look in a terminal: tables, a summary, the account of one connection, and the progress of a sweep."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from connwatch.app import Progress as Swept
from connwatch.core.forecast import Forecast

INDENT = "  "
WIDE = 250
"""Columns for whoever reads a table from a file or a pipe."""


def summary_text(plan: Mapping[str, Any], depth: int = 0) -> str:
    """A nested structure, a value a line."""
    lines = []
    for key, value in plan.items():
        if isinstance(value, Mapping) and value:
            lines += [f"{INDENT * depth}{key}:", summary_text(value, depth + 1)]
        elif isinstance(value, list) and value:
            lines += [f"{INDENT * depth}{key}:", *(f"{INDENT * (depth + 1)}- {_flat(one)}" for one in value)]
        else:
            lines.append(f"{INDENT * depth}{key}: {_flat(value)}")
    return "\n".join(lines)


def _flat(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_flat(one)}" for key, one in value.items())
    return "none" if value in (None, "", [], {}) else str(value).lower() if isinstance(value, bool) else str(value)


def connections_table(items: Iterable[Mapping[str, Any]]) -> Table:
    """Connections by company and condition, and who has to act."""
    counts = Counter((one["source"], one["company"], one["condition"], one["actor"]) for one in items)
    table = _table("source", "company", "condition", "who acts", "connections", title=f"{counts.total()} connections")
    table.columns[-1].justify = "right"
    for (source, company, condition, actor), count in sorted(counts.items()):
        table.add_row(source, company, condition, actor, str(count))
    return table


def plan_table(forecasts: Sequence[Forecast]) -> Table:
    """What each source comes to."""
    table = _table("source", "targets", "connections", "requests", "a sweep takes", "interval", "of quota", "series")
    for column in table.columns[1:]:
        column.justify = "right"
    for one in forecasts:
        table.add_row(
            one.source,
            str(one.targets),
            "not known" if one.connections is None else str(one.connections),
            str(one.requests),
            f"{one.sweep_seconds:.0f}s",
            f"{one.poll_interval:.0f}s",
            f"{one.share:.0%}",
            str(one.series),
        )
    return table


def print_table(table: Table) -> None:
    """On stdout; where that is no terminal, as wide as the table is."""
    (Console() if sys.stdout.isatty() else Console(width=WIDE)).print(table)


def _table(*headers: str, title: str | None = None) -> Table:
    """A table that cuts nothing off: what is too long is folded."""
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False)
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


def account_text(told: Mapping[str, Any]) -> str:
    """Why a connection is shown as it is, for people."""
    history = [
        f"{INDENT}{change['at']}  {change['before'] or 'new'} -> {change['after'] or 'gone'}"
        f"  ({' '.join(filter(None, (change['status'], change['reason'])))})"
        for change in told["history"]
    ]
    facts = {key: value for key, value in told.items() if key not in {"history", "why", "id"}}
    return "\n".join(
        [
            f"{told['id']} is {told['condition']}: {told['why']}. Who acts: {told['actor']}.",
            summary_text(facts, 1),
            f"{INDENT}history:",
            *(f"{INDENT}{line}" for line in history or [f"{INDENT}none yet"]),
        ]
    )


@contextmanager
def progress_bar() -> Iterator[Callable[[Swept], None]]:
    """A bar on stderr that is told how far a sweep is."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("discovering", total=None)

        def tell(swept: Swept) -> None:
            doing = f"discovering {swept.undiscovered} sources" if swept.undiscovered else "asking"
            bar.update(task, description=doing, completed=swept.asked, total=swept.known or None)

        yield tell
