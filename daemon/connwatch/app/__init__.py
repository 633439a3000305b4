"""The composition root: the only place that knows everyone. Starts, stops and reloads the daemon; carries out the one-shot commands."""

from connwatch.app.daemon import Console, Daemon
from connwatch.app.forecasting import forecasts, remembered_forecasts
from connwatch.app.live import ping, remembered
from connwatch.app.lookup import forget, look_up
from connwatch.app.oneshot import Progress, Sweep

__all__ = [
    "Console",
    "Daemon",
    "Progress",
    "Sweep",
    "forecasts",
    "forget",
    "look_up",
    "ping",
    "remembered",
    "remembered_forecasts",
]
