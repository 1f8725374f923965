"""densitymap: where more homes can stand, and where displacement presses, for any block."""

__version__ = "0.1.0"
