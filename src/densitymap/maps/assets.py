"""Third-party files for the page: found in an installed package, checked, never committed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from importlib import metadata
from importlib.resources import files
from pathlib import Path

from densitymap import params
from densitymap.errors import MissingDataError, ValidationError

_URL = re.compile(r"url\(\s*[\"']?([^\"')]+)[\"']?\s*\)")


def own(name: str) -> str:
    """Text of one of our own files under ``maps/assets``."""
    return (files("densitymap.maps") / "assets" / name).read_text(encoding="utf-8")


def leaflet() -> Mapping[str, str]:
    """Leaflet's ``css`` (without its icons) and ``js``, each checked against its SHA-256.

    Raises
    ------
    MissingDataError
        If the package is not installed.
    ValidationError
        If a file is not the one that was pinned.
    """
    record = params.load("assets", "leaflet")
    found = _package_files(record["distribution"])
    texts = {}
    for kind, pin in record["files"].items():
        path = found.get(pin["path"])
        if path is None:
            raise MissingDataError(
                f"{record['distribution']} holds no {pin['path']}",
                next_step=f"pip install {record['distribution']}=={record['version']}",
            )
        texts[kind] = _checked(path, pin["sha256"]).decode("utf-8")
    texts["css"] = _drop_urls(texts["css"])
    texts["js"] = re.sub(r"^//# sourceMappingURL=.*$", "", texts["js"], flags=re.MULTILINE)
    return texts


def _package_files(distribution: str) -> Mapping[str, Path]:
    try:
        listed = metadata.files(distribution) or []
    except metadata.PackageNotFoundError as fault:
        raise MissingDataError(
            f"The package {distribution} is not installed", next_step=f"pip install {distribution}"
        ) from fault
    return {str(path): Path(str(path.locate())) for path in listed}


def _checked(path: Path, sha256: str) -> bytes:
    data = path.read_bytes()
    actual = hashlib.sha256(data).hexdigest()
    if actual != sha256:
        raise ValidationError(
            f"{path.name} is not the file that was pinned (SHA-256 {actual}, pinned {sha256})",
            next_step="reinstall the package, or review the new file and pin it in catalog/assets",
        )
    return data


def _drop_urls(css: str) -> str:
    """Empty each file a style sheet names (icons of controls this page does not use)."""
    return _URL.sub(lambda match: match[0] if match[1].startswith(("data:", "#")) else "url(data:,)", css)
