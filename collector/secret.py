"""A secret: where it is, never what it is.

Constraints. It comes from a file or the environment, is read when it is used, and prints as `***`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from collector.errors import DavylampError
from detectors.document import Table


class SecretAbsent(DavylampError):
    """A secret is not where the site file says."""


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A text that is not shown. It is read at each `reveal`, so a changed file needs no restart."""

    file: Path | None = None
    env: str | None = None

    def __repr__(self) -> str:
        return "***"

    def reveal(self) -> str:
        """The secret itself. Raises SecretAbsent that says where it was looked for."""
        if self.env is not None:
            if not os.environ.get(self.env):
                raise SecretAbsent(f"the environment variable {self.env} is not set: set it")
            return os.environ[self.env]
        try:
            lines = (self.file or Path()).read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise SecretAbsent(f"{self.file} cannot be read ({error}): write the secret into its first line") from None
        if not lines or not lines[0].strip():
            raise SecretAbsent(f"{self.file} is empty: write the secret into its first line")
        return lines[0].strip()


def read_secret(table: Table, name: str, folder: Path) -> Secret | None:
    """The secret that `NAME_file` or `NAME_env` of a table names; a file is looked for from `folder` on."""
    file, env = table.text(f"{name}_file", ""), table.text(f"{name}_env", "")
    if file and env:
        table.wrong((f"{name}_env",), f"{name}_file and {name}_env", "one of them")
    if file:
        return Secret(file=folder / file)
    return Secret(env=env) if env else None
