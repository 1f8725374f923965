"""Where a user's Census API key is found: the environment, a file of settings, or an answer on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from densitymap import params
from densitymap.errors import UsageError
from densitymap.fetch.census_api import Key

SETTING = "census_api_key"
"""Name of the key in the file of settings."""


def settings_file(environ: Mapping[str, str], home: Path) -> Path:
    """Where the file of settings lies: never in a workspace, which is shared.

    Examples
    --------
    >>> settings_file({}, Path("/home/ada")).as_posix()
    '/home/ada/.config/densitymap/config.toml'
    """
    return Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "densitymap" / "config.toml"


def known_key(environ: Mapping[str, str], settings: Path) -> Key | None:
    """Give the key that the environment or the file of settings holds; nobody is asked for it."""
    try:
        return find_key(environ, settings)
    except UsageError:
        return None


def find_key(
    environ: Mapping[str, str], settings: Path, *, prompt: Callable[[str], str] | None = None
) -> Key:
    """Find the key, and keep it nowhere.

    Parameters
    ----------
    environ
        The environment.
    settings
        File of settings, which need not exist.
    prompt
        Asks a person without showing what is typed; None where nobody is at a terminal.

    Raises
    ------
    UsageError
        If there is no key, or what there is cannot be one; never shows it.
    ValidationError
        If the file of settings is no TOML.
    """
    choices = params.load("census", "api")
    variable = choices["key_variable"]
    given = environ.get(variable, "").strip() or _setting(settings)
    if not given and prompt is not None:
        given = _answer(prompt, f"Census API key (free: {choices['key_signup']}): ")
    if not given:
        raise UsageError(
            "The Census API needs a key",
            next_step=f"get one at {choices['key_signup']}; set {variable}, or {SETTING} in {settings}",
        )
    if not given.isalnum():
        raise UsageError(f"The Census API key holds more than letters and digits: check {variable} for slips")
    return Key(given)


def _setting(settings: Path) -> str:
    found = params.read_toml(settings).get(SETTING, "") if settings.is_file() else ""
    return str(found).strip()


def _answer(prompt: Callable[[str], str], question: str) -> str:
    try:
        return prompt(question).strip()
    except EOFError:
        return ""
