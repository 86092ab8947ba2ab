"""What happened in one run, with its times, for whoever has to understand a failing seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable


class Story:
    """Notes in the order of events; texts are made only if somebody reads them."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._notes: list[tuple[float, str, str, tuple[object, ...]]] = []
        self.counts: Counter[str] = Counter()
        self.boundaries: Counter[str] = Counter()

    def note(self, who: str, text: str, *values: object) -> None:
        """Note an event; `text` is a %-format."""
        self._notes.append((self._now(), who, text, values))

    def fault(self, who: str, text: str, *values: object) -> None:
        """Note something that the plan has made go wrong."""
        self.counts["faults"] += 1
        self.note(who, "FAULT " + text, *values)

    def crash(self, who: str, where: str) -> None:
        """Note the death of a process, and at which boundary it died."""
        self.counts["crashes"] += 1
        self.boundaries[where] += 1
        self.note(who, "CRASH at %s", where)

    def lines(self) -> list[str]:
        """Return everything, readable."""
        return [
            f"{seconds:9.3f}  {who:<9} {text % values if values else text}"
            for seconds, who, text, values in self._notes
        ]
