"""Whole federations in one process: what goes wrong costs the client its round, and nothing else."""

import numpy as np
import pytest

from clients.app import app as client_app
from fedmtl.errors import ConfigError, RunError
from fedmtl.reporting.events import MetricsLog
from fedmtl.run_directory import RunDirectory
from fedmtl.scenario import load_scenario
from server.control import FlowerRun
from server.outcome import Verdict, judge
from server.rounds import run_rounds
from server.strategy import GroupStrategy
from simulations.inprocess import InProcessGrid, run_inprocess
from tests.federations import (
    CLIENTS,
    Wire,
    client_of,
    create,
    events_of,
    is_train,
    kind_of,
    models_of,
    payload_of,
    reply_with,
    run_on,
    story_of,
    vectors_of,
)
from tests.server.hostile import LIES, Liar, array, update
from tests.spectral import write_spectral

LIAR = Liar()
SHORT = (
    f"rounds={LIAR.rounds}",
    "data.sources.rooms.train=2",
    "data.sources.rooms.val=1",
    "federation.round_timeout=0.5",
)


def leaving_out(client, rounds, folder, *overrides):
    """The run in which `client` was not sampled in `rounds`."""
    sample = GroupStrategy._sample
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            GroupStrategy,
            "_sample",
            lambda self, number: [
                name for name in sample(self, number) if name != client or number not in rounds
            ],
        )
        directory = create(folder, *overrides)
        run_inprocess(directory)
    return directory


@pytest.fixture(scope="module")
def lied_to(tmp_path_factory):
    directory = create(tmp_path_factory.mktemp("lied") / "run", *SHORT)
    return run_on(Wire(directory, LIAR), directory)


@pytest.fixture(scope="module")
def without_the_liar(tmp_path_factory):
    folder = tmp_path_factory.mktemp("without") / "run"
    return leaving_out("b", range(2, LIAR.rounds), folder, *SHORT)


@pytest.mark.parametrize("lie", LIES)
def test_a_bad_reply_costs_its_client_the_round_and_is_named_in_the_log(lie, lied_to, without_the_liar):
    number, words = LIAR.round_of(lie), LIES[lie][1]
    (failure,) = events_of(lied_to, "failure", round=number)
    assert failure["client"] == "b"
    assert failure["phase"] == "train"
    assert words in failure["error"]
    assert failure["error"].startswith("b ")
    assert [event["client"] for event in events_of(lied_to, "train", round=number)] == ["a", "c"]
    (summary,) = events_of(lied_to, "round", round=number)
    assert (summary["clients"], summary["failed"]) == (2, 1)

    def metrics(directory):
        return [
            event for event in story_of(directory) if event["event"] == "metric" and event["round"] == number
        ]

    assert metrics(lied_to) == metrics(without_the_liar)
    assert {event["client"] for event in metrics(lied_to)} == {None, *CLIENTS}


def test_after_all_those_lies_every_bit_is_as_if_the_client_had_not_been_asked(lied_to, without_the_liar):
    assert models_of(lied_to) == models_of(without_the_liar)
    assert len(events_of(lied_to, "failure")) == len(LIES)
    assert {e["client"] for e in events_of(lied_to, "train", round=LIAR.rounds)} == set(CLIENTS)


def test_the_log_tells_the_whole_run_in_order(straight):
    events = events_of(straight)
    start, *rest, finish = events
    assert (start["event"], finish["event"], finish["status"]) == ("start", "finish", "finished")
    assert (start["rounds"], start["method"], start["engine"]) == (3, "fedavg", "inprocess")
    assert start["clients"]["c"] == {"tasks": ["depth", "room_type"], "train_images": 4, "val_images": 2}
    assert [task["name"] for task in start["tasks"]] == ["depth", "room_type", "semseg"]
    tasks = {"a": ["depth", "semseg"], "b": ["semseg"], "c": ["depth", "room_type"]}
    for number in (1, 2, 3):
        in_round = [event for event in rest if event["round"] == number]
        expected = []
        for client in CLIENTS:
            expected += [("train", client), *(("loss", client, task) for task in tasks[client])]
        for client in CLIENTS:
            expected += [("evaluate", client), *(("val", client, task) for task in tasks[client])]
        expected += [("val", None, "depth"), ("val", None, "room_type"), ("val", None, "semseg")]
        expected += [("round",), ("checkpoint",)]
        assert list(dict.fromkeys(map(summary, in_round))) == expected
        counts = next(event for event in in_round if event["event"] == "round")
        traffic = events_of(straight, "train", "evaluate", round=number)
        assert counts["bytes_up"] == sum(event["bytes_up"] for event in traffic) > 0
        assert counts["bytes_down"] == sum(event["bytes_down"] for event in traffic) > 0
        assert all(event["images"] == 4 and event["steps"] == 2 for event in traffic if "steps" in event)
    assert [event["round"] for event in rest] == sorted(event["round"] for event in rest)
    assert straight.checkpoints.rounds() == [2, 3]


def summary(event):
    """An event by kind, client and task."""
    if event["event"] == "metric":
        return "loss" if event["split"] == "train" else "val", event["client"], event["task"]
    return tuple(event[key] for key in ("event", "client") if key in event)


def test_the_pooled_metric_is_of_all_images_together(straight):
    """Both images of each of two clients: root mean squares over equally many pixels pool by hand."""
    values = {
        event["client"]: event["value"]
        for event in events_of(straight, "metric", round=3, task="room_type", split="val", metric="accuracy")
    }
    assert values[None] == values["c"]
    scores = {
        event["client"]: event["value"]
        for event in events_of(straight, "metric", round=3, task="depth", split="val", metric="rmse")
    }
    low, high = sorted([scores["a"], scores["c"]])
    assert low <= scores[None] <= high


def test_a_saved_config_repeats_the_run_bit_for_bit(tmp_path, straight):
    repeated = RunDirectory.create(tmp_path / "run", load_scenario(straight.path / "config.yaml"))
    run_inprocess(repeated)
    assert models_of(repeated) == models_of(straight)
    assert story_of(repeated) == story_of(straight)


def test_another_seed_gives_other_bits(tmp_path, straight):
    other = create(tmp_path / "run", "seed=1", "rounds=1")
    run_inprocess(other)
    assert models_of(other)["groups"] != models_of(straight)["groups"]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_client_that_raises_or_dies_in_a_round_does_not_run_ahead(moment, tmp_path, without_b_in_round_2):
    """Dying after training, it has saved a state that the server never heard of."""

    def app(message, context):
        dies = kind_of(message) == "train" and is_train(message, "b", 2)
        if dies and moment == "before":
            raise MemoryError("no room")
        reply = client_app(message, context)
        if dies:
            raise RuntimeError("the plug is out")
        return reply

    directory = create(tmp_path / "run")
    run_on(Wire(directory, app=app), directory)
    (failure,) = events_of(directory, "failure")
    assert (failure["client"], failure["round"], failure["phase"]) == ("b", 2, "train")
    assert {"before": "MemoryError: no room", "after": "RuntimeError: the plug is out"}[moment] in failure[
        "error"
    ]
    assert models_of(directory) == models_of(without_b_in_round_2)


@pytest.fixture(scope="module")
def without_b_in_round_2(tmp_path_factory):
    return leaving_out("b", [2], tmp_path_factory.mktemp("two") / "run")


def test_a_client_that_missed_a_round_changes_the_result(straight, without_b_in_round_2):
    """Or else the tests above would compare equal things."""
    assert models_of(straight)["groups"] != models_of(without_b_in_round_2)["groups"]


def statistics(change):
    """Alters the statistics in a reply's vectors."""

    def alter(vectors):
        doubles = np.frombuffer(vectors["val/semseg"].data, np.float64).copy()
        vectors["val/semseg"] = array(change(doubles))

    return alter


BAD_STATISTICS = {
    "a NaN": (statistics(lambda v: np.full_like(v, np.nan)), "not finite"),
    "another length": (statistics(lambda v: v[:-1]), "has shape"),
    "another dtype": (statistics(lambda v: v.astype(np.float32)), "has dtype float32"),
    "none": (lambda v: v.clear(), "sends statistics of [] where it was asked for ['val/semseg']"),
    "another task's": (
        lambda v: v.update({"val/depth": v.pop("val/semseg")}),
        "sends statistics of ['val/depth']",
    ),
    "another split's": (
        lambda v: v.update({"test/semseg": v["val/semseg"]}),
        "sends statistics of ['test/semseg', 'val/semseg']",
    ),
}


def test_a_bad_evaluation_is_left_out_and_named(tmp_path):
    def alter(asked, reply):
        if kind_of(asked) != "evaluate" or client_of(asked) != "b":
            return reply
        place = payload_of(asked)["round"] - 1
        if place == len(BAD_STATISTICS):
            return reply_with(asked, payload_of(reply) | {"client": "c"}, vectors_of(reply))
        return update(list(BAD_STATISTICS.values())[place][0])(asked, reply)

    rounds = len(BAD_STATISTICS) + 1
    directory = create(
        tmp_path / "run", f"rounds={rounds}", "data.sources.rooms.train=2", "data.sources.rooms.val=1"
    )
    run_on(Wire(directory, alter), directory)
    failures = events_of(directory, "failure")
    assert [(e["round"], e["client"], e["phase"]) for e in failures] == [
        (number, "b", "evaluate") for number in range(1, rounds + 1)
    ]
    for failure, (_, words) in zip(failures, BAD_STATISTICS.values(), strict=False):
        assert words in failure["error"]
    assert "answers as 'c'" in failures[-1]["error"]
    values = events_of(directory, "metric", split="val", task="semseg")
    assert {event["client"] for event in values} == {None, "a"}
    by = {(e["client"], e["round"], e["metric"]): e["value"] for e in values}
    assert all(by["a", number, metric] == value for (_, number, metric), value in by.items())
    assert {e["client"] for e in events_of(directory, "train", round=rounds)} == set(CLIENTS)


def test_a_loss_that_is_not_finite_stops_its_client_and_names_the_batch(tmp_path):
    folder = write_spectral(tmp_path / "field", bright={"plot/1": 1e37})
    directory = create(
        tmp_path / "run",
        "rounds=1",
        f"data.sources.field={{kind: folder, path: {folder}}}",
        "data.partition.kind=iid",
        "clients.a.sites=[]",
        "clients.b={source: field, tasks: [crop]}",
        "clients.c.sites=[]",
    )
    run_inprocess(directory)
    (failure,) = events_of(directory, "failure")
    assert failure["client"] == "b"
    assert "the loss of 'crop' is not finite for the batch of images" in failure["error"]
    assert "plot/1" in failure["error"]
    assert [event["client"] for event in events_of(directory, "train")] == ["a", "c"]
    assert events_of(directory)[-1]["status"] == "finished"


@pytest.mark.parametrize(
    ("overrides", "clients"),
    [([], CLIENTS), (["federation.min_clients=2"], ("a", "c"))],
    ids=["all must join", "two suffice"],
)
def test_broken_data_is_refused_before_anything_trains(overrides, clients, tmp_path):
    folder = write_spectral(tmp_path / "field")
    broken = folder / "images" / "plot" / "2.npy"
    broken.write_bytes(b"not an array")
    directory = create(
        tmp_path / "run",
        "rounds=1",
        f"data.sources.field={{kind: folder, path: {folder}}}",
        "data.partition.kind=iid",
        "clients.a.sites=[]",
        "clients.b={source: field, tasks: [crop]}",
        "clients.c.sites=[]",
        *overrides,
    )
    if overrides:
        run_inprocess(directory)
        assert [event["client"] for event in events_of(directory, "train")] == ["a", "c"]
    else:
        with pytest.raises(RunError, match=r"only 2 of 3 clients joined: .*plot/2\.npy"):
            run_inprocess(directory)
        assert not events_of(directory, "train", "start")
        assert not directory.checkpoints.rounds()
    (failure,) = events_of(directory, "failure")
    assert failure["phase"] == "describe"
    assert str(broken) in failure["error"]


def no_such_plan(directory):
    config = directory.path / "config.yaml"
    config.write_text(config.read_text().replace("name: fedavg", "name: fedamp"))


def no_such_setting(directory):
    with (directory.path / "config.yaml").open("a") as config:
        config.write("roundz: 3\n")


def damaged_checkpoint(directory):
    directory.checkpoints.path(1).write_bytes(b"not a checkpoint")


def damaged_ledger(directory):
    directory.privacy_ledger.write_text("{}\n")


@pytest.mark.parametrize(
    ("damage", "began", "error", "words"),
    [
        (no_such_plan, False, ConfigError, "'fedamp' needs every client's own update"),
        (no_such_setting, False, ConfigError, "roundz"),
        (damaged_ledger, False, RunError, "privacy.jsonl is damaged"),
        (damaged_checkpoint, True, RunError, "round-000001.safetensors"),
        (no_such_plan, True, ConfigError, "'fedamp' needs every client's own update"),
    ],
)
def test_what_is_wrong_before_the_first_round_is_the_runs_failure(damage, began, error, words, tmp_path):
    """Or a deployment, which reads that in the log, would take the run for lost and submit it again and again."""
    sums = "privacy={secure_sums: true, largest_weight: 16}"
    directory = create(tmp_path / "run", "rounds=1", "federation.evaluate_every=0", sums)
    if began:
        run_inprocess(directory)
    damage(directory)
    before = events_of(directory) if began else []
    directory = RunDirectory.open(directory.path)
    with pytest.raises(error, match=words), MetricsLog(directory.metrics) as log:
        run_rounds(InProcessGrid(client_app, 3, {}), directory, log, "inprocess")
    *earlier, finish = events_of(directory)
    assert earlier == before
    assert (finish["status"], finish["kind"], finish["round"]) == ("failed", error.__name__, int(began))
    outcome = judge(directory.metrics, finish["time"], FlowerRun(True, False, "it ended with code 1"))
    assert (outcome.verdict, outcome.why) == (Verdict.failed, finish["error"])
