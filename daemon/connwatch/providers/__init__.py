"""The providers. Law of this folder: sans-I/O; a provider builds requests, reads replies, and knows no other provider.

A new one is one module here, one line in `PROVIDERS`, and one folder of fixtures under tests/providers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from connwatch.core.ports import Provider
from connwatch.providers.basiq import Basiq
from connwatch.providers.moneyhub import Moneyhub
from connwatch.providers.nectar import Nectar
from connwatch.providers.options import SourceOptions


class ProviderClass(Protocol):
    """How a provider is made: from the name of a source and its options, which are of the provider's own kind."""

    @property
    def Options(self) -> type[SourceOptions]:  # noqa: N802 - it is a class
        """What a source of this provider can be told."""

    def __call__(self, source_name: str, options: Any, /) -> Provider: ...  # noqa: ANN401 - each takes its own kind of options


PROVIDERS: Final[Mapping[str, ProviderClass]] = {one.name: one for one in (Nectar, Moneyhub, Basiq)}
"""By the value of `provider` in the configuration: the one registration."""
