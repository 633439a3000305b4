"""How a source is reached: TLS, client certificate, proxy, keep-alive. One session per source, so that credentials never mix."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from connwatch.core.ports import SourcePlan
from connwatch.fetch.faults import unrepeated

BUFFER: Final = 1 << 20
"""Bytes of a reply that may wait to be taken: a page of some hundred connections, so that none is read in fits and starts."""
KEEP_ALIVE: Final = 30.0
"""Seconds that an idle connection is kept: shorter than servers and balancers keep theirs, so that none is closed under a request."""


class UnusableTlsError(Exception):
    """A CA file, certificate or key cannot be used. The message names the file, never its content."""


def open_session(plan: SourcePlan, version: str) -> aiohttp.ClientSession:
    """A session for one source. Raises UnusableTlsError."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=plan.quota.max_in_flight, ssl=tls_context(plan), keepalive_timeout=KEEP_ALIVE
        ),
        timeout=aiohttp.ClientTimeout(total=plan.request_timeout),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept": "application/json", "User-Agent": f"connwatch/{version}"},
        proxy=plan.proxy or (_proxy_of_environment(plan.provider.base_url) if plan.trust_env else None),
        middlewares=(unrepeated,),
        read_bufsize=BUFFER,
    )


def tls_context(plan: SourcePlan) -> ssl.SSLContext:
    """Whom a source's session trusts, and how it shows itself. Raises UnusableTlsError."""
    context = ssl.create_default_context()
    if plan.ca_file:
        with _usable(plan, "ca_file", plan.ca_file):
            context.load_verify_locations(plan.ca_file)
    if plan.client_cert_file:
        with _usable(plan, "client_cert_file", plan.client_cert_file):
            # An empty password fails on a key that wants one, where none at all would ask for it on the terminal.
            context.load_cert_chain(plan.client_cert_file, plan.client_key_file or None, password="")
    return context


def _proxy_of_environment(base_url: str) -> str | None:
    """What `https_proxy` and `no_proxy` say. aiohttp's `trust_env` would also send what `~/.netrc` holds for the provider."""
    base = urlsplit(base_url)
    return None if proxy_bypass(base.netloc) else getproxies().get(base.scheme)


@contextmanager
def _usable(plan: SourcePlan, key: str, path: str) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        reason = getattr(fault, "reason", None) or fault.strerror or type(fault).__name__
        raise UnusableTlsError(f"sources.{plan.name}.{key}: {path} can't be used: {reason}") from None
