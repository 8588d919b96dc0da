import pytest

from fedmtl.reporting.curve import CurveKey
from fedmtl.reporting.events import read_events
from fedmtl.reporting.history import History, RoundInfo, Work
from tests.reporting import synthetic


def test_start_describes_the_run(history):
    assert (history.name, history.method, history.engine) == ("three-worlds", "fedavg", "inprocess")
    assert list(history.clients) == list(synthetic.CLIENTS)
    assert history.clients["room-0"].tasks == ("depth", "normals")
    assert history.tasks["semseg"].classes == ("a", "b")
    assert (history.total_rounds, history.last_round, history.status) == (20, 20, "finished")


def test_curves_have_every_round_that_was_evaluated(history):
    metric, curve = history.primary("street-2", "semseg")
    assert metric == "mIoU"
    assert [point.round for point in curve.points] == [r for r in range(1, 20) if r != 7]
    assert curve.final.round == 19


def test_null_metric_is_no_point(history):
    curve = history.curves["room-1"][CurveKey("depth", "rmse", "val")]
    assert curve.values[3] is None
    assert 3 not in [point.round for point in curve.points]


def test_primary_is_never_a_loss_or_a_secondary_metric(history):
    assert history.primary("room-0", "depth")[0] == "rmse"
    assert history.primary(None, "depth")[0] == "rmse"
    assert history.primary("room-0", "semseg") is None


def test_work_is_summed_over_rounds(history):
    train, evaluate = history.work("street-2")
    assert train.images == 18 * 48
    assert evaluate == Work(18 * 24, pytest.approx(18 * 0.4), 18 * 9_000, 18 * 4_300_000)
    assert history.work("nobody") == (Work(), Work())
    assert evaluate.bytes == 18 * 4_309_000


def test_failures_and_rounds(history):
    assert [(failure.round, failure.client) for failure in history.failures] == [
        (7, "street-2"),
        (20, "street-2"),
    ]
    assert (history.rounds[7].clients, history.rounds[7].failed) == (7, 1)
    assert history.seconds == pytest.approx(sum(info.seconds for info in history.rounds.values()))


def test_resume_gives_the_history_of_a_run_that_never_stopped(log_path, history):
    events = read_events(log_path)
    cut = next(i for i, event in enumerate(events) if event["round"] == 9)
    overrun = next(i for i, event in enumerate(events) if event["round"] == 12)
    resume = {"event": "resume", "round": 8, "time": events[cut]["time"]}
    assert History.of([*events[:overrun], resume, *events[cut:]]) == history


def test_told_again_from_its_start_it_is_the_same(log_path, history):
    events = read_events(log_path)
    assert History.of([*events, *events]) == history


def test_resume_runs_again(log_path):
    events = read_events(log_path)
    history = History.of([*events, {"event": "resume", "round": 20, "time": ""}])
    assert history.status == "running"


def test_failure_to_describe_survives_the_start():
    failure = {
        "event": "failure",
        "round": 0,
        "client": "late",
        "phase": "describe",
        "error": "no",
        "time": "",
    }
    history = History.of([failure, {**synthetic.start(), "time": ""}])
    assert [failed.client for failed in history.failures] == ["late"]


def test_client_that_joins_late_is_seen():
    work = {"images": 1, "steps": 1, "seconds": 1.0, "bytes_up": 1, "bytes_down": 1}
    train = {"event": "train", "round": 3, "client": "late", **work, "time": ""}
    history = History.of([{**synthetic.start(), "time": ""}, train])
    assert history.clients["late"].train_images is None
    assert history.work("late")[0].images == 1


def test_units_follow_the_kind(history):
    assert history.unit("depth", "rmse") == "m"
    assert history.unit("unknown", "rmse") == ""


def test_round_info(history):
    info = history.rounds[20]
    assert info == RoundInfo(7, 1, info.seconds, 8 * 4_100_000, 8 * 4_300_000)


def test_failures_in_rounds_that_were_undone_are_remembered():
    failure = {"event": "failure", "round": 3, "client": "a", "phase": "train", "error": "no", "time": ""}
    begun = {**synthetic.start(), "time": ""}
    assert len(History.of([begun, failure, {"event": "resume", "round": 2, "time": ""}]).failures) == 1
    assert len(History.of([begun, failure, begun]).failures) == 1
