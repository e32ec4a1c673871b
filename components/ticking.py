"""How something that answers only when it has ended shows meanwhile that it is still at work."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def ticking(say: Callable[[int], None], every_s: float) -> Iterator[None]:
    """Call `say`, from a thread, with the whole seconds gone, every `every_s` until the block ends.

    It is never called again once the block has ended.
    """
    over = threading.Event()

    def tick() -> None:
        number = 1
        while not over.wait(every_s):
            say(round(number * every_s))
            number += 1

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
