"""Where a fault of ours happened, for the log: places only, since a message could quote a body."""

from __future__ import annotations

import traceback
from pathlib import PurePath
from typing import Final

_INNERMOST: Final = 4


def place(fault: BaseException) -> str:
    """The innermost places of a fault, the last one first: `step.py:42 in step`."""
    frames = traceback.extract_tb(fault.__traceback__)[-_INNERMOST:]
    return ", ".join(f"{PurePath(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in reversed(frames))
