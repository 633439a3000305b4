"""JSON as tests take it apart: searched for texts, enriched with what nobody documented, spoiled at some place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from hypothesis import strategies as st

Document: TypeAlias = Any
"""JSON as Python has it."""

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
"""Any value at all, small."""


def strings(document: Document) -> Iterator[str]:
    """All strings below a JSON value."""
    if isinstance(document, str):
        yield document
    for inner in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from strings(inner)


def below(document: Document, fields: frozenset[str]) -> Iterator[str]:
    """All strings that stand in one of these fields, however deep."""
    if isinstance(document, dict):
        for field, inner in document.items():
            yield from strings(inner) if field in fields else below(inner, fields)
    elif isinstance(document, list):
        for inner in document:
            yield from below(inner, fields)


def enriched(document: Document) -> Document:
    """The same with a field in every object that no document mentions."""
    if isinstance(document, list):
        return [enriched(inner) for inner in document]
    if isinstance(document, dict):
        return {"brandNew": {"deep": [None, 1]}} | {field: enriched(inner) for field, inner in document.items()}
    return document


@st.composite
def spoiled(draw: st.DrawFn, document: Document) -> Document:
    """The document with one value somewhere replaced by anything."""
    if isinstance(document, dict | list) and document and draw(st.integers(0, 4)):
        at = draw(st.sampled_from(sorted(document) if isinstance(document, dict) else range(len(document))))
        copy = document.copy()
        copy[at] = draw(spoiled(document[at]))
        return copy
    return draw(ANY_JSON)
