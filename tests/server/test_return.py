"""A client that comes back with other tasks, or with another kind of input."""

from dataclasses import replace

import numpy as np
import pytest
from flwr.app import Context, Error, Message, RecordDict

from clients import app as client_module
from fedmtl.checkpoints import Progress, load_checkpoint
from fedmtl.loading import load
from fedmtl.run_directory import RunDirectory
from fedmtl.scenario import to_yaml
from tests.federations import Wire, create, events_of, kind_of, payload_of, run_on, tiny
from tests.spectral import write_spectral

SMALL = ("federation.min_clients=2", "data.sources.rooms.train=2", "data.sources.rooms.val=1")
NODE = 9
"""Where the client is after it came back."""


class Returning(Wire):
    """A grid in which c restarts between rounds 2 and 3, on another node and with another scenario of its own."""

    def __init__(self, directory, *overrides):
        super().__init__(directory)
        self.directory = directory
        path = directory.path / "c.yaml"
        path.write_text(to_yaml(tiny(*SMALL, *overrides)))
        state = directory.checkpoints.folder / "clients"
        node_config = {"client": "c", "scenario": str(path), "state": str(state)}
        self.later = Context(self.run.run_id, NODE, node_config, RecordDict(), {})

    def restart(self, event):
        if (event["event"], event["round"]) == ("checkpoint", 2):
            del self._contexts[4]
            self._contexts[NODE] = self.later
            client_module._participants.clear()  # a SuperNode starts a process for each message

    def go(self):
        return run_on(self, self.directory, [self.restart])


def progress_of(directory):
    return load_checkpoint(directory.checkpoints)[0].clients["c"]


@pytest.mark.parametrize(
    "tasks",
    [("depth", "room_type", "semseg"), ("depth",), ("edge", "semseg")],
    ids=["more", "fewer", "others"],
)
def test_its_new_tasks_are_trained_and_kept_in_the_state(tasks, tmp_path):
    directory = create(tmp_path / "run", *SMALL)
    grid = Returning(directory, f"clients.c.tasks=[{','.join(tasks)}]")
    grid.go()
    assert not events_of(directory, "failure")
    measured = events_of(directory, "metric", round=3, client="c", split="val")
    assert {event["task"] for event in measured} == set(tasks)
    progress = progress_of(directory)
    assert (progress.tasks, progress.accepted) == (tasks, 3)
    assert tuple(load(directory.path, "c").tasks) == tasks
    (instruction,) = (
        payload_of(asked)
        for asked, _ in grid.carried
        if asked.metadata.dst_node_id == NODE and kind_of(asked) == "train"
    )
    assert (instruction["round"], instruction["accepted"]) == (3, 2)


def test_until_a_round_is_accepted_the_state_is_of_the_tasks_that_it_had(tmp_path):
    """Or else the checkpoint would name tasks that the client's private state knows nothing of."""
    directory = create(tmp_path / "run", *SMALL)
    grid = Returning(directory, "clients.c.tasks=[depth,semseg]")

    def alter(asked, reply):
        if asked.metadata.dst_node_id == NODE and kind_of(asked) == "train":
            return Message(Error(1000, "has no power"), reply_to=asked)
        return reply

    grid.alter = alter
    grid.go()
    assert progress_of(directory) == Progress(
        ("depth", "room_type"), 3, accepted=2, durable=2, domain="rooms"
    )
    assert tuple(load(directory.path, "c").tasks) == ("depth", "room_type")


def test_a_client_that_was_never_accepted_is_as_it_last_described_itself(tmp_path):
    directory = create(tmp_path / "run", *SMALL)
    grid = Returning(directory, "clients.c.tasks=[depth,semseg]")

    def alter(asked, reply):
        if asked.metadata.dst_node_id in (4, NODE) and kind_of(asked) == "train":
            return Message(Error(1000, "has no power"), reply_to=asked)
        return reply

    grid.alter = alter
    grid.go()
    assert progress_of(directory) == Progress(("depth", "semseg"), 3, domain="rooms")


@pytest.fixture
def on_a_field(tmp_path):
    """Overrides by which c has images of five channels."""
    return (
        f"data.sources.field={{kind: folder, path: {write_spectral(tmp_path / 'field')}}}",
        "data.partition.kind=iid",
        "clients.a.sites=[]",
        "clients.b.sites=[]",
        "clients.c={source: field, tasks: [crop], sites: []}",
    )


def test_its_new_kind_of_input_is_trained_and_kept_in_the_state(on_a_field, tmp_path):
    directory = create(tmp_path / "run", *SMALL)
    Returning(directory, *on_a_field).go()
    assert not events_of(directory, "failure")
    assert progress_of(directory) == Progress(("crop",), 5, accepted=3, durable=3, domain="field")
    assert load(directory.path, "c").channels == 5


def test_a_resume_keeps_the_stem_of_a_kind_of_input_that_nobody_has_today(on_a_field, tmp_path):
    directory = create(tmp_path / "run", *SMALL, *on_a_field)
    Returning(directory).go()
    assert progress_of(directory).channels == 3
    _, before = load_checkpoint(directory.checkpoints)
    stem = {name for name in before if name.startswith("stem/5:")}
    assert stem
    longer = RunDirectory(directory.path)
    (longer.path / "config.yaml").write_text(to_yaml(replace(directory.scenario, rounds=4)))
    grid = Wire(longer)
    del grid._contexts[4]
    run_on(grid, longer)
    header, after = load_checkpoint(longer.checkpoints)
    assert header.round == 4
    for name in stem:
        np.testing.assert_array_equal(after[name], before[name], strict=True)
