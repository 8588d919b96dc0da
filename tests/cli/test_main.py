"""Every failure is one sentence on stderr and exit code 1, with a traceback only on demand."""

import errno
import os
import re

import pytest

from fedmtl import __version__
from fedmtl.cli import main
from fedmtl.errors import ConfigError
from tests.federations import create


def test_version(fedmtl):
    assert fedmtl("--version") == (0, f"{__version__}\n", "")


@pytest.mark.parametrize(
    "words",
    [
        *([], ["run"], ["resume"], ["scenarios"], ["evaluate"], ["predict"], ["report"], ["export"]),
        *(["compare"], ["benchmark"], ["data"], ["data", "check"], ["data", "make"]),
    ],
    ids=" ".join,
)
def test_every_command_explains_itself(fedmtl, words):
    code, out, err = fedmtl(*words, "--help")
    assert (code, err) == (0, "")
    assert "Usage: fedmtl" in out


@pytest.mark.parametrize(
    "words", [["trian"], ["run", "--engine", "gpu", "x"], ["evaluate"], ["run", "x", "--cols"]]
)
def test_a_wrong_command_line_is_told(fedmtl, words):
    code, _, err = fedmtl(*words)
    assert code == 2
    assert "Traceback" not in err


WRONG = [
    (["run", "roms"], "there is no scenario 'roms'; did you mean 'rooms'?"),
    (["run", "other.yaml"], "there is no scenario file other.yaml"),
    (["run", "SCENARIO", "rouns=1"], "override 'rouns=1': unknown key 'rouns'; did you mean 'rounds'?"),
    (["run", "SCENARIO", "rounds=0"], "SCENARIO with rounds=0: rounds must be at least 1, not 0"),
    (["run", "SCENARIO", "method.name=fedavgg"], "unknown method 'fedavgg': did you mean 'fedavg'?"),
    (["run", "SCENARIO", "method.mu=1"], "method.mu: method 'fedavg' has no such option; known: private"),
    (["run", "SCENARIO", "training.device=gpu"], "training.device: 'gpu' cannot be used here: …; try auto"),
    (
        ["run", "SCENARIO", "tasks.deph.weight=1"],
        "tasks.deph: no client has this task; did you mean 'depth'?",
    ),
    (
        ["run", "SCENARIO", "clients.a.tasks=[deph]"],
        "clients.a.tasks: source 'rooms' has no task 'deph'; did you mean 'depth'?",
    ),
    (
        ["run", "SCENARIO", "data.sources.rooms.kind=roms"],
        "unknown data source 'roms': did you mean 'rooms'?",
    ),
    (
        ["run", "SCENARIO", "data.sources.rooms.widht=9"],
        "data.sources.rooms.widht: data source 'rooms' has no such option; did you mean 'width'?",
    ),
    (["run", "SCENARIO", "data.sources.x={kind:folder,path:nowhere}", "clients.a.source=x"], "…nowhere"),
    (
        ["run", "SCENARIO", "--baseline", "nowhere"],
        "nowhere is not a run: it has no config.yaml or no run.json",
    ),
    (["resume", "nowhere"], "nowhere is not a run: it has no config.yaml or no run.json"),
    (["evaluate", "nowhere"], "nowhere is not a run: it has no config.yaml or no run.json"),
    (["evaluate", "nowhere", "--split", "vall"], "--split is train, val or test, not 'vall'"),
    (["predict", "nowhere", "x.png"], "nowhere is not a run: it has no config.yaml or no run.json"),
    (["export", "nowhere"], "nowhere is not a run: it has no config.yaml or no run.json"),
    (["report", "nowhere"], "nowhere is not a run: it has no config.yaml or no run.json"),
    (["compare", "SCENARIO", "--seeds", "1,two"], "--seeds are whole numbers, comma-separated, not '1,two'"),
    (["compare", "SCENARIO", "--methods", "local,fedvag"], "unknown method 'fedvag': did you mean 'fedavg'?"),
    (["benchmark", "engine"], "there is no benchmark 'engine'; did you mean 'engines'?"),
    (["data", "check", "nowhere"], "…nowhere"),
    (["data", "make", "new", "seed"], "option 'seed' must have the form key=value"),
    (["data", "make", "new", "sites={"], "option 'sites={' is not valid YAML: "),
    (["privacy", "audit", "SCENARIO", "--option", "trial"], "--option 'trial' must have the form key=value"),
    (["privacy", "audit", "SCENARIO", "--option", "trial={"], "--option 'trial={' is not valid YAML: "),
]


@pytest.mark.parametrize(("words", "message"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_a_failure_is_one_sentence_and_leaves_nothing_behind(fedmtl, scenario, words, message):
    code, out, err = fedmtl(*[str(scenario) if word == "SCENARIO" else word for word in words])
    assert (code, out) == (1, "")
    pattern = ".*".join(map(re.escape, message.replace("SCENARIO", str(scenario)).split("…")))
    assert re.match(f"fedmtl: {pattern}", err), err
    assert err.count("\n") == 1
    assert list(scenario.parent.iterdir()) == [scenario]


def test_a_broken_file_is_named_with_its_key(fedmtl, scenario):
    scenario.write_text(scenario.read_text().replace("batch_size", "batchsize"))
    code, _, err = fedmtl("run", scenario)
    assert code == 1
    assert err == f"fedmtl: {scenario}: unknown key 'training.batchsize'; did you mean 'batch_size'?\n"


def test_a_run_is_not_written_over(fedmtl, scenario, tmp_path):
    create(tmp_path / "run")
    code, _, err = fedmtl("run", scenario, "--out", tmp_path / "run")
    assert code == 1
    assert f"go on with 'fedmtl resume {tmp_path / 'run'}'" in err


@pytest.mark.parametrize("place", [0, 1, 2])
def test_debug_anywhere_shows_the_traceback(place):
    words = ["run", "roms"]
    words.insert(place, "--debug")
    with pytest.raises(ConfigError, match="there is no scenario 'roms'"):
        main(words)


def test_what_nobody_expected_is_a_sentence_too(fedmtl, monkeypatch):
    def broken(_):
        raise KeyError("two\nlines")

    monkeypatch.setattr("fedmtl.run_directory.RunDirectory.open", broken)
    code, _, err = fedmtl("evaluate", "x")
    assert code == 1
    assert err == "fedmtl: unexpected KeyError: 'two\\nlines'; --debug shows where\n"
    with pytest.raises(KeyError):
        main(["evaluate", "x", "--debug"])


def test_a_file_that_one_may_not_open_is_named_with_the_way_out(fedmtl, monkeypatch):
    def refused(_):
        raise PermissionError(errno.EACCES, "Permission denied", "kit/ca/ca.key")

    monkeypatch.setattr("fedmtl.run_directory.RunDirectory.open", refused)
    assert fedmtl("evaluate", "x").err == (
        "fedmtl: kit/ca/ca.key cannot be opened: Permission denied; do this as the user whom it belongs to\n"
    )


def test_nothing_phones_home(fedmtl, monkeypatch):
    for name in ("FLWR_TELEMETRY_ENABLED", "FLWR_DISABLE_UPDATE_CHECK"):
        monkeypatch.delenv(name, raising=False)
    fedmtl("--version")
    assert os.environ["FLWR_TELEMETRY_ENABLED"] == "0"
    assert os.environ["FLWR_DISABLE_UPDATE_CHECK"] == "1"
