"""An outbound proxy as sites have it: CONNECT, then bytes both ways; on the way out the line can be stopped."""

import socket
from contextlib import contextmanager, suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Condition, Thread

from fedmtl.deployment.readiness import HOST


class Line:
    """What has gone out through a proxy, and how much more may."""

    def __init__(self):
        self._changed = Condition()
        self._left = None
        self.held = 0
        """Bytes that wait here."""

    def stop_after(self, count):
        """Let `count` bytes more through, over all connections; None lets everything through."""
        with self._changed:
            self._left = count
            self._changed.notify_all()

    def take(self, count):
        """Wait until `count` bytes may go."""
        with self._changed:
            self.held += count
            self._changed.wait_for(lambda: self._left is None or self._left > 0)
            self.held -= count
            if self._left is not None:
                self._left -= count


class Tunnel(StreamRequestHandler):
    """One CONNECT: what it was for is noted, and answered with a connection to loopback."""

    def handle(self):
        method, target, _ = self.rfile.readline().decode().split()
        while self.rfile.readline().strip():
            pass
        self.server.asked.add((method, target))
        with suppress(ConnectionRefusedError), socket.create_connection((HOST, port_of(target))) as beyond:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = Thread(target=pump, args=(beyond, self.connection))
            back.start()
            pump(self.connection, beyond, self.server.line.take)
            back.join()


def port_of(target):
    return int(target.rpartition(":")[2])


def pump(source, sink, before=lambda count: None):
    """Pass everything on; `before` is told of bytes before they go."""
    with suppress(OSError):
        while data := source.recv(2**16):
            before(len(data))
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def proxy():
    """A proxy on a port of its own; `asked` is what for, and `line` the way out."""
    with ThreadingTCPServer((HOST, 0), Tunnel) as server:
        server.daemon_threads = True
        server.asked, server.line = set(), Line()
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.line.stop_after(None)
            server.shutdown()
            thread.join()
