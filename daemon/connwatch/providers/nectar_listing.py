"""How a company's connections are asked for: page by page, and a few in full at each poll (providers/nectar.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import nsmallest
from typing import Final, TypeAlias

from connwatch.core.model import Connection, Failure, Outcome, TargetState
from connwatch.core.schedule import slot_after, spread
from connwatch.core.wire import DAY, MAX_PAGES, Conversation, Refused, Request, read, segment
from connwatch.providers.nectar_replies import DETAILS, ITEM, PAGE, Account, Item, Page
from connwatch.providers.recognition import Recognition

PAGE_SIZE: Final = 500
"""The most that may be asked for. How many a page holds is up to Nectar, so only `hasNext` ends a listing."""
DETAILS_PER_POLL: Final = 50

Detailed: TypeAlias = Mapping[str, tuple[Account, ...] | None]
"""Connection id -> its accounts by its details; None where they were asked for and didn't tell."""

_NOT_ITS_FAULT: Final[frozenset[Outcome]] = frozenset({"throttled", "auth"})
_ITS_OWN: Final[frozenset[Outcome]] = frozenset({"not_found", "schema", "too_large"})


def sweep(state: TargetState, read_item: Callable[[Item], Connection]) -> Conversation[Recognition[Page, Item]]:
    """All connections of a company. Rows may move from page to page meanwhile: what doesn't add up is read again."""
    path = f"/connection/company/{segment(state.target.id)}"
    for _ in range(2):
        found = Recognition(state, PAGE, ITEM, read_item)
        total = yield from _pages(path, found)
        if len(found.listed) == total:
            return found
    raise Refused(
        Failure(outcome="truncated", detail=f"{len(found.listed)} different connections of {total} announced")
    )


def _pages(path: str, found: Recognition[Page, Item]) -> Conversation[int]:
    """Finds the connections on all pages, and tells how many the last one announced. Raises Refused (`loop`).

    A page beyond the end is answered with the last one again (providers/nectar.md section 3). That is the end of a list
    which grew shorter meanwhile; but one that repeats and promises more never ends.
    """
    for number in range(1, MAX_PAGES + 1):
        request = Request("connections", path, query=(("page", str(number)), ("limit", str(PAGE_SIZE))))
        known = len(found.listed)
        page = found.page((yield request))
        if not page.has_next:
            return page.total_connections
        if page.current_page != number or len(found.listed) == known:
            raise Refused(Failure(outcome="loop", detail=f"page {number} repeats"))
    raise Refused(Failure(outcome="loop", detail=f"more than {MAX_PAGES} pages"))


def undetailed(ids: Iterable[str], state: TargetState, now: float) -> Sequence[str]:
    """Whose details are due: those never read first, the others once a day, each in its own slot of the day."""
    due = []
    for id_ in ids:
        held = state.connections.get(id_)
        read_at = held.learned_at if held is not None else None
        at = 0.0 if read_at is None else slot_after(read_at + DAY / 4, DAY, spread(id_))
        if at <= now:
            due.append((at, id_))
    return [id_ for _, id_ in nsmallest(DETAILS_PER_POLL, due)]


def details(ids: Iterable[str]) -> Conversation[Detailed]:
    """What the details tell. A failure never fails the listing: what is known stays, and its turn comes again tomorrow.

    Throttled or rejected, it keeps its turn. Unless a failure is about that connection alone, no more are asked now.
    """
    detailed: dict[str, tuple[Account, ...] | None] = {}
    for id_ in ids:
        try:
            detailed[id_] = read((yield Request("details", f"/connection/{segment(id_)}/details")), DETAILS).accounts
        except Refused as refused:
            outcome = refused.failure.outcome
            if outcome not in _NOT_ITS_FAULT:
                detailed[id_] = None
            if outcome not in _ITS_OWN:
                break
    return detailed
