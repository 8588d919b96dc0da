import pytest

from fedmtl.data.manifest import read_manifest
from fedmtl.errors import DataError


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "dataset.yaml"
        path.write_text(text)
        return read_manifest(path)

    return read


def test_a_task_without_a_kind_is_of_the_kind_it_is_called(read):
    manifest = read(
        "name: x\ntasks:\n  depth:\n  floor: {kind: semseg, classes: [yard, 2], ignore_index: 0}\n"
    )
    assert manifest.name == "x"
    assert manifest.tasks["depth"].task.spec.kind == "depth"
    assert manifest.tasks["floor"].task.spec.kind == "semseg"
    assert manifest.tasks["floor"].task.spec.classes == ("yard", "2")
    assert manifest.tasks["floor"].ignore_index == 0
    assert not manifest.tasks["floor"].partial


def test_the_name_defaults_to_the_folder(read, tmp_path):
    assert read("tasks: {depth: {}}").name == tmp_path.name


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("tasks: [", "not valid YAML"),
        ("- 1", "must be a mapping"),
        ("name: x", "must be a mapping"),
        ("tasks: {}", "names no tasks"),
        ("task: {depth: {}}", "unknown key 'task'; did you mean 'tasks'?"),
        ("tasks: {depth: {ignore: 0}}", "unknown key 'tasks.depth.ignore'; did you mean 'ignore_index'"),
        ("tasks: {depth: 3}", "task 'depth' must be a mapping"),
        ("tasks: {../x: {kind: depth}}", "task name '../x'"),
        ("tasks: {images: {kind: depth}}", "task name 'images'"),
        ("tasks: {x: {kind: dept}}", "tasks.x: unknown task kind 'dept': did you mean 'depth'"),
        ("tasks: {x: {kind: 3}}", "tasks.x.kind must be text"),
        ("tasks: {semseg: {classes: sky}}", "tasks.semseg.classes must be a list"),
        ("tasks: {semseg: {classes: [yes, no]}}", "quote the names"),
        ("tasks: {semseg: {classes: [a, b], ignore_index: x}}", "whole ignore_index"),
        ("tasks: {depth: {partial: 1}}", "partial either true or false"),
        ("tasks: {depth: {ignore_index: 0}}", "only for maps of classes"),
    ],
)
def test_what_is_wrong_is_named(read, text, what):
    with pytest.raises(DataError) as error:
        read(text)
    assert "dataset.yaml: " in str(error.value)
    assert what in str(error.value)


def test_a_folder_without_a_manifest_is_no_data_set(tmp_path):
    with pytest.raises(DataError, match="not a data-set folder"):
        read_manifest(tmp_path / "dataset.yaml")
