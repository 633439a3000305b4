"""Why a store cannot be opened. Each message says what is wrong with which file, and what to do about it."""

from __future__ import annotations


class StoreError(Exception):
    """The store cannot be had."""


class StoreLocked(StoreError):
    """Another process works with it."""


class StoreTooNew(StoreError):
    """A newer version of connwatch wrote it."""


class StoreUnusable(StoreError):
    """It isn't a store of ours, or it cannot be read or written."""
