"""Becomes another program that cannot outlive Hubbub. Run as a script, never imported by the server.

`python -I -S launcher.py start PARENT SIGNAL UID GID CAPABILITY PIPE FOLDER -- PROGRAM ARGUMENT…`
gives up root (UID and GID, `-` = keep), binds its life to the process PARENT, goes to FOLDER and
executes PROGRAM. The process id stays the same, so the server is a direct child of Hubbub.

A script of its own rather than a `preexec_fn`: Python code between fork and exec may deadlock when
the parent has threads (and warns from Python 3.12 on); a fresh interpreter without site-packages
costs about 15 ms and has no such limit. Only os, sys, signal and ctypes are imported for that reason.

`python -I -S launcher.py watch` is the replacement for Linux's parent-death signal on macOS: it holds
the reading end of a pipe whose writing end only Hubbub has, and when Hubbub is gone (end of file) it
sends every announced process its signal. Lines on the pipe: `PID SIGNAL`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

#: Exit status when the program could not be started; the reason is on stderr.
FAILED = 97

CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
#: Needed to hand one of the above on to a program.
CAP_SETPCAP = 8

_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_LINUX_CAPABILITY_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    """`struct __user_cap_header_struct` of linux/capability.h."""

    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    """`struct __user_cap_data_struct`; version 3 takes two of them (64 capabilities)."""

    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _prctl(option: int, *arguments: int) -> None:
    padded = (*arguments, 0, 0, 0, 0)[:4]
    _checked(_libc().prctl(option, *(ctypes.c_ulong(a) for a in padded)), f"prctl {option}")


def _become(uid: int, gid: int, capability: int | None) -> None:
    """Give up root; keep at most one capability, and keep it through exec (ambient set).

    Order matters: groups first (only root may), the secure bit before the user changes, inheritable
    before ambient (the kernel asks for both). NO_SETUID_FIXUP does two things: the change of user does
    not empty the permitted set, and `access()` counts the capability; without it PostgreSQL's own
    "can I read my binary" check says no although every open would succeed.
    """
    os.setgroups([])
    os.setgid(gid)
    if capability is not None:
        _prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
    os.setuid(uid)
    if capability is not None:
        bit = 1 << capability
        data = (_Data * 2)(_Data(bit, bit, bit), _Data(0, 0, 0))
        _checked(_libc().capset(ctypes.byref(_Header(_LINUX_CAPABILITY_VERSION_3, 0)), data), "capset")
        _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)


def _die_with(parent: int, number: int, pipe: int | None) -> None:
    """Bind this process's life to the parent's; a change of user clears the death signal, so come last."""
    if pipe is not None:
        os.write(pipe, f"{os.getpid()} {number}\n".encode())
        os.close(pipe)
    elif sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        raise ProcessLookupError("Hubbub ended while it was starting this server")


def start(arguments: list[str]) -> None:
    """Never returns: executes the program, or raises OSError."""
    parent, number, uid, gid, capability, pipe, folder, _dashes, *command = arguments
    if uid != "-":
        _become(int(uid), int(gid), None if capability == "-" else int(capability))
    _die_with(int(parent), int(number), None if pipe == "-" else int(pipe))
    os.chdir(folder)
    os.umask(0o077)
    os.execv(command[0], command)  # noqa: S606  (no shell, on purpose)


def watch() -> None:
    """Wait for the end of the pipe on stdin, then signal what was announced on it."""
    announced = [line.split() for line in sys.stdin]
    for pid, number in announced:
        try:
            os.kill(int(pid), int(number))
        except ProcessLookupError:
            continue


def main() -> int:
    """Entry point of the script."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    if sys.argv[1:2] == ["watch"]:
        watch()
        return 0
    try:
        start(sys.argv[2:])
    except OSError as error:
        program = sys.argv[sys.argv.index("--") + 1]
        print(f"FATAL:  cannot start {program}: {error}", file=sys.stderr)
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
