"""What can go wrong, told once and clearly.

Every error carries the exit code of the command line (see ``EXIT_CODES``), and says what,
where (file, row, field), why, and the next step.
"""

from __future__ import annotations

from collections.abc import Iterable

EXIT_CODES = {
    0: "ok",
    1: "a bug in densitymap",
    2: "wrong usage",
    3: "data missing or stale",
    4: "network",
    5: "validation: the input was read and refused",
    130: "interrupted",
}
"""Meaning of each exit code of the command line."""


class DensitymapError(Exception):
    """Base of every error densitymap raises on purpose."""

    exit_code = 1

    def __init__(self, message: str, *, next_step: str | None = None) -> None:
        super().__init__(message)
        self.next_step = next_step

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}\n  Next: {self.next_step}" if self.next_step else message


class UsageError(DensitymapError):
    """The request itself is wrong: an unknown name, an impossible combination."""

    exit_code = 2


class MissingDataError(DensitymapError):
    """A file, a layer or an earlier stage is not there, or is stale."""

    exit_code = 3


class NetworkError(DensitymapError):
    """A server did not answer, or answered something that cannot be trusted."""

    exit_code = 4


class ValidationError(DensitymapError):
    """The input was read and refused; all its faults are told at once."""

    exit_code = 5

    def __init__(self, message: str, *, faults: Iterable[str] = (), next_step: str | None = None) -> None:
        self.faults = tuple(faults)
        lines = "".join(f"\n  {fault}" for fault in self.faults)
        super().__init__(message + lines, next_step=next_step)


class CRSError(ValidationError):
    """Coordinates are in another reference system than the one asked for."""


class DensitymapWarning(UserWarning):
    """Something a reader must know, though the work could go on."""
