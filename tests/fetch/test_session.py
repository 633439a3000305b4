"""How a source is reached: whom it trusts, how it shows itself, by which way; and what it never takes along."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from msgspec.structs import replace

from connwatch.clock import SystemClock
from connwatch.core.model import Failure, Outcome
from connwatch.core.ports import SourcePlan
from connwatch.fetch import Gate, SourceClient, UnusableTlsError, open_session, tls_context
from tests.fakes import FakeRecorder
from tests.fetch.conftest import Loopback, numbers
from tests.fetch.toy import Toy, plan_for


async def asked(plan: SourcePlan, *, public: bool = False) -> list[int] | Failure:
    """What one poll over a session of this plan brings."""
    clock, recorder = SystemClock(), FakeRecorder()
    gate = Gate(plan.policy, plan.quota, clock, recorder)
    async with open_session(plan, "1.2") as session:
        client = SourceClient(plan, session, gate, lambda: {"key": "the-key"}, clock, recorder)
        toy = plan.provider
        assert isinstance(toy, Toy)
        return await client.converse(toy.public() if public else toy.numbers())


def outcome(answer: list[int] | Failure) -> Outcome:
    """How it ended."""
    return answer.outcome if isinstance(answer, Failure) else "ok"


class Authority:
    """A certificate authority of our own, with its files."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self.ca_file = str(folder / "ca.pem")
        self.cert_file = str(folder / "cert.pem")
        self.key_file = str(folder / "key.pem")
        self._authority.cert_pem.write_to_path(self.ca_file)
        ours = self._authority.issue_cert("watcher@example.test")
        ours.private_key_pem.write_to_path(self.key_file)
        for part in ours.cert_chain_pems:
            part.write_to_path(self.cert_file, append=True)

    def server(self, name: str, *, wants_certificate: bool = False) -> ssl.SSLContext:
        """How a server of that name shows itself, and whom it lets in."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._authority.issue_cert(name).configure_cert(context)
        if wants_certificate:
            self._authority.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A certificate authority that nobody else trusts."""
    return Authority(tmp_path)


@asynccontextmanager
async def serving(context: ssl.SSLContext) -> AsyncIterator[Toy]:
    """A provider behind TLS."""
    runner = web.ServerRunner(web.Server(numbers), shutdown_timeout=0.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    host, port = runner.addresses[0][:2]
    yield Toy(f"https://{host}:{port}")
    await runner.cleanup()


class TestTrust:
    """Whom a source's session trusts, and how it shows itself."""

    async def test_a_ca_of_one_s_own_is_trusted_where_it_is_named(self, authority: Authority) -> None:
        """`ca_file` adds to whom we trust; without it, a stranger's certificate ends the connection."""
        async with serving(authority.server("127.0.0.1")) as toy:
            assert await asked(plan_for(toy, ca_file=authority.ca_file)) == [0]
            assert outcome(await asked(plan_for(toy))) == "tls"

    async def test_a_certificate_for_somebody_else_is_none(self, authority: Authority) -> None:
        """The name must be the one that was asked for, whoever signed."""
        async with serving(authority.server("other.example.test")) as toy:
            assert outcome(await asked(plan_for(toy, ca_file=authority.ca_file))) == "tls"

    async def test_a_client_certificate_is_shown_where_it_is_wanted(self, authority: Authority) -> None:
        """`client_cert_file` and `client_key_file` let us in; without them we stay outside."""
        async with serving(authority.server("127.0.0.1", wants_certificate=True)) as toy:
            plan = plan_for(toy, ca_file=authority.ca_file)
            ours = replace(plan, client_cert_file=authority.cert_file, client_key_file=authority.key_file)
            assert await asked(ours) == [0]
            assert outcome(await asked(plan)) in {"connect", "tls"}

    @pytest.mark.parametrize(
        ("key", "changed"),
        [
            ("ca_file", lambda plan, path: replace(plan, ca_file=path)),
            ("client_cert_file", lambda plan, path: replace(plan, client_cert_file=path)),
        ],
    )
    def test_a_file_that_can_t_be_used_is_named(
        self, tmp_path: Path, key: str, changed: Callable[[SourcePlan, str], SourcePlan]
    ) -> None:
        """The source, the key and the file; never a word of what stands in it."""
        path = tmp_path / "some.pem"
        for text in (None, "", "-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----\n"):
            if text is not None:
                path.write_text(text)
            with pytest.raises(UnusableTlsError) as fault:
                tls_context(changed(plan_for(Toy("https://127.0.0.1")), str(path)))
            assert str(fault.value).startswith(f"sources.toy.{key}: {path} can't be used: ")
            assert "hunter2" not in str(fault.value)

    def test_a_locked_key_asks_nobody(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        """A daemon has nobody to ask for a pass phrase: it says at once that the key can't be used."""
        ours = trustme.CA().issue_cert("watcher@example.test")
        certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
        certificate.write_bytes(b"".join(part.bytes() for part in ours.cert_chain_pems))
        plain = serialization.load_pem_private_key(ours.private_key_pem.bytes(), None)
        lock = serialization.BestAvailableEncryption(b"a pass phrase")
        key.write_bytes(plain.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock))
        plan = replace(plan_for(Toy("https://127.0.0.1")), client_cert_file=str(certificate), client_key_file=str(key))
        with pytest.raises(UnusableTlsError):
            tls_context(plan)
        assert "".join(capfd.readouterr()) == ""


class Proxy:
    """A proxy that says the same to everybody, and remembers what it was asked."""

    def __init__(self, status: int) -> None:
        self.heads: list[bytes] = []
        self.url = ""
        self._status = status

    @asynccontextmanager
    async def standing(self) -> AsyncIterator[None]:
        """Let it listen."""
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}"
        async with server:
            yield

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 %d x\r\nContent-Length: 3\r\nConnection: close\r\n\r\n[7]" % self._status)
        await writer.drain()
        writer.close()
        await writer.wait_closed()


class TestWay:
    """Directly, or by a proxy."""

    async def test_a_proxy_is_asked_instead(self) -> None:
        """`proxy` carries what would go to the provider."""
        proxy = Proxy(200)
        async with proxy.standing():
            assert await asked(replace(plan_for(Toy("http://127.0.0.1:1")), proxy=proxy.url)) == [7]
        assert proxy.heads[0].startswith(b"GET http://127.0.0.1:1/users/u/numbers?")

    async def test_a_proxy_sees_nothing_of_what_is_for_the_provider(self) -> None:
        """Behind TLS it only learns where to; one that refuses is a failure to connect."""
        proxy = Proxy(407)
        async with proxy.standing():
            plan = replace(plan_for(Toy("https://provider.example.test")), proxy=proxy.url)
            assert outcome(await asked(plan)) == "connect"
        (head,) = proxy.heads
        assert head.startswith(b"CONNECT provider.example.test:443 ")
        assert b"the-key" not in head

    async def test_a_proxy_that_isn_t_there_is_a_failure_to_connect(self) -> None:
        """Whatever the provider would say."""
        assert (
            outcome(await asked(replace(plan_for(Toy("http://127.0.0.1:1")), proxy="http://127.0.0.1:1"))) == "connect"
        )

    async def test_the_environment_is_heard_only_where_it_is_trusted(
        self, server: Loopback, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`trust_env` takes the proxy of the environment, but not for whom `no_proxy` names."""
        proxy, plan = Proxy(200), plan_for(Toy(server.url))
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        async with proxy.standing():
            monkeypatch.setenv("http_proxy", proxy.url)
            assert await asked(plan) == [0]
            assert await asked(replace(plan, trust_env=True)) == [7]
            monkeypatch.setenv("no_proxy", "127.0.0.1")
            assert await asked(replace(plan, trust_env=True)) == [0]
            assert await asked(replace(plan, trust_env=True, proxy=proxy.url)) == [7]


class TestLuggage:
    """What goes along with a request, and what never does."""

    async def test_no_credential_of_the_machine_goes_along(
        self, server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What `~/.netrc` holds for a host is none of ours, even where the environment is trusted."""
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login somebody password hunter2\n")
        monkeypatch.setenv("NETRC", str(netrc))
        plan = replace(plan_for(Toy(server.url)), trust_env=True)
        assert await asked(plan) == [0]
        assert await asked(plan, public=True) == [0]
        assert [request.headers.get("Authorization") for request in server.asked] == ["the-key", None]

    async def test_a_redirect_takes_no_credential_elsewhere(self, server: Loopback) -> None:
        """Neither to another host nor to another path: it is not followed at all."""
        elsewhere = Proxy(200)

        async def away(_request: web.BaseRequest) -> web.StreamResponse:
            raise web.HTTPTemporaryRedirect(f"{elsewhere.url}/users/u/numbers")

        server.answer = away
        async with elsewhere.standing():
            assert outcome(await asked(plan_for(Toy(server.url)))) == "server"
        assert elsewhere.heads == []

    async def test_cookies_are_not_kept(self, server: Loopback) -> None:
        """A provider can't mark us from one request to the next."""

        async def marking(_request: web.BaseRequest) -> web.StreamResponse:
            return web.json_response([1], headers={"Set-Cookie": "mark=1; Path=/"})

        server.answer = marking
        # A jar keeps nothing of bare addresses anyway.
        server.url = server.url.replace("127.0.0.1", "localhost")
        plan, clock, recorder = plan_for(Toy(server.url)), SystemClock(), FakeRecorder()
        gate = Gate(plan.policy, plan.quota, clock, recorder)
        async with open_session(plan, "1.2") as session:
            client = SourceClient(plan, session, gate, lambda: {"key": "k"}, clock, recorder)
            for _ in range(2):
                await client.converse(Toy(server.url).numbers())
        assert [request.headers.get("Cookie") for request in server.asked] == [None, None]

    async def test_we_say_who_we_are(self, server: Loopback) -> None:
        """Name and version, so that a provider's support can find us."""
        await asked(plan_for(Toy(server.url)))
        assert server.asked[0].headers["User-Agent"] == "connwatch/1.2"
