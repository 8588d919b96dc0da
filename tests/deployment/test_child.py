"""Processes that come up, do not come up, and go down with what they started."""

import signal
import subprocess
import sys
import time
from functools import partial
from threading import Event

import pytest

from fedmtl.deployment.child import Child, Program
from fedmtl.deployment.readiness import free_port, is_listening, is_serving
from fedmtl.errors import RunError

FOREVER = "import threading; threading.Event().wait(60)"
HEALTHY = f"""
import subprocess, sys
from concurrent.futures import ThreadPoolExecutor
import grpc
child = subprocess.Popen([sys.executable, "-c", {FOREVER!r}])
print(child.pid, flush=True)
method = grpc.unary_unary_rpc_method_handler(lambda request, context: b"\\x08\\x01")
server = grpc.server(ThreadPoolExecutor(1))
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("grpc.health.v1.Health", {{"Check": method}})])
server.add_insecure_port(f"127.0.0.1:{{sys.argv[1]}}")
server.start()
server.wait_for_termination()
"""
PARENT = f"""
import os, sys
from pathlib import Path
from fedmtl.deployment.child import Child, Program
child = Child(Program("child", [sys.executable, "-c", {FOREVER!r}], {{}}, Path(sys.argv[1]), lambda: True))
child.start()
print(child.pid, flush=True)
os.kill(os.getpid(), 9)
"""


def program(folder, code, *arguments, is_ready=lambda: False, **settings):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return Program("it", command, settings.pop("environment", {}), folder / "log", is_ready, **settings)


def is_running(pid):
    """Whether a process exists and has not ended; one that ended but was not waited for has."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip() not in ("", "Z")


def await_end(pid):
    deadline, pause = time.monotonic() + 10, Event()
    while is_running(pid):
        assert time.monotonic() < deadline
        pause.wait(0.05)


def test_a_process_is_ready_when_its_health_service_says_so_and_takes_its_children_with_it(tmp_path):
    port = free_port()
    assert not is_listening(port)
    healthy = program(tmp_path, HEALTHY, port, is_ready=partial(is_serving, port))
    with Child(healthy) as process:
        process.check()
        assert is_listening(port)
        child = int((tmp_path / "log").read_text())
        assert is_running(child)
    await_end(child)


def test_a_process_that_ends_at_once_is_an_error_with_its_code_and_log(tmp_path):
    failing = program(tmp_path, "import sys; print('no room'); sys.exit(3)")
    with pytest.raises(RunError, match=r"it ended with code 3; see .*log"), Child(failing):
        pass
    assert (tmp_path / "log").read_text() == "no room\n"


def test_a_process_that_is_never_ready_is_stopped(tmp_path):
    child = Child(program(tmp_path, FOREVER, ready_seconds=0.3))
    with pytest.raises(RunError, match=r"was not ready within 0\.3 s"), child:
        pass
    assert child.pid is None


def test_a_process_that_ignores_sigterm_is_killed(tmp_path):
    deaf = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True);"
    log = tmp_path / "log"
    ignoring = program(
        tmp_path, deaf + FOREVER, is_ready=lambda: log.exists() and log.stat().st_size > 0, stop_seconds=0.2
    )
    with Child(ignoring) as child:
        pid = child.pid
    await_end(pid)


def test_a_process_ends_with_the_one_that_started_it_however_that_ends(tmp_path):
    """Without the tie, the child of a killed supervisor would keep its ports."""
    if sys.platform != "linux":
        pytest.skip("only Linux tells a process of its parent's death")
    parent = subprocess.run(
        [sys.executable, "-c", PARENT, str(tmp_path / "log")], capture_output=True, text=True, check=False
    )
    assert parent.returncode == -signal.SIGKILL
    await_end(int(parent.stdout))


def test_the_environment_is_added_to_ones_own(tmp_path):
    shows = "import os, sys; print(os.environ['ADDED'], 'PATH' in os.environ); sys.exit(1)"
    with pytest.raises(RunError), Child(program(tmp_path, shows, environment={"ADDED": "x"})):
        pass
    assert (tmp_path / "log").read_text() == "x True\n"
