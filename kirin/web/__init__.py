"""What others may ask of a running process over HTTP: callbacks, /healthz and /metrics."""

from kirin.web.gauges import show_engine
from kirin.web.health import Health
from kirin.web.site import Site

__all__ = ["Health", "Site", "show_engine"]
