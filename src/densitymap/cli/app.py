"""The application: options common to all commands, and the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from densitymap import __version__
from densitymap.cli import build, console, export, fetch, law, look, money, publish, scenario, tracts
from densitymap.cli.pipe import run_quietly
from densitymap.pipeline.workspace import Workspace

FLAGS = ("--json", "--quiet", "-q", "--debug")
VALUED = ("--workspace", "-w")
EPILOG = "Every command also takes --workspace DIR, --json, --quiet and --debug, before or after its name."


class CommonOptions(TyperGroup):
    """A group whose own options may also stand after the command's name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Move the common options in front of the command before anything is parsed."""
        return super().parse_args(ctx, hoisted(args))


def hoisted(args: list[str]) -> list[str]:
    """Put the common options first, wherever they stand before a ``--``.

    Examples
    --------
    >>> hoisted(["build", "--json", "--area", "city", "--workspace", "w"])
    ['--json', '--workspace', 'w', 'build', '--area', 'city']
    """
    front: list[str] = []
    rest: list[str] = []
    queue = list(args)
    while queue:
        word = queue.pop(0)
        if word == "--":
            rest += [word, *queue]
            break
        if word in FLAGS or word.startswith(tuple(f"{name}=" for name in VALUED)):
            front.append(word)
        elif word in VALUED:
            front += [word, *queue[:1]]
            queue = queue[1:]
        else:
            rest.append(word)
    return front + rest


app = typer.Typer(
    cls=CommonOptions,
    name="densitymap",
    help="Where more homes can stand, and where displacement presses, for any block.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"densitymap {__version__}")
        raise typer.Exit


@app.callback()
def common(
    workspace: Annotated[
        Path, typer.Option("--workspace", "-w", help="Folder that holds data/ and maps/.")
    ] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[  # noqa: ARG001 - its callback has answered already
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Read the options that every command takes."""
    console.SETTINGS.workspace = Workspace(workspace)
    console.SETTINGS.as_json = as_json
    console.SETTINGS.quiet = quiet
    console.SETTINGS.debug = debug


for module in (build, fetch, look, law, tracts, money, scenario, publish, export):
    for name, command in module.COMMANDS.items():
        app.command(name, epilog=EPILOG)(console.guarded(command))


def main() -> None:
    """Run the command line."""
    run_quietly(app)
