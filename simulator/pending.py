"""The faults that wait for a call to strike."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from simulator.catalogue import FAULTS
from simulator.faults import Fault, Moment

DEFAULT_SECONDS = 2.0


@dataclass(slots=True, kw_only=True)
class PendingFault:
    """A fault armed for the next `left` calls (None: for all), of any text or of one."""

    fault: Fault
    left: int | None
    containing: str | None
    seconds: float

    def strikes(self, moment: Moment, texts: Iterable[str]) -> bool:
        """Tell whether this is a call it waits for."""
        if self.fault.moment is not moment or self.left == 0:
            return False
        return self.containing is None or any(self.containing in text for text in texts)


class PendingFaults:
    """Armed faults, in the order they were armed; the first that fits a call is used up by it."""

    def __init__(self) -> None:
        self._pending: list[PendingFault] = []

    def __iter__(self) -> Iterator[PendingFault]:
        return iter(self._pending)

    def arm(
        self,
        name: str,
        *,
        count: int | None = 1,
        containing: str | None = None,
        seconds: float = DEFAULT_SECONDS,
    ) -> None:
        """Arm a fault of the catalogue; raises `ValueError` for what cannot be armed."""
        if name not in FAULTS:
            raise ValueError(f"unknown fault: {name}")
        if count is not None and count < 1:
            raise ValueError("count must be at least 1")
        if not seconds >= 0:
            raise ValueError("seconds must not be negative")
        self._pending.append(
            PendingFault(fault=FAULTS[name], left=count, containing=containing, seconds=seconds)
        )

    def take(self, moment: Moment, texts: Iterable[str]) -> PendingFault | None:
        """Use up one strike of the first fault that fits, if there is one."""
        texts = tuple(texts)
        for pending in self._pending:
            if pending.strikes(moment, texts):
                self._use_up(pending)
                return pending
        return None

    def clear(self) -> None:
        """Disarm everything."""
        self._pending.clear()

    def _use_up(self, pending: PendingFault) -> None:
        if pending.left is not None:
            pending.left -= 1
        if pending.left == 0:
            self._pending.remove(pending)
