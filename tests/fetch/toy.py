"""A provider as small as one can be, to send requests through the client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec
from msgspec.structs import replace

from connwatch.core.discovery import Discovery, Own
from connwatch.core.model import Failure, TargetState
from connwatch.core.policy import Facts, Mute, Policy
from connwatch.core.poll import Listing
from connwatch.core.ports import Hints, SecretRef, SourcePlan
from connwatch.core.quota import Rule
from connwatch.core.wire import Allowed, Conversation, Reply, Request, Token, expect, read, refusal
from tests.core.cast import POLICY

NUMBERS: msgspec.json.Decoder[list[int]] = msgspec.json.Decoder(list[int])


class Toy:
    """Asks for lists of numbers. With `tokens`, it wants a token first."""

    name = "toy"
    company = "acme"
    listed: Sequence[str] | None = ("u",)
    allowed = (
        Allowed("connections", r"/users/[a-z]+/numbers"),
        Allowed("institutions", r"/public"),
        Allowed("token", r"/token", "POST"),
    )

    def __init__(self, base_url: str, *, tokens: bool = False) -> None:
        self.base_url = base_url
        self._tokens = tokens

    def policy(self, source: str, mutes: tuple[Mute, ...]) -> Policy:
        """The cast's."""
        return replace(POLICY, source=source, provider=self.name, mutes=mutes)

    def authorize(self, secrets: Mapping[str, str], token: Token | None) -> Mapping[str, str]:
        """The key, or the token."""
        return {"Authorization": f"Bearer {token.value}" if token else secrets["key"]}

    def token(
        self, secrets: Mapping[str, str], now: float, nonce: str, previous: Token | None
    ) -> Conversation[Token] | None:
        """A token for the key."""
        return self._ask_token(secrets, now, nonce, previous) if self._tokens else None

    def _ask_token(
        self, secrets: Mapping[str, str], now: float, nonce: str, previous: Token | None
    ) -> Conversation[Token]:
        form = (("nonce", nonce), ("scope", previous.scope if previous else "all"))
        headers = {"Authorization": secrets["key"]}
        request = Request("token", "/token", method="POST", form=form, headers=headers, authenticated=False)
        reply = expect((yield request))
        return Token(reply.body.decode(), now, now + 100, scope="less")

    def numbers(self, target: str = "u", *, path: str = "/users/u/numbers", pages: int = 1) -> Conversation[list[int]]:
        """Numbers, page after page."""
        found: list[int] = []
        for page in range(pages):
            answer = yield Request("connections", path, query=(("page", str(page)), ("who", target)))
            numbers = read(answer, NUMBERS)
            found += numbers
        return found

    def public(self) -> Conversation[list[int]]:
        """Something for which no credential is needed."""
        return read((yield Request("institutions", "/public", authenticated=False)), NUMBERS)

    def refusal(self, request: Request, reply: Reply, now: float) -> Failure:
        """By the status; a token that ran out is worth a renewal."""
        failure = refusal(reply, now)
        return replace(failure, renew=request.authenticated and reply.status == 401)

    @property
    def reading(self) -> None:
        """In one way only."""

    def discover(self, listed: Sequence[str] | None, now: float, own: Own = str) -> Conversation[Discovery]:
        """Not asked for here."""
        raise AssertionError((listed, now))

    def list(self, state: TargetState, now: float) -> Conversation[Listing]:
        """Not asked for here."""
        raise AssertionError((state, now))

    def institutions(self, now: float) -> Conversation[Facts] | None:
        """None."""
        assert now
        return None

    def hints(self, cursor: str, now: float) -> Conversation[Hints] | None:
        """None."""
        assert now, cursor
        return None

    def ping(self) -> Conversation[str]:
        """Numbers will do."""
        yield Request("connections", "/users/u/numbers")
        return "ok"

    def sweep_requests(self, sizes: Sequence[int]) -> int:
        """One each."""
        return len(sizes)


def plan_for(provider: Toy, *, timeout: float = 5.0, rule: Rule | None = None, ca_file: str = "") -> SourcePlan:
    """A source of that provider, with a quota that is in nobody's way."""
    return SourcePlan(
        name="toy",
        provider=provider,
        policy=provider.policy("toy", ()),
        quota=rule or Rule(per_minute=600_000.0, burst=1000, max_in_flight=8),
        secrets=MappingProxyType({"key": SecretRef(value="the-key")}),
        request_timeout=timeout,
        ca_file=ca_file,
    )
