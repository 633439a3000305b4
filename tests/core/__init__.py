"""The decisions, by tables and laws: no loop, no socket, no clock."""
