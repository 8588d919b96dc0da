import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from fedmtl.reporting.events import read_events
from fedmtl.reporting.tensorboard import TensorBoardListener


def _scalars(logdir) -> EventAccumulator:
    return EventAccumulator(str(logdir), size_guidance={"scalars": 0}).Reload()


def test_scalars_by_client_task_and_metric(log_path, history, tmp_path):
    with TensorBoardListener(tmp_path / "tb") as listener:
        for event in read_events(log_path):
            listener(event)
    scalars = _scalars(tmp_path / "tb")
    tags = set(scalars.Tags()["scalars"])
    assert {
        "street-0/semseg/mIoU",
        "street-0/semseg/train_loss",
        "pooled/depth/rmse",
        "round/bytes_up",
    } <= tags
    written = [(scalar.step, scalar.value) for scalar in scalars.Scalars("street-2/semseg/mIoU")]
    points = history.primary("street-2", "semseg")[1].points
    assert written == [(point.round, pytest.approx(point.value)) for point in points]


def test_null_is_no_scalar(log_path, tmp_path):
    with TensorBoardListener(tmp_path / "tb") as listener:
        for event in read_events(log_path):
            listener(event)
    steps = [scalar.step for scalar in _scalars(tmp_path / "tb").Scalars("room-1/depth/rmse")]
    assert steps == [1, 2, *range(4, 21)]


def test_resume_hides_later_rounds(log_path, tmp_path):
    rounds = [event for event in read_events(log_path) if event["event"] == "round"]
    with TensorBoardListener(tmp_path / "tb") as listener:
        for event in rounds[:5]:
            listener(event)
    with TensorBoardListener(tmp_path / "tb") as listener:
        listener({"event": "resume", "round": 3, "time": ""})
        listener({**rounds[3], "seconds": 99.0})
    written = [(scalar.step, scalar.value) for scalar in _scalars(tmp_path / "tb").Scalars("round/seconds")]
    assert written[3:] == [(4, 99.0)]
    assert [step for step, _ in written] == [1, 2, 3, 4]


def test_nothing_is_made_before_the_first_event(tmp_path):
    TensorBoardListener(tmp_path / "tb").close()
    assert not (tmp_path / "tb").exists()
