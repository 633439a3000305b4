"""How a sample and a heading are written, in the text format 0.0.4 and in OpenMetrics 1.0.

Samples are the same in both; what differs are headings, and where the parts of a histogram of the present stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Literal, TypeAlias

from prometheus_client.utils import floatToGoString

from connwatch.core.groups import Labels
from connwatch.metrics.family import Family

Format: TypeAlias = Literal["text", "openmetrics"]


@lru_cache(maxsize=1024)
def number(value: float) -> str:
    """A float as Go writes it (decisions.md 22). Kept, for most are small counts, or an instant that many have in common."""
    said: str = floatToGoString(value)  # type: ignore[no-untyped-call]
    return said


def escaped(value: str) -> str:
    """A label's value, fit to stand between quotes."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def pairs(names: Iterable[str], values: Iterable[str]) -> str:
    """Labels as they stand between the braces."""
    return ",".join(f'{name}="{escaped(value)}"' for name, value in zip(names, values, strict=True))


def sample(name: str, labels: str, value: float) -> str:
    """One line."""
    return f"{name}{{{labels}}} {number(value)}\n" if labels else f"{name} {number(value)}\n"


def encoded(text: str) -> bytes:
    """Text on its way out. Half of a surrogate pair, which JSON lets through, is no UTF-8: it becomes a question mark."""
    return text.encode("utf-8", "replace")


def buckets(family: Family, labels: Labels, counts: Sequence[float]) -> str:
    """The bucket lines of a histogram, cumulative."""
    said = pairs(family.labels, labels)
    said = f"{said}," if said else ""
    return "".join(
        sample(f"{family.name}_bucket", f'{said}le="{number(bound)}"', count)
        for bound, count in zip(family.bounds, accumulate(counts), strict=True)
    )


def heading(family: Family, format_: Format) -> bytes:
    """HELP and TYPE of a family, under the name and type that it has in this format (decisions.md 23)."""
    name, type_ = typed(family, format_)
    return _heading(name, type_, family.help, format_)


def heading_of_part(family: Family, suffix: str) -> bytes:
    """HELP and TYPE of what the text format makes a gauge of its own: `_gcount` and `_gsum`."""
    return _heading(family.name + suffix, "gauge", family.help, "text")


def typed(family: Family, format_: Format) -> tuple[str, str]:
    """Name and type of a family in a format."""
    if format_ == "openmetrics":
        return family.name.removesuffix("_total") if family.kind == "counter" else family.name, family.kind
    return family.name, "histogram" if family.kind == "gaugehistogram" else family.kind


def _heading(name: str, type_: str, text: str, format_: Format) -> bytes:
    said = text.replace("\\", r"\\").replace("\n", r"\n")
    if format_ == "openmetrics":
        said = said.replace('"', r"\"")
    return encoded(f"# HELP {name} {said}\n# TYPE {name} {type_}\n")
