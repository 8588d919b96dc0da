import json

import pytest
from typer.testing import CliRunner

from fedmtl.cli.data import app
from fedmtl.data import Folder
from fedmtl.errors import ConfigError, DataError
from tests.data.folders import write_example
from tests.data.pascal_archive import write_pascal

run = CliRunner().invoke


@pytest.fixture
def example(tmp_path):
    return write_example(tmp_path / "example")


def test_a_sound_folder_is_summed_up(example):
    result = run(app, ["check", str(example)])
    assert result.exit_code == 0, result.output
    assert "nothing is wrong" in result.output
    assert ["train", "semseg", "3", "3", "0", "0"] in [
        line.replace("│", " ").split() for line in result.output.splitlines()
    ]


def test_every_problem_is_listed_and_the_exit_code_says_so(example):
    (example / "images/a/0.png").unlink()
    (example / "semseg/b/0.png").write_bytes(b"[red]")
    result = run(app, ["check", str(example)])
    assert result.exit_code == 1
    assert f"{example}/images/a/0: there is no such image" in result.output
    assert f"{example}/semseg/b/0.png: cannot be decoded" in result.output
    assert "2 problems" in result.output


def test_findings_are_json_on_demand(example):
    (example / "semseg/b/0.png").unlink()
    result = run(app, ["check", str(example), "--json"])
    assert result.exit_code == 1
    report = json.loads(result.output)
    assert [problem["path"] for problem in report["problems"]] == [f"{example}/semseg/b/0.png"]
    train = next(
        count for count in report["counts"] if (count["split"], count["task"]) == ("train", "semseg")
    )
    assert train == {
        "split": "train",
        "task": "semseg",
        "images": 3,
        "labelled": 2,
        "missing": 1,
        "damaged": 0,
    }


def test_what_is_no_folder_is_a_users_error(tmp_path):
    result = run(app, ["check", str(tmp_path)])
    assert isinstance(result.exception, DataError)


def test_a_published_data_set_is_known_by_its_layout(tmp_path):
    root = write_pascal(tmp_path / "data")
    result = run(app, ["check", str(root)])
    assert result.exit_code == 0, result.output
    assert "PASCAL-Context in the layout of PASCALContext (ATRC, InvPT); images are 16x12" in result.output
    assert "nothing is wrong" in result.output
    result = run(app, ["check", str(root), "--kind", "nyud"])
    assert "has no folder gt_sets; use `kind: pascal-context`, whose layout it has" in str(result.exception)


def test_what_is_wrong_with_many_files_of_a_folder_is_said_once(tmp_path):
    root = write_pascal(tmp_path / "data")
    names = [f"2009_{index:06}" for index in range(9)]
    (root / "ImageSets/Context/val.txt").write_text("\n".join(names))
    result = run(app, ["check", str(root)])
    missing = [line for line in result.output.splitlines() if "no such image" in line]
    assert len(missing) == 3
    assert missing[-1].endswith("(and 6 more in that folder)")


def test_some_images_are_enough_where_there_are_many(tmp_path):
    root = write_pascal(tmp_path / "data")
    result = run(app, ["check", str(root), "--images", "1", "--json"])
    assert sum(count["images"] for count in json.loads(result.output)["counts"]) == 5  # one for each task


def test_any_source_can_be_written_out(example, tmp_path):
    result = run(app, ["make", str(tmp_path / "copy"), "--kind", "folder", f"path={example}"])
    assert result.exit_code == 0, result.output
    assert (
        f"4 images with labels of light, objects, range, room_type, semseg are in {tmp_path / 'copy'}"
        in result.output
    )
    assert Folder(str(tmp_path / "copy")).check() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--kind", "romos"], "did you mean 'rooms'"),
        (["seed"], "key=value"),
        (["--kind", "folder", "pth=x"], "'path'"),
    ],
)
def test_wrong_options_are_users_errors(tmp_path, options, message):
    result = run(app, ["make", str(tmp_path / "x"), *options])
    assert isinstance(result.exception, ConfigError)
    assert message in str(result.exception)
