"""What Basiq says of its institutions, one connector for each way to one of them (providers/basiq.md section 9)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct

from connwatch.core.policy import Facts, InstitutionStatus
from connwatch.providers.basiq_connections import METHODS, method
from connwatch.providers.basiq_replies import Page
from connwatch.providers.reading import Id, label


class Institution(Struct, frozen=True, gc=False):
    """An institution as a connector describes it."""

    name: str | None = None


class Authorization(Struct, frozen=True, gc=False):
    """How a user signs in at an institution."""

    type: str | None = None


class Connector(Struct, frozen=True, gc=False):
    """One connector. Its id is that of the institution: only the method tells those of one institution apart."""

    id: Id
    method: str | None = None
    status: str | None = None
    institution: Institution | None = None
    authorization: Authorization | None = None

    @property
    def key(self) -> tuple[str, str]:
        """(institution, kind), spelled as in connections."""
        raw = method(self.method)
        return label(self.id), METHODS.spellings.get(raw) or label(raw)


CONNECTORS: Final = msgspec.json.Decoder(Page[Connector])


def facts(connectors: Iterable[Connector], now: float) -> Facts:
    """Names, troubles, and where nothing is refreshed without the user (section 7): the same whatever the order.

    `under-maintenance` is passed on like all that is not `operational`: what it means is up to those who read it.
    """
    names: dict[str, str] = {}
    statuses: dict[tuple[str, str], str] = {}
    attended = set()
    for connector in connectors:
        institution, kind = connector.key
        if connector.institution is not None and (name := connector.institution.name):
            names[institution] = min(name, names.get(institution, name))
        if connector.status and connector.status != "operational":
            statuses[institution, kind] = label(connector.status)
        if connector.authorization is not None and connector.authorization.type == "user-mfa":
            attended.add((institution, kind))
    return Facts(
        names=names,
        statuses=tuple(InstitutionStatus(*key, "connector", status) for key, status in sorted(statuses.items())),
        attended=frozenset(attended),
        complete_at=now,
    )
