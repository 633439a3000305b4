"""For all tests: no example of a property has a deadline. How long something takes is for benchmarks to tell, on a machine of their own."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("patient", settings(), deadline=None)
settings.load_profile("patient")
