"""Run the command line in a process of its own, as a person does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


def densitymap(*args: object, cwd: Path | None = None) -> Ran:
    done = subprocess.run(
        [sys.executable, "-m", "densitymap", *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "100"},
    )
    return Ran(done.returncode, done.stdout, done.stderr)
