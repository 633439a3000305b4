"""How each provider takes part in the contract suite: which fixture answers which request, and how replies are made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from tests.providers.conversing import fixture
from tests.providers.documents import Document


class Part(NamedTuple):
    """One provider's declaration."""

    options: Mapping[str, Any]
    """Options with everything switched on, so that all kinds of requests are made."""
    secrets: Mapping[str, str]
    """Key of the options -> a secret that must never be seen."""
    target: str
    """The company or user whose connections are listed."""
    pages: Mapping[str, str]
    """Every reply of a complete look: path and query -> file in the provider's folder."""
    item: Callable[[str, str], dict[str, Document]]
    """(status, reason) -> a connection as the provider lists it."""
    serve: Callable[[Document, str], Mapping[str, Document]]
    """(a connection, its reason) -> the replies of a listing with nothing else in it, by path and query."""
    required: tuple[str, ...]
    """Fields without which a connection can't be read."""
    times: Mapping[str, str]
    """Field of a connection -> the attribute that it becomes."""
    private: frozenset[str]
    """Fields in the fixtures that hold personal data, secrets or free text."""
    forbidden: tuple[tuple[str, str], ...]
    """(method, path) of calls that change something or tell too much."""
    listed: tuple[str, ...] | None = None
    """What a discovery is given, where the provider can't list its targets."""


def _document(provider: str, name: str) -> Document:
    return json.loads(fixture(provider, name))


_NECTAR_COMPANY: Final = "7d0a3b52-3d9c-4b0e-8f57-8c1f6b0c2a44"
_NECTAR_LIST: Final = f"/connection/company/{_NECTAR_COMPANY}?page={{}}&limit=500"
_NECTAR_ITEMS: Final[tuple[dict[str, Document], ...]] = tuple(
    item for page in (1, 2) for item in _document("nectar", f"connections-{page}.json")["connections"]
)


def _nectar_item(status: str, _reason: str) -> dict[str, Document]:
    return {**_NECTAR_ITEMS[0], "status": status}


def _nectar_replies(item: Document, _reason: str) -> Mapping[str, Document]:
    page = {"totalConnections": 1, "perPage": 500, "totalPages": 1, "currentPage": 1}
    return {_NECTAR_LIST.format(1): {**page, "hasNext": False, "hasPrevious": False, "connections": [item]}}


_MONEYHUB_USER: Final = "64f0c2aa91be3d0017a5e201"
_MONEYHUB_LIST: Final = f"/users/{_MONEYHUB_USER}/connections"


def _moneyhub_item(status: str, reason: str) -> dict[str, Document]:
    return {**_document("moneyhub", "connections.json")["data"][0], "status": status, "error": reason or None}


def _moneyhub_replies(item: Document, _reason: str) -> Mapping[str, Document]:
    return {_MONEYHUB_LIST: {"data": [item], "meta": {}}}


_BASIQ_USER: Final = "u-1"
_BASIQ_LIST: Final = f"/users/{_BASIQ_USER}/connections"
_BASIQ_CODES: Final = {
    "user": "invalid-credentials",
    "institution": "service-unavailable",
    "basiq": "connector-error",
    "rate_limit": "too-many-requests",
    "config": "institution-not-found",
    "statement": "empty-file",
    "other": "a-code-of-some-bank",
}


def _basiq_item(status: str, _reason: str) -> dict[str, Document]:
    return {**_document("basiq", "connections.json")["data"][0], "status": status}


def _basiq_replies(item: Document, reason: str) -> Mapping[str, Document]:
    job = _document("basiq", "jobs.json")["data"][0]
    step = {"title": "verify-credentials", "status": "failed", "result": {"code": _BASIQ_CODES.get(reason)}}
    jobs = [{**job, "steps": [step], "links": {"source": f"{_BASIQ_LIST}/{item['id']}"}}] if reason else []
    return {_BASIQ_LIST: {"data": [item]}, f"/users/{_BASIQ_USER}/jobs": {"data": jobs}}


PARTS: Final[Mapping[str, Part]] = {
    "nectar": Part(
        options={"api_key": "nectar-key-4711", "accounts": "details"},
        secrets={"api_key": "nectar-key-4711"},
        target=_NECTAR_COMPANY,
        pages={
            "/ping": "ping.json",
            "/company": "companies.json",
            _NECTAR_LIST.format(1): "connections-1.json",
            _NECTAR_LIST.format(2): "connections-2.json",
            **{f"/connection/{item['id']}/details": "details-without-status.json" for item in _NECTAR_ITEMS[1:]},
            f"/connection/{_NECTAR_ITEMS[0]['id']}/details": "details.json",
        },
        item=_nectar_item,
        serve=_nectar_replies,
        required=("id", "status"),
        times={
            "created": "created_at",
            "statusFirstSeenTime": "status_since",
            "statusLastUpdateTime": "checked_at",
        },
        private=frozenset(
            {
                "accountNumber",
                "address",
                "connectionMagicLinkSecret",
                "publicCompanyId",
                "statusErrorDetail",
                "url",
                "username",
                "users",
                "workflowOwnerEmail",
            }
        ),
        forbidden=(
            ("GET", "/connection/0b6f4c0e-6a53-4f0e-9c55-0d1c2f6a9b11"),
            ("POST", "/connection/0b6f4c0e-6a53-4f0e-9c55-0d1c2f6a9b11"),
            ("GET", f"/connection/company/{_NECTAR_COMPANY}/link"),
            ("POST", f"/connection/company/{_NECTAR_COMPANY}/link"),
            ("PATCH", "/connection/0b6f4c0e-6a53-4f0e-9c55-0d1c2f6a9b11/details"),
            ("PATCH", "/connection/0b6f4c0e-6a53-4f0e-9c55-0d1c2f6a9b11/status"),
            ("POST", "/invitation/connection/0b6f4c0e-6a53-4f0e-9c55-0d1c2f6a9b11"),
            ("GET", f"/company/{_NECTAR_COMPANY}"),
            ("POST", f"/job/company/{_NECTAR_COMPANY}/bulk"),
        ),
    ),
    "moneyhub": Part(
        options={"client_id": "client-1", "client_secret": "moneyhub-secret-4711"},
        secrets={"client_secret": "moneyhub-secret-4711"},
        target=_MONEYHUB_USER,
        pages={
            "/oidc/token": "token.json",
            "/users?limit=1": "users-one.json",
            "/users?limit=100&offset=0": "users-1.json",
            "/users?limit=100&offset=2": "users-2.json",
            _MONEYHUB_LIST: "connections.json",
            "/oidc/.well-known/all-connections": "all-connections.json",
        },
        item=_moneyhub_item,
        serve=_moneyhub_replies,
        required=("id", "status"),
        times={"connectedOn": "created_at", "lastUpdated": "data_at", "expiresAt": "expires_at"},
        private=frozenset({"access_token", "accountIds", "clientId", "clientName", "clientUserId"}),
        forbidden=(
            ("GET", f"/users/{_MONEYHUB_USER}"),
            ("DELETE", f"/users/{_MONEYHUB_USER}"),
            ("POST", "/users"),
            ("GET", f"/users/{_MONEYHUB_USER}/syncs"),
            ("GET", f"/users/{_MONEYHUB_USER}/connections/bank:1"),
            ("PATCH", f"/users/{_MONEYHUB_USER}/connections/bank:1"),
            ("DELETE", f"/users/{_MONEYHUB_USER}/connections/bank:1"),
            ("POST", "/sync/bank:1"),
            ("GET", "/accounts"),
            ("GET", "/oidc/auth"),
        ),
    ),
    "basiq": Part(
        options={"api_key": "a2V5LTQ3MTE6", "users": [_BASIQ_USER, "u-2"]},
        secrets={"api_key": "a2V5LTQ3MTE6"},
        target=_BASIQ_USER,
        pages={
            "/token": "token.json",
            "/connectors?filter=connector.id.eq('AU00000')": "connectors.json",
            "/connectors": "connectors.json",
            "/events": "events.json",
            _BASIQ_LIST: "connections.json",
            f"/users/{_BASIQ_USER}/jobs": "jobs.json",
        },
        item=_basiq_item,
        serve=_basiq_replies,
        required=("id",),
        times={"createdDate": "created_at", "lastUsed": "data_at", "expiryDate": "expires_at"},
        private=frozenset(
            {
                "access_token",
                "accountNo",
                "balance",
                "detail",
                "details",
                "email",
                "emailAddresses",
                "fullName",
                "mobile",
                "phoneNumbers",
            }
        ),
        forbidden=(
            ("GET", "/users"),
            ("GET", "/users/u-1"),
            ("GET", "/users/u-1/accounts"),
            ("GET", "/users/u-1/transactions"),
            ("GET", "/users/u-1/identities"),
            ("GET", "/users/u-1/connections/c-1"),
            ("POST", "/users/u-1/connections/c-1/refresh"),
            ("POST", "/users/u-1/connections/refresh"),
            ("DELETE", "/users/u-1/connections/c-1"),
            ("POST", "/jobs/j-1/mfa"),
            ("POST", "/notifications/webhooks"),
        ),
        listed=(_BASIQ_USER, "u-2"),
    ),
}
