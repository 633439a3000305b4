"""The documented words of the three providers, each with the weight that it has among their connections.

Sources: providers/nectar.md section 6, providers/moneyhub.md section 6.1, providers/basiq.md sections 3.4 and 4.4.
"""

from __future__ import annotations

from connwatch.simulator.world.model import Nature, State

WEB, OPEN, STATEMENT = ("web",), ("openbanking",), ("csv", "pdf")
BANKING = WEB + OPEN
CONSENTED = ("api", "test")

KINDS: dict[str, tuple[tuple[float, str], ...]] = {
    "nectar": ((1, "utility"),),
    "moneyhub": ((62, "api"), (18, "legacy"), (6, "zoopla"), (4, "mouseprice"), (4, "autotrader"), (6, "test")),
    "basiq": ((58, "web"), (36, "openbanking"), (3, "csv"), (3, "pdf")),
}

USER_CODES = (
    "invalid-credentials",
    "account-not-accessible-requires-user-action",
    "user-action-required",
    "invalid-connection",
    "invalid-username-or-password",
    "locked-account",
    "multifactor-required",
    "multi-factor-authentication",
)
INSTITUTION_CODES = (
    "service-unavailable",
    "system-unavailable",
    "maintenance",
    "maintenance-error",
    "temporary-unavailable",
    "institution-not-available",
    "institution-disabled",
)
BASIQ_CODES = ("connector-error", "unknown-error", "internal-server-error", "job-timed-out", "too-many-requests")
CONFIG_CODES = ("institution-not-found", "institution-not-supported")
STATEMENT_CODES = (
    "missing-required-field",
    "missing-required-field-value",
    "invalid-field-value",
    "invalid-csv-row",
    "row-count-exceeded",
    "account-data-differs",
    "empty-file",
    "txn-after-last-updated-date",
    "bank-statement-invalid",
    "bank-statement-new-product",
    "bank-statement-parsing-error",
    "bank-statement-not-supported",
    "invalid-request-content",
    "request-not-valid",
)


def _invalid(
    codes: tuple[str, ...], nature: Nature, kinds: tuple[str, ...], weight: float
) -> tuple[tuple[float, State], ...]:
    return tuple((weight, State("invalid", nature, code, kinds=kinds)) for code in codes)


STATES: dict[str, tuple[tuple[float, State], ...]] = {
    "nectar": (
        (88, State("CONNECTED", Nature.WORKING)),
        (4, State("PENDING", Nature.STARTING)),
        (3, State("UNDER_INVESTIGATION", Nature.REVIEW)),
        (8, State("PASSWORD_INCORRECT", Nature.USER)),
        (1, State("INCORRECT_PASSWORD", Nature.USER)),
        (4, State("MFA_TOKEN_EXPIRED", Nature.USER)),
        (2, State("NEW_PASSWORD_NEEDED", Nature.USER)),
        (2, State("ADDITIONAL_CREDENTIALS_NEEDED", Nature.USER)),
        (3, State("WEBSITE_DOWN", Nature.SITE)),
        (1, State("URL_INACCESSIBLE", Nature.SITE)),
        (1, State("NO_ACCOUNTS_FOUND", Nature.SITE)),
        (1, State("OTHER_ERROR", Nature.SITE)),
    ),
    "moneyhub": (
        (92, State("ok", Nature.WORKING)),
        (3, State("ok", Nature.STARTING)),
        (4, State("error", Nature.USER, "mfa_required")),
        (4, State("error", Nature.USER, "credentials_error")),
        (2, State("error", Nature.USER, "resync")),
        (1, State("error", Nature.USER, "sync_error", "stoppedSyncing")),
        (3, State("error", Nature.SITE, "sync_error")),
        (2, State("error", Nature.SITE, "sync_partial")),
        (1, State("error", Nature.SITE)),
        (2, State("error", Nature.EXPIRED, "sync_error", "expired", kinds=CONSENTED)),
        (1, State("error", Nature.EXPIRED, "credentials_error", kinds=CONSENTED)),
        (0.5, State("ok", Nature.EXPIRED, kinds=CONSENTED)),
    ),
    "basiq": (
        (110, State("active", Nature.WORKING)),
        (2, State("pending", Nature.STARTING, kinds=WEB)),
        (2, State("pre-init", Nature.STARTING, kinds=OPEN)),
        (1, State("init", Nature.STARTING, kinds=OPEN)),
        (1, State("deleted", Nature.OVER, kinds=BANKING)),
        (4, State("invalid", Nature.USER, "invalid-credentials", kinds=WEB)),
        (2, State("invalid", Nature.USER, "authorization-failed", kinds=OPEN)),
        (1, State("invalid", Nature.EXPIRED, "authorization-failed", kinds=OPEN)),
        (0.5, State("active", Nature.EXPIRED, kinds=OPEN)),
        (3, State("invalid", Nature.SITE, "service-unavailable", kinds=BANKING)),
        *_invalid(USER_CODES[1:], Nature.USER, WEB, 0.3),
        *_invalid(INSTITUTION_CODES[1:], Nature.SITE, BANKING, 0.2),
        *_invalid(BASIQ_CODES, Nature.SITE, BANKING, 0.2),
        *_invalid(CONFIG_CODES, Nature.SITE, BANKING, 0.1),
        *_invalid(STATEMENT_CODES, Nature.USER, STATEMENT, 0.1),
    ),
}

INACTIVE_COMPANY = State("COMPANY_INACTIVE", Nature.OVER)
WITHDRAWN = State("never", Nature.OVER)

OUTAGE = {
    "nectar": State("WEBSITE_DOWN", Nature.SITE),
    "moneyhub": State("error", Nature.SITE, "sync_error"),
    "basiq": State("invalid", Nature.SITE, "service-unavailable"),
}
"""What a connection shows while its institution is down."""

START_TAKES = {"PENDING": 7200.0, "ok": 180.0, "pending": 45.0, "pre-init": 240.0, "init": 30.0}
"""Seconds that a new connection stays in a start-up status when nothing goes wrong."""

STANDING_UP = {"nectar": "", "moneyhub": "AVAILABLE", "basiq": "operational"}
STANDING_DOWN = {"nectar": "", "moneyhub": "TEMPORARILY_UNAVAILABLE", "basiq": "major-outage"}


def states(provider: str, kind: str, nature: Nature) -> list[tuple[float, State]]:
    """List the states of this nature that a connection of this kind can be in, with their weights."""
    return [
        (weight, state)
        for weight, state in STATES[provider]
        if state.nature is nature and (not state.kinds or kind in state.kinds)
    ]


def start(provider: str, kind: str) -> tuple[State, ...]:
    """List the states that a new connection passes through before its first result; empty if it has that at once."""
    return tuple(state for _, state in states(provider, kind, Nature.STARTING))


def working(provider: str, kind: str) -> State:
    """Give the state of a connection of this kind that works."""
    return states(provider, kind, Nature.WORKING)[0][1]


def named(provider: str, status: str, reason: str = "", extended: str = "") -> State:
    """Find the documented state of these words; words that no document lists make a state of their own."""
    known = (*(state for _, state in STATES[provider]), INACTIVE_COMPANY, WITHDRAWN)
    for state in known:
        if (state.status, state.reason, state.extended) == (status, reason, extended):
            return state
    return State(status, Nature.USER, reason, extended)
