"""The three engines, for real: Ray, and a SuperLink with SuperNodes, as processes on loopback."""

import pytest

from fedmtl.errors import RunError
from fedmtl.reporting.events import read_events
from simulations.engines import Engine, run
from simulations.flower import superlink
from tests.federations import create, models_of, story_of

# The last round is evaluated whatever is set; every message to a SuperNode starts a process that imports torch.
# Every kind of group is there: shared, private, and shared with a copy of the client's own.
METHOD = "method={name: ditto, private: [norm]}"
TWO_ROUNDS = ("rounds=2", METHOD, "federation.evaluate_every=0")


@pytest.fixture(scope="module")
def in_process(tmp_path_factory):
    directory = create(tmp_path_factory.mktemp("inprocess") / "run", *TWO_ROUNDS)
    run(directory, Engine.inprocess)
    return directory


@pytest.mark.parametrize(
    "engine", [Engine.ray, pytest.param(Engine.deployment, marks=pytest.mark.deployment)]
)
def test_an_engine_gives_the_bits_of_the_run_in_process(engine, in_process, tmp_path):
    if engine is Engine.ray:
        pytest.importorskip("ray", reason="needs the extra 'ray'")
    heard = []
    directory = create(tmp_path / "run", *TWO_ROUNDS)
    run(directory, engine, [heard.append])
    assert models_of(directory) == models_of(in_process)
    # The start event names the engine.
    assert story_of(directory, without=["start"]) == story_of(in_process, without=["start"])
    assert heard == read_events(directory.metrics)


def test_a_run_that_fails_on_flower_says_why_and_where_the_log_is(tmp_path):
    directory = create(tmp_path / "run", "federation.round_timeout=1")
    with (
        superlink(directory, simulation=False) as link,
        pytest.raises(RunError, match=r"0 of 3 clients joined within 1 s.*run\.log"),
    ):
        link.execute(directory, "deployment")
    assert (directory.path / "flower" / "run.log").stat().st_size > 0
