"""The loop, in virtual time, against a provider that answers as it is told."""
