"""Probes and metrics over HTTP, read as Prometheus reads them."""

import httpx
import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from fedmtl.deployment.asking import ask_for_run
from fedmtl.deployment.readiness import loopback_of
from fedmtl.deployment.run_state import change_run_state
from fedmtl.deployment.server_folder import ServerFolder
from fedmtl.deployment.server_status import ProcessStatus, ServerStatus
from fedmtl.reporting.events import MetricsLog
from server.probes import Probes
from server.run_metrics import RunMetrics
from tests.deployment.kits import make_kit
from tests.federations import tiny
from tests.ipv6 import needs_ipv6

STATUS = ServerStatus(
    pid=1,
    time="",
    processes=(ProcessStatus("superlink", 2, True, 3, ""), ProcessStatus("gateway", None, False, 0, "gone")),
    sites={"north": "online", "south": "offline"},
)


@pytest.fixture
def folder(tmp_path):
    return ServerFolder(make_kit(tmp_path, dev_keys=True)[0].server.path)


@pytest.fixture
def trouble():
    return []


@pytest.fixture
def get(folder, trouble):
    probes = Probes(
        "127.0.0.1", 0, lambda: STATUS, lambda: trouble[0] if trouble else "", RunMetrics(folder.runs)
    )
    with (
        probes,
        httpx.Client(base_url=f"http://127.0.0.1:{probes.port}", trust_env=False) as client,
    ):
        yield client.get


def values(answer):
    """(metric, labels' values in order of their names) → value"""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def a_round(number, up, failed=0):
    traffic = {"seconds": 2.0, "bytes_up": up, "bytes_down": 2 * up}
    return {"event": "round", "round": number, "clients": 2, "failed": failed, **traffic}


def test_it_is_alive_and_ready_unless_something_keeps_it_from_its_work(get, trouble):
    assert (get("/healthz").status_code, get("/readyz").text) == (200, "ready\n")
    trouble.append("the gateway does not listen")
    assert get("/healthz").status_code == 200
    assert (get("/readyz").status_code, get("/readyz").text) == (503, "the gateway does not listen\n")
    assert get("/").status_code == 404


@pytest.mark.parametrize(
    "bind", ["127.0.0.1", "0.0.0.0", *(pytest.param(bind, marks=needs_ipv6) for bind in ("::", "::1"))]
)
def test_it_answers_whatever_address_it_is_given(bind, folder):
    with Probes(bind, 0, lambda: STATUS, str, RunMetrics(folder.runs)) as probes:
        host = f"[{loopback_of(bind)}]" if ":" in bind else loopback_of(bind)
        assert httpx.get(f"http://{host}:{probes.port}/readyz", trust_env=False).text == "ready\n"


def test_metrics_of_the_server(get):
    told = values(get("/metrics"))
    assert (told["fedmtl_process_up", "superlink"], told["fedmtl_process_up", "gateway"]) == (1, 0)
    assert told["fedmtl_process_restarts_total", "superlink"] == 3
    assert (told["fedmtl_site_connected", "north"], told["fedmtl_site_connected", "south"]) == (1, 0)


def test_metrics_of_runs_grow_with_their_logs_and_forget_what_a_resume_undoes(get, folder):
    directory = ask_for_run(folder, tiny())
    assert values(get("/metrics"))["fedmtl_run_state", "tiny", "queued"] == 1
    change_run_state(directory.path, lambda state: replace(state, state="running", submissions=2))
    failure = {"event": "failure", "client": "a", "phase": "train", "error": "no"}
    with MetricsLog(directory.metrics) as log:
        log.append({"event": "finish", "round": 0, "seconds": 0.0, "status": "stopped"})
        log.append(a_round(1, 10))
        log.append({**failure, "round": 2})
        log.append(a_round(2, 30))
        told = values(get("/metrics"))
        assert told["fedmtl_run_state", "tiny", "running"] == 1
        assert (told["fedmtl_run_round", "tiny"], told["fedmtl_run_rounds_planned", "tiny"]) == (2, 3)
        assert (told["fedmtl_run_clients", "tiny"], told["fedmtl_run_submissions_total", "tiny"]) == (2, 2)
        assert (told["fedmtl_bytes_total", "up", "tiny"], told["fedmtl_bytes_total", "down", "tiny"]) == (
            40,
            80,
        )
        assert told["fedmtl_round_seconds_count", "tiny"] == 2
        assert told["fedmtl_round_seconds_sum", "tiny"] == 4
        log.truncate_after(1)
        log.append({"event": "resume", "round": 1})
    told = values(get("/metrics"))
    assert told["fedmtl_bytes_total", "up", "tiny"] == 10
    assert told["fedmtl_failures_total", "train", "tiny"] == 1


def test_a_restarted_server_knows_what_was(folder):
    directory = ask_for_run(folder, tiny())
    with MetricsLog(directory.metrics) as log:
        log.append(a_round(1, 10))
    first, again = (
        [sample for family in RunMetrics(folder.runs).collect() for sample in family.samples]
        for _ in range(2)
    )
    assert first == again
    assert any(sample.name == "fedmtl_bytes_total" and sample.value == 10 for sample in first)


def test_a_damaged_log_is_told_and_the_other_probes_live_on(get, folder):
    directory = ask_for_run(folder, tiny())
    directory.metrics.write_text("{}\n")
    answer = get("/metrics")
    assert answer.status_code == 500
    assert "metrics.jsonl:1" in answer.text
    assert get("/healthz").status_code == 200
