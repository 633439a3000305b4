"""What a Nectar connection says of itself, and what is told of its accounts."""

from __future__ import annotations

from connwatch.core.model import Accounts
from tests.providers.conversing import NOW, Script, paths, reply
from tests.providers.nectar_source import after, item, listed, nectar, seen, whole


def test_the_sandbox_name_of_a_wrong_password_is_an_alias() -> None:
    """`INCORRECT_PASSWORD` is shown as the documented value, and is not unknown."""
    (one,) = seen(item("a", status="INCORRECT_PASSWORD"))
    assert (one.status, one.words.unknown) == ("PASSWORD_INCORRECT", ())


def test_a_switched_off_connection_is_inactive() -> None:
    """Only an explicit false says so: older replies don't have the field."""
    traits = [one.words.traits for one in seen(item("a", isActive=False), item("b", isActive=True), item("c"))]
    assert traits == [("inactive",), (), ()]


def test_a_company_that_was_switched_off_is_inactive() -> None:
    """Whatever else is known of its connections: nobody judges them, and `explain` names the rule."""
    listing = listed(Script(whole(item("a", status="COMPANY_INACTIVE"))))
    verdict = after(listing).connections["a"].verdict
    assert (verdict.condition, verdict.rule, verdict.judged) == ("inactive", "inactive", False)


def test_connections_share_their_accounts() -> None:
    """Most connections have the same few kinds of accounts: a million of them hold each once."""
    accounts = [{"status": "DETECTED", "trackingStatus": "ENABLED"}]
    first, second = seen(item("a", accounts=accounts), item("b", accounts=accounts))
    assert first.accounts is second.accounts


def test_the_list_counts_accounts_that_say_how_they_are() -> None:
    """An account without a status makes no row; tracking that is absent is `unset`."""
    told = [
        ("DETECTED", "ENABLED"),
        ("DETECTED", "ENABLED"),
        ("DETECTED", None),
        ("DUPLICATE", "UNSET"),
        (None, "UNSET"),
    ]
    (one,) = seen(item("a", accounts=[{"status": status, "trackingStatus": tracking} for status, tracking in told]))
    assert one.accounts == (
        Accounts("DETECTED", "ENABLED", 2),
        Accounts("DETECTED", "unset", 1),
        Accounts("DUPLICATE", "UNSET", 1),
    )


def test_undocumented_account_values_are_shown_and_counted() -> None:
    """The dashboard knows more account states than the documents."""
    (one,) = seen(item("a", accounts=[{"status": "NEEDS_PULL", "trackingStatus": "A B"}]))
    assert one.accounts == (Accounts("NEEDS_PULL", "other", 1),)
    assert one.words.unknown == (("account_status", "NEEDS_PULL"), ("tracking", "other"))
    assert {"account_status", "tracking"} < set(nectar().policy("main", ()).unknown_fields)


def test_a_list_without_accounts_leaves_them_as_they_are_known() -> None:
    """Absent is not none."""
    (absent, empty) = seen(item("a"), item("b", accounts=[]))
    assert (absent.accounts, empty.accounts) == (None, ())


def test_accounts_can_be_left_out() -> None:
    """Switched off, there are none, whatever is listed; and no rows of zeros."""
    (one,) = seen(item("a", accounts=[{"status": "DETECTED"}]), accounts="none")
    assert one.accounts == ()
    assert nectar(accounts="none").policy("main", ()).account_rows == ()
    assert len(nectar().policy("main", ()).account_rows) == 36


def test_details_are_asked_one_by_one() -> None:
    """They fill in what the list leaves out, and only by the call that reads."""
    detail = reply(item("a", accounts=[{"status": "ODD_ONE", "trackingStatus": "ENABLED"}]))
    script = Script(whole(item("a")), detail)
    listing = listed(script, accounts="details")
    assert paths(script.requests)[1:] == ["/connection/a/details"]
    assert listing.learned["a"].accounts == (Accounts("ODD_ONE", "ENABLED", 1),)
    held = after(listing, accounts="details").connections["a"]
    assert (held.seen.accounts, held.learned_at) == ((Accounts("ODD_ONE", "ENABLED", 1),), NOW)
    assert held.seen.words.unknown == (("account_status", "ODD_ONE"),)
