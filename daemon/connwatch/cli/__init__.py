"""The command line: arguments in, exit status out (contract.md, *Command line*). Results on stdout; logs and progress on stderr."""

from connwatch.cli.commands import cli


def main() -> None:
    """Run the program with the arguments of the process."""
    cli()


__all__ = ["cli", "main"]
