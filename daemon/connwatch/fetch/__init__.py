"""The only HTTP client. Law of this folder: nothing leaves the process but a provider's allow-listed reads.

Every fault of the network comes back as a `Failure`. Quota, token, limits and deadlines are kept here, by the rules of `core`.
"""

from connwatch.fetch.client import NotAllowedError, SourceClient
from connwatch.fetch.gate import Gate
from connwatch.fetch.session import UnusableTlsError, open_session, tls_context

__all__ = ["Gate", "NotAllowedError", "SourceClient", "UnusableTlsError", "open_session", "tls_context"]
