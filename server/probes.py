"""/healthz, /readyz and /metrics: for Kubernetes and Prometheus, and nothing secret in them."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from fedmtl.deployment.server_status import ServerStatus
from fedmtl.errors import FedmtlError
from server.run_metrics import RunMetrics

logger = logging.getLogger(__name__)

READ_SECONDS = 10.0
"""For a request to arrive."""


class ServerMetrics:
    """What Prometheus is told of the server itself: a collector."""

    def __init__(self, status: Callable[[], ServerStatus]) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """The metrics of now."""
        status = self._status()
        up = GaugeMetricFamily("fedmtl_process_up", "1 for a process that is ready", labels=["process"])
        restarts = CounterMetricFamily(
            "fedmtl_process_restarts", "How often a process was started again", labels=["process"]
        )
        for process in status.processes:
            up.add_metric([process.name], process.ready)
            restarts.add_metric([process.name], process.restarts)
        sites = GaugeMetricFamily(
            "fedmtl_site_connected", "1 for a registered site whose node is online", labels=["site"]
        )
        for site, state in status.sites.items():
            sites.add_metric([site], state == "online")
        yield from (up, restarts, sites)


class Probes:
    """The probe port, served by a thread of its own; a context manager.

    Args:
        status: of the server.
        trouble: why the server is not ready, in one line; empty if it is.
    """

    def __init__(
        self,
        bind: str,
        port: int,
        status: Callable[[], ServerStatus],
        trouble: Callable[[], str],
        runs: RunMetrics,
    ) -> None:
        registry = CollectorRegistry(auto_describe=False)
        # Registering collects once: a run whose log is damaged must not keep the server from starting.
        registry.register(_Undescribed(ServerMetrics(status)))
        registry.register(_Undescribed(runs))

        class Handler(BaseHTTPRequestHandler):
            timeout = READ_SECONDS

            def do_GET(self) -> None:
                match self.path:
                    case "/healthz":
                        self._answer(200, b"alive\n")
                    case "/readyz":
                        why = trouble()
                        self._answer(503 if why else 200, f"{why or 'ready'}\n".encode())
                    case "/metrics":
                        try:
                            self._answer(200, generate_latest(registry), CONTENT_TYPE_LATEST)
                        except FedmtlError as error:
                            self._answer(500, f"{error}\n".encode())
                    case _:
                        self._answer(404, b"/healthz, /readyz and /metrics are here\n")

            def _answer(self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                logger.debug(format, *args)

        kind = _IPv6Server if ":" in bind else ThreadingHTTPServer
        self._server = kind((bind, port), Handler)
        self._thread = Thread(target=self._server.serve_forever, name="probes", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens; useful where 0 was asked for."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Probes:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _IPv6Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6


class _Undescribed:
    """A collector that the registry does not ask before it is asked itself."""

    def __init__(self, collector: ServerMetrics | RunMetrics) -> None:
        self.collect = collector.collect

    def describe(self) -> list[Metric]:
        return []
