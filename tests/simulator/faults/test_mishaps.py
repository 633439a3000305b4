"""What goes wrong on the wire, as a client sees it."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import aiohttp
import pytest

from connwatch.simulator import Effect, Fault
from tests.simulator.calling import NOW

if TYPE_CHECKING:
    from tests.simulator.calling import Caller, MovedClock

COMPANIES = "/nectar/v2.2/company"
LIMIT = 16 * 1024 * 1024


async def ask(caller: Caller, *effects: Effect, path: str = COMPANIES) -> tuple[int, dict[str, str], bytes]:
    """Ask while these effects strike: status, headers, body."""
    caller.simulator.faults.use("*", [Fault(effect) for effect in effects])
    headers = {"X-API-Key": caller.simulator.nectar_key}
    async with caller.client.get(path, headers=headers, allow_redirects=False) as response:
        return response.status, dict(response.headers), await response.read()


@pytest.mark.parametrize(
    ("effect", "status"),
    [
        (Effect.SERVER_ERROR, 500),
        (Effect.UNAVAILABLE, 503),
        (Effect.THROTTLED_BARE, 429),
    ],
)
@pytest.mark.parametrize(
    ("path", "field"),
    [(COMPANIES, "detail"), ("/moneyhub/users", "code"), ("/basiq/connectors", "correlationId")],
)
async def test_errors_have_the_shape_of_their_provider(
    caller: Caller, effect: Effect, status: int, path: str, field: str
) -> None:
    """Each provider says it in its own envelope, without a Retry-After."""
    got, headers, body = await ask(caller, effect, path=path)

    assert got == status
    assert field in json.loads(body)
    assert "Retry-After" not in headers


@pytest.mark.parametrize("effect", [Effect.THROTTLED_SECONDS, Effect.UNAVAILABLE_SECONDS, Effect.THROTTLED_DAYS])
async def test_retry_after_comes_in_seconds(caller: Caller, effect: Effect) -> None:
    """A few seconds, or absurdly many."""
    _, headers, _ = await ask(caller, effect)

    assert int(headers["Retry-After"]) == (3 * 86400 if effect is Effect.THROTTLED_DAYS else 7)


@pytest.mark.parametrize("effect", [Effect.THROTTLED_DATE, Effect.UNAVAILABLE_DATE])
async def test_retry_after_comes_as_a_date(caller: Caller, effect: Effect) -> None:
    """The date is by the simulator's clock."""
    _, headers, _ = await ask(caller, effect)

    assert parsedate_to_datetime(headers["Retry-After"]).timestamp() == NOW + 7


async def test_moneyhub_says_in_the_body_how_long_to_wait(caller: Caller) -> None:
    """Its 429 has retryAfterSecs and the rate-limit headers."""
    _, headers, body = await ask(caller, Effect.THROTTLED_BARE, path="/moneyhub/users")

    assert json.loads(body)["retryAfterSecs"] == 7
    assert headers["X-RateLimit-Limit"] == "1000"


async def test_a_403_may_come_without_a_reason(caller: Caller) -> None:
    """The gateway's 403 has no envelope."""
    status, _, body = await ask(caller, Effect.FORBIDDEN_BARE, path="/basiq/connectors")

    assert (status, json.loads(body)) == (403, {"message": "Forbidden"})


@pytest.mark.parametrize(("effect", "status"), [(Effect.HTML, 200), (Effect.BAD_GATEWAY, 502)])
async def test_html_comes_instead_of_json(caller: Caller, effect: Effect, status: int) -> None:
    """As from a proxy, with 200 too."""
    got, headers, body = await ask(caller, effect)

    assert (got, headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert body.startswith(b"<!doctype html>")


async def test_the_right_json_may_be_said_to_be_text(caller: Caller) -> None:
    """Only the content type is wrong."""
    _, headers, body = await ask(caller, Effect.WRONG_TYPE)

    assert headers["Content-Type"].startswith("text/plain")
    assert isinstance(json.loads(body), list)


async def test_json_may_be_cut_in_half(caller: Caller) -> None:
    """The answer ends properly, its JSON does not."""
    _, _, whole = await ask(caller)
    _, headers, half = await ask(caller, Effect.TRUNCATED)

    assert whole.startswith(half)
    assert int(headers["Content-Length"]) == len(half) == len(whole) // 2


async def test_a_redirect_leads_to_another_host(caller: Caller) -> None:
    """Who follows it takes the key along."""
    status, headers, _ = await ask(caller, Effect.REDIRECT)

    assert (status, headers["Location"]) == (302, "https://elsewhere.invalid/login")


async def test_a_body_may_be_huge(caller: Caller) -> None:
    """More than 16 MiB of valid JSON, streamed."""
    _, headers, body = await ask(caller, Effect.HUGE)

    assert len(body) > LIMIT
    assert "Content-Length" not in headers
    assert body.startswith(b"[{")


async def test_a_body_may_be_a_bomb(caller: Caller) -> None:
    """A few kilobytes on the wire become more than 16 MiB."""
    _, headers, body = await ask(caller, Effect.BOMB)

    assert int(headers["Content-Length"]) < 100_000
    assert len(body) > LIMIT
    assert json.loads(body) == []


async def test_the_server_may_hang_up_before_the_answer(caller: Caller) -> None:
    """Not a byte comes."""
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await ask(caller, Effect.HANG_UP_BEFORE)

    assert caller.simulator.violations == []


@pytest.mark.parametrize("effect", [Effect.HANG_UP_WITHIN, Effect.STALL])
async def test_the_server_may_hang_up_within_the_answer(caller: Caller, effect: Effect) -> None:
    """Half comes of what was promised."""
    with pytest.raises(aiohttp.ClientPayloadError):
        await ask(caller, effect)


@pytest.mark.parametrize(("effect", "seconds"), [(Effect.SLOW, 20), (Effect.STALL, 90)])
async def test_waiting_goes_through_the_injected_sleep(
    caller: Caller, clock: MovedClock, effect: Effect, seconds: float
) -> None:
    """Time passes on the simulator's clock, not on the machine's."""
    try:
        await ask(caller, effect)
    except aiohttp.ClientPayloadError:
        assert effect is Effect.STALL

    assert clock.now == NOW + seconds


async def test_dates_follow_the_simulators_clock_or_run_ahead(caller: Caller) -> None:
    """The Date header tells the simulator's time, or an hour more."""
    _, right, _ = await ask(caller)
    _, wrong, _ = await ask(caller, Effect.WRONG_DATE)

    assert parsedate_to_datetime(right["Date"]).timestamp() == NOW
    assert parsedate_to_datetime(wrong["Date"]).timestamp() == NOW + 3600
