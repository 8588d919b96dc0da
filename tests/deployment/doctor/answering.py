"""A server of any kind for the doctor to look at: real sockets and TLS on loopback."""

import socket
import ssl
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from fedmtl.deployment.authority import Authority
from fedmtl.deployment.readiness import HOST


def certified(folder, host="localhost", now=None):
    """(certificate, private key, ca) of a server called `host`."""
    now = now or datetime.now(UTC)
    authority, _ = Authority.open(folder / "ca", "trial", now)
    authority.server_certificate(folder / "server.crt", folder / "server.key", host, now)
    return folder / "server.crt", folder / "server.key", folder / "ca" / "ca.crt"


@contextmanager
def answering(paths, tls=None, ahead=0.0):
    """A web server on loopback; gives its port.

    Args:
        paths: path → (status, body) of POST; everything else is 404.
        tls: (certificate, private key); None: plain HTTP.
        ahead: seconds by which its clock is ahead.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers.get("content-length", 0)))
            status, body = paths.get(self.path, (404, b""))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def date_time_string(self, timestamp=None):
            return format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request, address):
            pass  # who looks may hang up

    server = Server((HOST, 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def tunnelling(port):
    """An outbound proxy that leads everybody to `port` of loopback; gives its port, and whom it was asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self):
            asked.append(self.path)
            with socket.create_connection((HOST, port)) as server:
                self.send_response(200)
                self.end_headers()
                back = Thread(target=_pump, args=(server, self.connection))
                back.start()
                _pump(self.connection, server)
                back.join()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _pump(source, sink):
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def statuses(findings):
    return [(finding.check, finding.status) for finding in findings]
