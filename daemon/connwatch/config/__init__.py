"""What the operator said, as a frozen plan: strict, all problems at once, and never with a secret in a message.

Law of this folder: it reads files and the environment that it is given, asks no clock, and logs nothing.
"""

from connwatch.config.loading import load
from connwatch.config.plan import Changes, Plan, changes
from connwatch.config.problems import ConfigRefused, Problem
from connwatch.config.schema import Address
from connwatch.config.secret_files import Secrets, UnusableSecretError
from connwatch.config.summary import summary

__all__ = [
    "Address",
    "Changes",
    "ConfigRefused",
    "Plan",
    "Problem",
    "Secrets",
    "UnusableSecretError",
    "changes",
    "load",
    "summary",
]
