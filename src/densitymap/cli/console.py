"""What a command may print: one JSON document on stdout, all else on stderr."""

from __future__ import annotations

import functools
import json
import math
import re
import sys
import textwrap
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from densitymap.cli.pipe import READER_GONE, silence
from densitymap.errors import DensitymapError, UsageError
from densitymap.pipeline.workspace import Workspace

INTERRUPTED = 130
_COMMANDING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Signs a terminal obeys instead of showing (colours, bells, turns of direction), and halves of signs."""


@dataclass(slots=True)
class Settings:
    """Options every command takes, before or after its name."""

    workspace: Workspace = field(default_factory=lambda: Workspace(Path()))
    as_json: bool = False
    quiet: bool = False
    debug: bool = False

    @property
    def console(self) -> Console:
        """Where words for a person go."""
        return Console(stderr=True, quiet=self.quiet, highlight=False)

    def say(self, text: str) -> None:
        """Tell the person something; data text is never read as markup, nor obeyed by the terminal."""
        console = self.console
        told = wrapped(shown(text), console.width) if console.is_terminal else shown(text)
        console.print(told, markup=False, soft_wrap=True)

    def answer(self, document: Any) -> None:
        """Print the one JSON document of the run, if it was asked for."""
        if self.as_json:
            text = json.dumps(_plain(document), indent=1, ensure_ascii=False, default=str)
            sys.stdout.write(shown(text) + "\n")

    @contextmanager
    def progress(self, title: str) -> Iterator[Callable[..., None]]:
        """Give a function that moves a bar on a terminal, and does nothing off one."""
        console = self.console
        if not console.is_terminal or self.quiet:
            yield lambda *_: None
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task(title, total=None)

            def move(step: str | int, total: int | None = None) -> None:
                if isinstance(step, int):
                    bar.update(task, completed=step, total=total)
                else:
                    bar.update(task, description=step)

            yield move


SETTINGS = Settings()
"""Set once per run, before a command starts."""


def shown(text: str) -> str:
    """Write signs a terminal would obey as JSON does, so that they are seen and do nothing.

    Examples
    --------
    >>> print(shown("red: \\x1b[31m"))
    red: \\u001b[31m
    """
    return _COMMANDING.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text)


def wrapped(text: str, width: int) -> str:
    """Break lines between words, under one another; a word that is too long, as a path, stays whole.

    Examples
    --------
    >>> print(wrapped("  D, direct: 19 homes in ten years", 20))
      D, direct: 19
        homes in ten
        years
    """
    return "\n".join(_wrapped_line(line, width) for line in text.split("\n"))


def _wrapped_line(line: str, width: int) -> str:
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.fill(
        line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def pair(named: tuple[str, str]) -> tuple[str, str]:
    """Give the two scenarios of ``--compare`` back.

    Raises
    ------
    UsageError
        If the second is an option that stands where it should be.
    """
    if named[1].startswith("-"):
        raise UsageError(
            f"--compare takes two scenarios, and {named[0]} stands alone",
            next_step=f"for instance --compare no-change {named[0]}",
        )
    return named


def _plain(value: Any) -> Any:
    """JSON has no "not a number" and no infinity: unknown is null, no limit is said."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "no limit"
    return value


def guarded(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn what a command raises into one clear message and the right exit code."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.showwarning = _show_warning
                return command(*args, **kwargs)
        except DensitymapError as fault:
            _report(str(fault), fault.exit_code, fault.next_step)
            raise typer.Exit(fault.exit_code) from fault
        except KeyboardInterrupt as fault:
            _report("Interrupted; what was there before is whole.", INTERRUPTED, "run the command again")
            raise typer.Exit(INTERRUPTED) from fault
        except BrokenPipeError as fault:
            silence()
            raise typer.Exit(READER_GONE) from fault
        except (typer.Exit, typer.Abort):
            raise
        except Exception as fault:
            what = f"A bug in densitymap: {type(fault).__name__}: {fault}"
            _report(what, 1, "run it again with --debug and report what it prints")
            raise typer.Exit(1) from fault

    return run


def _report(message: str, code: int, next_step: str | None) -> None:
    if SETTINGS.debug:
        traceback.print_exc()
    Console(stderr=True, highlight=False).print(shown(f"Error: {message}"), markup=False, soft_wrap=True)
    SETTINGS.answer({"error": {"message": message, "exit_code": code, "next": next_step}})


def _show_warning(message: Any, category: type[Warning], *_: Any, **__: Any) -> None:
    if SETTINGS.debug or not issubclass(category, (DeprecationWarning, FutureWarning, RuntimeWarning)):
        SETTINGS.say(f"Note: {message}")
