"""Run as ``python -m densitymap``."""

from densitymap.cli import main

main()
