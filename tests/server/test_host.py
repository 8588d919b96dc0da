"""The server of a kit as a process with its own: what it refuses, and what it survives. No site takes part."""

import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from flwr.cli.build import build_fab_from_files
from flwr.common.serde import fab_to_proto
from flwr.proto.control_pb2 import StartRunRequest
from flwr.proto.runtime_pb2 import AcquireTaskRequest
from flwr.supercore.constant import TaskType
from flwr.supercore.fab import Fab
from flwr.supercore.interceptors import SuperExecAuthHttpInterceptor
from flwr.supercore.primitives.asymmetric import public_key_to_bytes
from flwr.supercore.protobuf.constants import PROTOBUF_MEDIA_TYPE
from flwr.supercore.runtime import RuntimeHttpClient

from fedmtl.cli import main
from fedmtl.deployment.asking import ask_for_run, ask_to_stop
from fedmtl.deployment.readiness import HOST, free_port
from fedmtl.deployment.registered import Registered
from fedmtl.deployment.run_state import read_run_state
from fedmtl.deployment.server_folder import ServerFolder
from fedmtl.deployment.server_status import read_status
from fedmtl.locking import is_held
from server.control import Control, pem_of
from server.loopback import Loopback
from tests.deployment.kits import make_kit
from tests.federations import events_of, tiny
from tests.waiting import until

pytestmark = pytest.mark.deployment

COMMAND = [sys.executable, "-c", "from fedmtl.cli import main; main()", "deploy", "server"]
FOREIGN_APP = {
    "pyproject.toml": b"""
[project]
name = "foreign"
version = "1.0.0"
license = "Apache-2.0"
dependencies = []
[tool.flwr.app]
publisher = "nobody"
[tool.flwr.app.components]
serverapp = "app:app"
clientapp = "app:app"
[tool.flwr.app.config]
""",
    "app.py": b"raise SystemExit(3)\n",
}
STOP_SECONDS = 20.0


class Running:
    """A server that runs, and SuperLink's control API as whoever is on its machine has it."""

    def __init__(self, folder, process):
        self.folder, self.process = folder, process
        server = folder.federation.server
        self.address, self.port = f"{HOST}:{server.superlink_port}", server.port
        self.probes = f"http://{HOST}:{server.probe_port}"
        self.ca = Loopback(folder.state).certificate.read_bytes()
        self.control = Control(self.address, self.ca)

    def program(self, name):
        """What the status says of one of the server's programs."""
        status = read_status(self.folder)
        return next(each for each in status.processes if each.name == name)

    def node(self, public_key):
        return next((node.status for node in self.control.nodes() if node.public_key == public_key), None)


def ready(url):
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def starting(path, *tracer):
    """A server of two sites whose start is over, `tracer` before its command line."""
    ports = {key: free_port() for key in ("port", "superlink_port", "health_port", "probe_port")}
    address = ", ".join(f"{key}: {port}" for key, port in ports.items())
    text = f"name: n\nserver: {{host: localhost, bind: 127.0.0.1, {address}}}\nsites: {{a: {{}}, b: {{}}}}\n"
    kit, _ = make_kit(path, text, datetime.now(UTC), dev_keys=True)
    folder = ServerFolder(kit.server.path)
    with (folder.path / "out.log").open("wb") as log:
        process = subprocess.Popen([*tracer, *COMMAND, str(folder.path)], stdout=log, stderr=log)
    try:
        until(lambda: ready(f"http://{HOST}:{ports['probe_port']}/readyz"), 120)
        server = Running(folder, process)
        yield server
        server.control.close()
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with starting(tmp_path_factory.mktemp("kit")) as server:
        yield server


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_nothing_phones_home(tmp_path):
    """By the kernel's word: the gateway's event loop connects where Python has no hook."""
    told = tmp_path / "connections"
    with starting(tmp_path, "strace", "-f", "-qq", "-e", "trace=connect", "-o", str(told)) as server:
        run = ask_for_run(server.folder, tiny("federation.round_timeout=1"), "waiting")
        trust = ssl.create_default_context(cafile=server.folder.ca)
        with httpx.Client(verify=trust, trust_env=False) as client:
            client.post(f"https://localhost:{server.port}/v1/fleet/pull-messages", content=b"")
        until(lambda: read_run_state(run.path).error, 180)
        server.control.close()
        os.kill(read_status(server.folder).pid, signal.SIGTERM)
        assert server.process.wait(STOP_SECONDS) == 0
    connections = set(re.findall(r'connect\(.*htons\((\d+)\).*?"([0-9a-f.:]+)"', told.read_text()))
    assert {host.removeprefix("::ffff:") for _, host in connections} == {HOST}  # gRPC writes it as IPv6
    address = server.folder.federation.server
    assert {str(address.superlink_port), str(address.health_port)} <= {port for port, _ in connections}


def test_a_ready_server_has_its_sites_registered_and_its_secrets_to_itself(running):
    assert set(until(lambda: read_status(running.folder).sites)) == {"a", "b"}
    assert running.folder.state.stat().st_mode & 0o777 == 0o700
    for name in ("loopback.key", "superexec.secret"):
        assert (running.folder.state / name).stat().st_mode & 0o777 == 0o600


def test_a_second_server_on_the_folder_is_refused(running, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["deploy", "server", str(running.folder.path)])
    assert exit_.value.code == 1
    said = " ".join(capsys.readouterr().err.split())
    assert f"in use by process {running.process.pid}: it is the server already" in said


def test_from_outside_there_is_no_control_and_no_runtime_api(running):
    trust = ssl.create_default_context(cafile=running.folder.ca)
    with httpx.Client(base_url=f"https://localhost:{running.port}", verify=trust, trust_env=False) as client:
        protobuf = {"content-type": PROTOBUF_MEDIA_TYPE}
        answer = client.post("/v1/fleet/pull-messages", content=b"", headers=protobuf)
        assert answer.status_code == 401, answer.text  # SuperLink's own answer
        for path in ("/v1/control/list-nodes", "/v1/runtime/acquire-task", "/health"):
            assert client.post(path, content=b"").status_code == 404


@pytest.mark.parametrize("secret", [None, b"guessed"])
def test_a_foreign_process_at_the_runtime_api_gets_no_task(secret, running):
    methods = frozenset({"/flwr.proto.Runtime/AcquireTask"})
    guess = [SuperExecAuthHttpInterceptor(master_secret=secret, protected_methods=methods)] if secret else []
    with (
        RuntimeHttpClient.from_server_address(
            server_address=running.address, insecure=False, root_certificates=running.ca, interceptors=guess
        ) as client,
        pytest.raises(httpx.HTTPStatusError, match="401"),
    ):
        client.AcquireTask(AcquireTaskRequest(supported_task_types=[TaskType.SERVER_APP]))


def test_a_foreign_app_is_not_executed(running):
    content = build_fab_from_files(FOREIGN_APP)[0]
    request = StartRunRequest(fab=fab_to_proto(Fab("", content, {})))
    number = running.control._client.StartRun(request).run_id
    until(lambda: running.control.run(number).finished)
    assert running.control.run(number).details == "refused: its app is not the one that fedmtl ships"


def test_a_run_that_the_keeper_did_not_submit_is_not_executed(running, tmp_path):
    number = running.control.start({"run-dir": str(tmp_path), "engine": "deployment"})
    until(lambda: running.control.run(number).finished)
    assert running.control.run(number).details == "refused: the keeper did not submit it"
    assert not list(tmp_path.iterdir())


def test_a_node_that_the_kit_does_not_know_and_one_that_is_revoked_are_cut_off(running):
    foreign = public_key_to_bytes(generate_private_key(SECP384R1()).public_key())
    running.control.register("mine", foreign)
    until(lambda: running.node(foreign) == "unregistered")
    registered = Registered.load(running.folder.sites)
    registered.revoke("b").save(running.folder.sites)
    until(lambda: running.node(pem_of(registered.sites["b"].node_key)) == "unregistered")
    assert running.node(pem_of(registered.sites["a"].node_key)) == "registered"


def test_a_run_waits_for_sites_and_survives_superlink(running):
    """Nobody types anything after SuperLink is killed."""
    directory = ask_for_run(running.folder, tiny("federation.round_timeout=1"), "waiting")
    state = until(lambda: state if (state := read_run_state(directory.path)).error else None, 120)
    assert (state.state, state.submissions) == ("running", 1)
    assert state.error == "0 of 1 clients joined within 1 s"
    (finish,) = events_of(directory, "finish")
    assert (finish["status"], finish["kind"]) == ("failed", "TooFewClientsError")
    os.kill(running.program("superlink").pid, signal.SIGKILL)
    until(lambda: running.program("superlink").restarts == 1 and running.program("executor").ready)
    until(lambda: read_run_state(directory.path).submissions > 1)
    assert not read_run_state(directory.path).over
    ask_to_stop(running.folder, "waiting")
    until(lambda: read_run_state(directory.path).state == "stopped")


def test_sigterm_ends_everything_in_time_and_leaves_the_run_to_be_begun_again(running):
    directory = ask_for_run(running.folder, tiny(), "interrupted")
    until(lambda: is_held(directory.lock_file), 120)
    pids = [each.pid for each in read_status(running.folder).processes]
    running.control.close()
    running.process.terminate()
    assert running.process.wait(STOP_SECONDS) == 0
    assert read_status(running.folder) is None
    assert (read_run_state(directory.path).state, read_run_state(directory.path).error) == ("queued", "")
    assert not is_held(directory.lock_file)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
