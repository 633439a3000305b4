"""Why a Basiq connection is invalid: it doesn't say so, the user's jobs of a week do (providers/basiq.md section 4)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from msgspec import Struct

from connwatch.core.clocks import HOUR
from connwatch.core.model import Condition, Held
from connwatch.providers.basiq_connections import INVALID, PENDING, Institution
from connwatch.providers.basiq_replies import Page
from connwatch.providers.reading import OTHER, UNKNOWN, instant, label

CONDITIONS: Final[Mapping[str, Condition]] = {
    "user": "action_required",
    "institution": "degraded",
    "basiq": "degraded",
    "rate_limit": "degraded",
    "config": "degraded",
    "statement": "action_required",
    OTHER: "action_required",
}
"""What an invalid connection comes down to, by reason (metrics.md, *Settled in detail*)."""

_CODES: Final[Mapping[str, tuple[str, ...]]] = {
    "user": (
        "invalid-credentials",
        "authorization-failed",
        "account-not-accessible-requires-user-action",
        "user-action-required",
        "invalid-connection",
        "invalid-username-or-password",
        "locked-account",
        "multifactor-required",
        "multi-factor-authentication",
    ),
    "institution": (
        "service-unavailable",
        "system-unavailable",
        "maintenance",
        "maintenance-error",
        "temporary-unavailable",
        "institution-not-available",
        "institution-disabled",
    ),
    "config": ("institution-not-found", "institution-not-supported"),
    "basiq": ("connector-error", "unknown-error", "internal-server-error", "job-timed-out"),
    "rate_limit": ("too-many-requests",),
    "statement": (
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
    ),
}
REASONS: Final[Mapping[str, str]] = {code: reason for reason, codes in _CODES.items() for code in codes}
"""Code of a failed step -> reason. Banks return codes of their own, so the rest is `other` (section 4.4)."""

AGAIN: Final = 6 * HOUR
"""How long jobs are not looked at again for the same invalid connection; Basiq advises a day (section 4.4)."""

_CONNECTION: Final = re.compile(r"/connections/([^/?#]+)")


class Result(Struct, frozen=True, gc=False):
    """What a step came to: the code of a failure, or a link to what it made. The bank's own text is skipped."""

    code: str | None = None
    url: str | None = None


class Step(Struct, frozen=True, gc=False):
    """One step of a job. Its result is null until it ends, and was a list of one in older versions."""

    status: str | None = None
    result: Result | tuple[Result, ...] | None = None

    @property
    def results(self) -> tuple[Result, ...]:
        if self.result is None:
            return ()
        return self.result if isinstance(self.result, tuple) else (self.result,)


class JobLinks(Struct, frozen=True, gc=False):
    """`source` is the connection that the job works for; it is missing from some."""

    source: str | None = None


class Job(Struct, frozen=True, gc=False, rename="camel"):
    """One job. Those of statements are spelled a little differently."""

    id: str = ""
    created: str | None = None
    created_date: str | None = None
    institution: Institution | None = None
    steps: tuple[Step, ...] = ()
    links: JobLinks | None = None

    @property
    def age(self) -> tuple[float, str]:
        """Sorts jobs by when they began."""
        return instant(self.created or self.created_date or "") or 0.0, self.id

    @property
    def failure(self) -> str | None:
        """The code of the step that failed, perhaps empty; None if none did. Those after a failed one stay pending."""
        failed = next((step for step in self.steps if step.status == "failed"), None)
        if failed is None:
            return None
        return next((result.code for result in failed.results if result.code), "")

    @property
    def connection(self) -> str | None:
        """The id of its connection: by its source, else by what a step (the check of the credentials) links to."""
        urls = [self.links.source if self.links is not None else None]
        urls += [result.url for step in self.steps for result in step.results]
        matches = (_CONNECTION.search(url) for url in urls if url)
        return next((match[1] for match in matches if match), None)


JOBS: Final = msgspec.json.Decoder(Page[Job])


def reasons(jobs: Iterable[Job], institutions: Mapping[str, str]) -> Mapping[str, str]:
    """Connection id -> why its newest failed job failed.

    `institutions` is connection id -> institution of all that are listed: a job that names no connection is about
    the only one of its institution, or about nobody knows which.
    """
    count = Counter(institutions.values())
    only = {
        institution: id_
        for id_, institution in institutions.items()
        if count[institution] == 1 and institution not in {UNKNOWN, OTHER}
    }
    told = {}
    for job in sorted(jobs, key=lambda job: job.age):
        code = job.failure
        about = job.connection or only.get(label(job.institution.id) if job.institution is not None else UNKNOWN)
        if code is not None and about is not None:
            told[about] = REASONS.get(code, OTHER)
    return told


def due(status: str, held: Held | None, now: float) -> bool:
    """Whether to look at the jobs for a connection that is listed with this status, and was remembered as `held`.

    Pending: always. Invalid: when it became so, while its reason is being searched, and then every six hours. The
    search ends after as long: jobs are kept for a week, so one that was invalid before will never have a reason.
    """
    if status != INVALID:
        return status == PENDING
    if held is None or held.seen.status != INVALID or held.learned_at is None:
        return True
    searching = not held.seen.reason and now - held.status_since < AGAIN
    return searching or now - held.learned_at >= AGAIN
