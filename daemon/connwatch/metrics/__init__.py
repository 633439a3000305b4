"""What is told to Prometheus. Law of this folder: each family is declared once, in `families`, and everything else follows from it.

prometheus-client is known here and nowhere else. Nothing here asks a provider, a database or a clock.
"""

from connwatch.metrics.exposition import Exposition
from connwatch.metrics.families import FAMILIES
from connwatch.metrics.family import Family
from connwatch.metrics.process import ProcessRecorder
from connwatch.metrics.reference import reference

__all__ = ["FAMILIES", "Exposition", "Family", "ProcessRecorder", "reference"]
