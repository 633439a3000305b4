"""The loop: who is due is asked, what came of it is decided by `core`, committed, and counted. Decides nothing itself."""

from connwatch.poller.errands import listed_targets
from connwatch.poller.runner import SourceRunner
from connwatch.poller.surroundings import Surroundings
from connwatch.poller.timekeeper import Timekeeper

__all__ = ["SourceRunner", "Surroundings", "Timekeeper", "listed_targets"]
