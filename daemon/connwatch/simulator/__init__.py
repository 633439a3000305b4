"""The three providers in one process: faithful to their documents, and adversarial where these leave room.

    world/    who is connected to what, and what becomes of it: pure, from a seed, with time as an argument
    shapes/   what the world looks like in each provider's JSON
    faults/   what goes wrong, and when
    faces/    the three APIs on HTTP
    server    the simulator: one application, every request written down
    truth     what a flawless monitor would have counted
    control   the simulator's own surface, under /control

The law of this folder: it knows nothing of the rest of connwatch and imports none of it. Each room may use only the
rooms above it. The time comes from the clock that the simulator is given; `server` holds the default.
"""

from connwatch.simulator.faults import PROFILES, Effect, Fault
from connwatch.simulator.server import Simulator
from connwatch.simulator.shapes.private import CANARY

__all__ = ["CANARY", "PROFILES", "Effect", "Fault", "Simulator"]
