"""Invented secrets and personal data. Each contains one word, so that a leak is found by searching for it."""

from __future__ import annotations

CANARY = "canary"
"""The word: it must never be seen in a log, a label, an answer or a store of the daemon."""


def email(grain: int) -> str:
    """Invent an e-mail address."""
    return f"{CANARY}.{grain:016x}@people.example.test"


def username(grain: int) -> str:
    """Invent a log-in name at a portal."""
    return f"{CANARY}-login-{grain:016x}"


def secret(grain: int) -> str:
    """Invent the secret half of a magic link."""
    return f"{CANARY}-magic-{grain:016x}"


def account_number(grain: int) -> str:
    """Invent an account number."""
    return f"000-{CANARY}-{grain:016x}"


def customer(grain: int) -> str:
    """Invent the operator's own number of a customer."""
    return f"{CANARY}-customer-{grain:016x}"


def person(grain: int) -> dict[str, str]:
    """Invent a person's name and telephone number."""
    return {
        "name": f"{CANARY} person {grain:016x}",
        "firstName": f"{CANARY}-first",
        "middleName": f"{CANARY}-middle",
        "lastName": f"{CANARY}-last",
        "mobile": f"+61-{CANARY}-{grain % 10_000:04d}",
    }


def address(grain: int) -> str:
    """Invent a postal address."""
    return f"{grain % 900 + 1} {CANARY} Street, Nowhere"
