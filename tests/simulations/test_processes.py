"""Server processes that come up, do not come up, and go down with what they started."""

import subprocess
import sys
import time

import pytest

from fedmtl.errors import RunError
from simulations import processes
from simulations.processes import ServerProcess, free_port

HEALTHY = """
import subprocess, sys
from concurrent.futures import ThreadPoolExecutor
import grpc
child = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait(60)"])
print(child.pid, flush=True)
method = grpc.unary_unary_rpc_method_handler(lambda request, context: b"\\x08\\x01")
server = grpc.server(ThreadPoolExecutor(1))
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": method})])
server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
server.start()
server.wait_for_termination()
"""


def command(code, *arguments):
    return [sys.executable, "-c", code, *map(str, arguments)]


def is_running(pid):
    """Whether a process exists and has not ended; one that ended but was not waited for has."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip() not in ("", "Z")


def test_a_process_is_ready_when_its_health_service_says_so_and_takes_its_children_with_it(tmp_path):
    port = free_port()
    with ServerProcess(command(HEALTHY, port), {}, tmp_path / "log", port) as process:
        process.check()
        child = int((tmp_path / "log").read_text())
        assert is_running(child)
    deadline = time.monotonic() + 10
    while is_running(child):
        assert time.monotonic() < deadline


def test_a_process_that_ends_at_once_is_an_error_with_its_code_and_log(tmp_path):
    failing = command("import sys; print('no room'); sys.exit(3)")
    with (
        pytest.raises(RunError, match=r"ended with code 3; see .*log"),
        ServerProcess(failing, {}, tmp_path / "log", free_port()),
    ):
        pass
    assert (tmp_path / "log").read_text() == "no room\n"


def test_a_process_that_is_never_ready_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "READY_SECONDS", 0.5)
    silent = command("import threading; threading.Event().wait(60)")
    with (
        pytest.raises(RunError, match=r"was not ready within 0\.5 s"),
        ServerProcess(silent, {}, tmp_path / "log", free_port()),
    ):
        pass


def test_the_environment_is_added_to_ones_own(tmp_path):
    shows = command("import os, sys; print(os.environ['ADDED'], 'PATH' in os.environ); sys.exit(1)")
    with pytest.raises(RunError), ServerProcess(shows, {"ADDED": "x"}, tmp_path / "log", free_port()):
        pass
    assert (tmp_path / "log").read_text() == "x True\n"
