"""A time in which the provider answers nobody: every call is in vain."""

from collections.abc import Callable

from simulator.replies import Reply

ANSWER = Reply(status=503, body=b"<html>down for maintenance</html>", content_type="text/html")


class Outage:
    """Begins when told to and ends by itself; what is done meanwhile goes on, only unseen."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._ends_at = 0.0

    @property
    def is_on(self) -> bool:
        """Say whether calls are in vain at this moment."""
        return self._now() < self._ends_at

    def begin(self, seconds: float) -> None:
        """Answer nobody for so many seconds from now; 0 ends one that is under way."""
        self._ends_at = self._now() + seconds
