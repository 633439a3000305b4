"""The world behind the three APIs: who is connected to what, and what becomes of it.

The law of this folder: values and decisions only. No I/O, no HTTP, no clock (the world lives up to the instant that
`World.advance` is given), no random number (every draw is a hash of the seed and a name, see `chance`).
"""
