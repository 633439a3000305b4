"""How fast and how small it is, line by line of performance.md. Law of this folder: a floor does what it says, no less and no more.

`make bench` measures everything, `make bench-quick` proves that the measuring works. Each benchmark's docstring says what
its floor does and what its subject does.
"""
