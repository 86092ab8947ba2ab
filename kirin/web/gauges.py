"""Numbers that the engine knows, read when somebody asks for them."""

from __future__ import annotations

from kirin.metrics import Metrics
from kirin.stages import Engine


def show_engine(metrics: Metrics, engine: Engine) -> None:
    """Show how the engine of this process stands with the provider."""
    gate = engine.gate
    metrics.gauge(
        "provider_held_back",
        "1 while no calls are made because none was answered.",
        lambda: float(gate.is_open),
    )
    metrics.gauge(
        "requests_available",
        "Calls to the provider that the budget allows at this moment.",
        lambda: max(gate.budget.tokens, 0.0),
    )
