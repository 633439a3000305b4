"""Who there is: Moneyhub's users, page by page, in no promised order (providers/moneyhub.md section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from connwatch.core.discovery import Found, Own
from connwatch.core.model import Failure
from connwatch.core.wire import MAX_PAGES, Conversation, Refused, Request, read
from connwatch.providers.reading import Id

PAGE_SIZE: Final = 100
"""Always sent: documents differ on what holds without it."""
MOST_PAGES: Final = 20_000
"""Whatever a reply announces: two million users, and an end to a server that makes them up."""


Standing: TypeAlias = Literal["deleted", "vacant", "there"]
"""What is kept of a user until all are listed: all ids of their connections would be as many as there are connections."""


class User(Struct, frozen=True, gc=False, rename="camel"):
    """One user. What the customer calls this person is never decoded."""

    user_id: Id
    deleted_at: str | None = None
    connection_ids: tuple[str, ...] | None = None
    """None where a reply leaves them out, which says nothing."""

    @property
    def standing(self) -> Standing:
        """How the user is to be listed."""
        if self.deleted_at:
            return "deleted"
        return "vacant" if self.connection_ids == () else "there"


class Meta(Struct, frozen=True, gc=False):
    """What a page says of itself."""

    total: int | None = None
    limit: int | None = None


class Page(Struct, frozen=True):
    """One page of users."""

    data: tuple[User, ...]
    meta: Meta | None = None

    @property
    def total(self) -> int | None:
        """How many users there are on all pages, where the reply tells."""
        return self.meta.total if self.meta is not None else None

    @property
    def size(self) -> int:
        """How many users fit on a page: fewer than asked for, if the reply says so."""
        limit = self.meta.limit if self.meta is not None else None
        return limit if limit is not None and 0 < limit < PAGE_SIZE else PAGE_SIZE

    def is_last(self, end: int) -> bool:
        """Whether no page follows; `end` is how many users the pages up to this one held."""
        if not self.data:
            return True
        return end >= self.total if self.total is not None else len(self.data) < self.size


PAGE: Final = msgspec.json.Decoder(Page)


def sweep(own: Own) -> Conversation[tuple[Found, ...]]:
    """All users who aren't deleted, by their `own` ids. Raises Refused: `loop` if there is no end, `truncated` if some were not shown.

    Users may move from page to page meanwhile: if fewer were seen than there were at the start, all is read again.
    """
    known: dict[str, Standing] = {}
    for _ in range(2):
        seen, total = yield from _pages(own)
        known.update(seen)
        if len(known) >= total:
            return tuple(
                Found(id_, vacant=standing == "vacant") for id_, standing in known.items() if standing != "deleted"
            )
    raise Refused(Failure(outcome="truncated", detail=f"{len(known)} different users of {total} announced"))


def _pages(own: Own) -> Conversation[tuple[Mapping[str, Standing], int]]:
    """The users on all pages by id, and how many the first page announced: who comes later needn't be seen.

    As many pages are read as that takes, and as many again: users may come meanwhile, and pages be shorter.
    """
    seen: dict[str, Standing] = {}
    total, offset = 0, 0
    number, most = 0, MAX_PAGES
    while number < most:
        page = read((yield _asked(offset)), PAGE)
        known = len(seen)
        seen |= {own(user.user_id): user.standing for user in page.data}
        if not number and page.total:
            total = page.total
            most = max(MAX_PAGES, min(2 * ceil(total / page.size), MOST_PAGES))
        number, offset = number + 1, offset + len(page.data)
        if page.is_last(offset):
            return seen, total
        if len(seen) == known:
            raise Refused(Failure(outcome="loop", detail=f"the page at {offset - len(page.data)} repeats"))
    raise Refused(Failure(outcome="loop", detail=f"more than {most} pages"))


def _asked(offset: int) -> Request:
    return Request("users", "/users", query=(("limit", str(PAGE_SIZE)), ("offset", str(offset))))
