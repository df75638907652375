"""Finds a Chromium for the browser tests: CHROME_BIN, PATH, Playwright's own, else (as root) installs one.

As a script it prints the path on stdout, and exits with 1 when there is none. Everything else it says
goes to stderr, so that `CHROME_BIN="$(python tools/find_chromium.py)"` works.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

#: The shell comes first: the same engine without windows, menus and tabs, for half of the processor.
NAMES = (
    *("chromium-headless-shell", "chromium", "chromium-browser"),
    *("google-chrome-stable", "google-chrome", "chrome", "brave-browser"),
)
MAC_APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)

#: One row a package manager: the program it is known by, and the commands that install a Chromium. Of Debian
#: and its relatives only some have the shell as a package of its own; what comes behind it is for the others.
INSTALLERS = {
    "apt-get": (
        ("apt-get", "update", "-q"),
        ("apt-get", "install", "-qy", "chromium-headless-shell"),
        ("apt-get", "install", "-qy", "chromium"),
    ),
    "dnf": (("dnf", "install", "-qy", "chromium"),),
    "pacman": (("pacman", "-Sy", "--noconfirm", "chromium"),),
    "zypper": (("zypper", "--non-interactive", "install", "chromium"),),
}


def answers(path: str) -> bool:
    """Does it start and name its version? Ubuntu's `chromium-browser` may be a mere hint to snap."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def find() -> str | None:
    """The first that starts, without installing anything."""
    candidates = [os.environ.get("CHROME_BIN", "")]
    candidates += [shutil.which(name) or "" for name in NAMES]
    candidates += MAC_APPLICATIONS
    candidates += [str(path) for path in _playwrights_own()]
    return next((path for path in candidates if path and Path(path).is_file() and answers(path)), None)


def _playwrights_own() -> list[Path]:
    """Browsers that `playwright install` has put into its cache, newest first."""
    chosen = os.environ.get("PLAYWRIGHT_BROWSERS_PATH", "")
    homes = [Path(chosen)] if chosen else []
    homes += [Path.home() / ".cache/ms-playwright", Path.home() / "Library/Caches/ms-playwright"]
    shapes = ("chrome-*/chrome", "chrome-mac*/*.app/Contents/MacOS/*", "chrome-headless-shell-*/*shell")
    found = [path for home in homes for shape in shapes for path in home.glob(f"chromium*/{shape}")]
    return sorted(found, reverse=True)


def install() -> None:
    """Install one by Playwright, or by the system's package manager when we are root."""
    commands: list[tuple[str, ...]] = []
    if os.geteuid() == 0:
        commands += next((todo for tool, todo in INSTALLERS.items() if shutil.which(tool)), ())
    else:
        commands.append((sys.executable, "-m", "playwright", "install", "chromium"))
    for command in commands:
        if find() is not None:
            return
        print(f"find_chromium: {' '.join(command)}", file=sys.stderr)
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(command, stdout=sys.stderr, env=environment, check=False)  # noqa: S603
        if done.returncode:
            print(f"find_chromium: that ended with status {done.returncode}", file=sys.stderr)


def main() -> int:
    """Print the path of a Chromium, installed if need be."""
    path = find()
    if path is None:
        install()
        path = find()
    if path is None:
        print("find_chromium: no Chromium here; install one, or set CHROME_BIN to one.", file=sys.stderr)
        return 1
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
