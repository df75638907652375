"""What browsers load: the overlay's stage and widgets, the desk, the pages. No build step, no code of others.

`load` reads the folder `static` once, so that a running server always serves the files that belong
together; the build id is a hash of them and part of every address but those of pages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "static"

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_PLACEHOLDER = b"{{build}}"


class UnknownFileType(Exception):
    """A file below `static` has a suffix that no media type is known for; the message names the file."""


@dataclass(frozen=True, slots=True)
class File:
    """One file as it is sent."""

    body: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Assets:
    """All files by their path below `static`. `build` is 16 hexadecimal digits."""

    build: str
    files: Mapping[str, File]

    def page(self, path: str) -> File:
        """A file in which `{{build}}` is replaced by the build id. Raises KeyError."""
        file = self.files[path]
        return File(file.body.replace(_PLACEHOLDER, self.build.encode()), file.media_type)


def load(folder: Path = FOLDER) -> Assets:
    """Read the folder. Raises UnknownFileType."""
    files: dict[str, File] = {}
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or any(part.startswith(".") for part in Path(name).parts):
            continue
        media_type = _MEDIA_TYPES.get(path.suffix)
        if media_type is None:
            raise UnknownFileType(f"{name}: no media type is known for {path.suffix or 'no suffix'}")
        body = path.read_bytes()
        files[name] = File(body, media_type)
        for part in (name.encode(), body):
            digest.update(len(part).to_bytes(8) + part)
    return Assets(digest.hexdigest()[:16], files)


@cache
def assets() -> Assets:
    """The files of this program, read once."""
    return load()
