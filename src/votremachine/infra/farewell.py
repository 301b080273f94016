"""Hearing that this process is to end while requests still run.

The server waits for them before it ends the application's lifespan, so what only ends when it is told to must be told
by the signal itself.
"""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def on_farewell(leave: Callable[[], None]) -> Iterator[None]:
    """Within the block, SIGTERM also calls `leave` on the running event loop.

    Only beside somebody who handles the signal already: by default it ends the process, and must go on doing so.
    """
    before = signal.getsignal(signal.SIGTERM)
    if not callable(before):
        yield
        return
    loop, handle = asyncio.get_running_loop(), before

    def both(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(leave)
        handle(number, frame)

    signal.signal(signal.SIGTERM, both)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGTERM) is both:
            signal.signal(signal.SIGTERM, before)
