"""Faults: what goes wrong between the world and the one who asks.

Which fault strikes which request is a hash of the seed and the request's number (`profiles`), so that a run can be
repeated. Some faults strike the transport (`mishaps`), some the words (`drift`); those that strike paging or the
door are minded by the faces, which see the effects of a request as its `fate`.
"""

from connwatch.simulator.faults.profiles import PROFILES, Effect, Fault, Faults

__all__ = ["PROFILES", "Effect", "Fault", "Faults"]
