"""The command line: thin; every verb asks the pipeline and prints."""

from densitymap.cli.app import main

__all__ = ["main"]
