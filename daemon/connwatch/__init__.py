"""connwatch: finds out first when a connection breaks."""

__version__ = "0.1.0"
