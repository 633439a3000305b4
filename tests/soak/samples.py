"""What a scrape says, as prometheus-client reads it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

Samples = Mapping[str, Mapping[tuple[tuple[str, str], ...], float]]
"""Name of a sample -> its labels in alphabetical order -> value."""


def samples(text: str, names: str) -> Samples:
    """The samples of the families whose names begin so."""
    wanted = (line for line in text.splitlines(keepends=True) if line.startswith((names, f"# TYPE {names}")))
    found: defaultdict[str, dict[tuple[tuple[str, str], ...], float]] = defaultdict(dict)
    for family in text_string_to_metric_families("".join(wanted)):
        for sample in family.samples:
            found[sample.name][tuple(sorted(sample.labels.items()))] = sample.value
    return found


def total(found: Samples, name: str, **labels: str) -> float:
    """The sum of the samples of this name that carry these labels."""
    return sum(value for key, value in found.get(name, {}).items() if labels.items() <= dict(key).items())


def counted(found: Samples, name: str, *by: str, **labels: str) -> Counter[tuple[str, ...]]:
    """The samples of this name that carry these labels, added up by the values of other labels; without zeros."""
    counts: Counter[tuple[str, ...]] = Counter()
    for key, value in found.get(name, {}).items():
        if value and labels.items() <= dict(key).items():
            counts[tuple(dict(key)[label] for label in by)] += int(value)
    return counts
