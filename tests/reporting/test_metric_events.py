import math

from fedmtl.reporting.events import FIELDS
from fedmtl.reporting.metric_events import loss_event, metric_events
from tests.tasks.examples import batch, make


def test_a_loss_is_a_mean_and_nothing_where_nothing_was_labelled():
    event = loss_event(3, "a", "depth", 6.0, 4)
    assert (event["round"], event["client"], event["task"], event["value"]) == (3, "a", "depth", 1.5)
    assert (event["metric"], event["split"], event["primary"], event["higher_is_better"]) == (
        "loss",
        "train",
        True,
        False,
    )
    assert math.isnan(loss_event(3, None, "depth", 0.0, 0)["value"])


def test_of_a_task_s_metrics_one_is_primary_and_says_which_way_is_better():
    task = make("depth")
    statistics = task.statistics(*batch(task, 2))
    events = list(metric_events(2, None, task, "val", statistics))
    assert {event["metric"]: event["value"] for event in events} == task.metrics(statistics)
    assert [event["metric"] for event in events if event["primary"]] == [task.metric]
    assert {event["higher_is_better"] for event in events if not event["primary"]} == {None}
    assert all(event.keys() >= FIELDS["metric"] for event in events)
