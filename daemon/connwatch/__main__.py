"""The entry of the program: `connwatch`, or `python -m connwatch`."""

from connwatch.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
