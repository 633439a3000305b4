"""The decisions. Law of this folder: no I/O, no clock, no random numbers, no logging.

`now` is an argument (Unix seconds), spread comes from a hash of an id, values are frozen `msgspec.Struct`s. Whatever the
daemon decides (what a connection's state means, when a target is asked again, how fast a source may be asked, what
is counted) is decided here and nowhere else, so that it can be tested by tables and laws, without a socket or a loop.
"""
