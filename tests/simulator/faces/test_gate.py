"""Tokens and limits."""

from __future__ import annotations

from connwatch.simulator.faces.gate import Limit, Tokens


def test_a_token_belongs_to_one_provider() -> None:
    """A token of Basiq is unknown to Moneyhub."""
    tokens = Tokens()
    token = tokens.issue("basiq", "SERVER_ACCESS", 60, 0)

    assert tokens.grant("basiq", token) is not None
    assert tokens.grant("moneyhub", token) is None


def test_old_tokens_are_forgotten() -> None:
    """A long run does not keep every token that ever was."""
    tokens = Tokens()
    old = tokens.issue("basiq", "", 60, 0)
    tokens.issue("basiq", "", 60, 3000)
    assert tokens.grant("basiq", old) is not None
    tokens.issue("basiq", "", 60, 4000)

    assert tokens.grant("basiq", old) is None


def test_a_limit_holds_in_every_window() -> None:
    """What was refused does not count, and what is older than the window neither."""
    limit = Limit(2, 10)

    assert [limit.admits(at) for at in (0, 1, 2, 9.9, 10, 10.5, 11)] == [True, True, False, False, True, False, True]
