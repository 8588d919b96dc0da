"""A run in which clients were missing, and its replay: the same bits, from the log alone."""

import pytest
from flwr.app import Error, Message

from fedmtl.cli import main
from fedmtl.errors import RunError
from fedmtl.run_directory import RunDirectory
from fedmtl.scenario import to_yaml
from simulations.replay import recorded_participation, replay
from tests.federations import Wire, create, events_of, is_train, models_of, run_on, tiny

ABSENT = {("a", 2), ("c", 1), ("c", 3)}


def unplugged(asked, reply):
    """Trained, but cut off before the answer arrived: the client is one round ahead of what counts."""
    if any(is_train(asked, client, number) for client, number in ABSENT):
        return Message(Error(1000, "is unplugged"), reply_to=asked)
    return reply


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    directory = create(tmp_path_factory.mktemp("recorded") / "run", "method.name=fedbn")
    return run_on(Wire(directory, unplugged), directory)


def test_who_took_part_is_in_the_log(recorded):
    assert recorded_participation(recorded.metrics) == {1: {"a", "b"}, 2: {"b", "c"}, 3: {"a", "b"}}


def test_a_replay_ends_with_the_same_bits(recorded, straight, tmp_path):
    again = create(tmp_path / "again", "method.name=fedbn")
    replay(again, recorded)
    assert models_of(again) == models_of(recorded)
    assert models_of(again)["groups"] != models_of(straight)["groups"]
    assert recorded_participation(again.metrics) == recorded_participation(recorded.metrics)
    missing = {(event["client"], event["round"]) for event in events_of(again, "failure")}
    assert missing == ABSENT


def test_by_command(recorded, tmp_path):
    scenario = tmp_path / "tiny.yaml"
    scenario.write_text(to_yaml(tiny("method.name=fedbn")))
    with pytest.raises(SystemExit) as exit_:
        main(["run", str(scenario), "--replay", str(recorded.path), "--out", str(tmp_path / "run")])
    assert exit_.value.code in (0, None)
    assert models_of(RunDirectory.open(tmp_path / "run")) == models_of(recorded)


def test_another_engine_cannot_replay(recorded, tmp_path, capsys):
    scenario = tmp_path / "tiny.yaml"
    scenario.write_text(to_yaml(tiny()))
    with pytest.raises(SystemExit):
        main(["run", str(scenario), "--replay", str(recorded.path), "--engine", "ray"])
    assert "--replay runs in this process" in capsys.readouterr().err


def test_a_client_that_the_scenario_lacks_is_named(recorded, tmp_path):
    fewer = create(tmp_path / "fewer", "method.name=fedbn")
    del fewer.scenario.clients["b"]
    with pytest.raises(RunError, match="'b' took part in the recorded run"):
        replay(fewer, recorded)
