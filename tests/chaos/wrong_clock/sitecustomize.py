"""Python reads this at its start when its folder is on PYTHONPATH: the wall clock of the process is wrong.

By CLOCK_OFF_S seconds, as a machine's is whose time nobody keeps; monotonic clocks stay right, as they do
there. `datetime.now` is a method of a C type and is replaced inside that type, so that every module, and
every class that checks for the type, goes on with the same one.
"""

from __future__ import annotations

import ctypes
import datetime
import gc
import os
import time
from typing import Any

_OFF_S = float(os.environ["CLOCK_OFF_S"])
_time, _time_ns, _now = time.time, time.time_ns, datetime.datetime.now


def _wrong_now(cls: type[datetime.datetime], tz: datetime.tzinfo | None = None) -> datetime.datetime:
    return _now(tz) + datetime.timedelta(seconds=_OFF_S)


time.time = lambda: _time() + _OFF_S
time.time_ns = lambda: _time_ns() + int(_OFF_S * 1_000_000_000)
_members: Any = gc.get_referents(datetime.datetime.__dict__)[0]
_members["now"] = classmethod(_wrong_now)
ctypes.pythonapi.PyType_Modified(ctypes.py_object(datetime.datetime))
