import numpy as np
import pytest

from fedmtl.data.files import FileError
from fedmtl.data.table import read_table
from fedmtl.tasks.spec import TaskSpec

ROOM = TaskSpec("room", "classification", ("kitchen", "office"))
OBJECTS = TaskSpec("objects", "multilabel", ("lamp", "table"))
LIGHT = TaskSpec("light", "regression")
TEXT = "\ufeffid,room,lamp,table,light\r\na,office,1,0,0.5\r\n\r\nb,0, ,1,\r\n"


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "labels.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_names_indices_numbers_and_empty_cells(write):
    table = read_table(write(TEXT))
    nan = float("nan")
    for spec, a, b in ((ROOM, [1], [0]), (OBJECTS, [1, 0], [nan, 1]), (LIGHT, [0.5], [nan])):
        np.testing.assert_array_equal(table.values("a", spec), a)
        np.testing.assert_array_equal(table.values("b", spec), b)


def test_a_class_called_like_a_number_wins_over_the_index(write):
    table = read_table(write("id,grade\na,2\n"))
    assert table.values("a", TaskSpec("grade", "classification", ("2", "1", "0"))) == [0]


@pytest.mark.parametrize("cell", ["attic", "nan", "inf"])
def test_a_cell_that_is_neither_number_nor_class_is_named(write, cell):
    table = read_table(write(f"id,room,light\na,{cell},{cell}\n"))
    with pytest.raises(
        FileError, match=f"row 'a', column 'room': '{cell}' is not a finite number or a class"
    ):
        table.values("a", ROOM)
    with pytest.raises(FileError, match=f"column 'light': '{cell}' is not a finite number"):
        table.values("a", LIGHT)


def test_a_missing_column_is_named(write):
    table = read_table(write("id,lamp\na,1\n"))
    with pytest.raises(FileError, match=r"no column 'table' \(or 'objects'\) for task 'objects'"):
        table.columns_of(OBJECTS)
    with pytest.raises(FileError, match="no column 'light' for task 'light'"):
        table.columns_of(LIGHT)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no column 'id'"),
        ("name,x\n", "no column 'id'"),
        ("id,x,x\n", "same name"),
        ("id,x\na\n", "row 2 has 1 cells, the header 2"),
        ("id,x\na,1\na,2\n", "row 3 repeats an id"),
    ],
)
def test_a_table_that_is_out_of_shape_is_refused(write, text, what):
    with pytest.raises(FileError, match=what):
        read_table(write(text))


def test_what_is_no_text_is_refused(tmp_path):
    (tmp_path / "labels.csv").write_bytes(b"id\n\xff\n")
    with pytest.raises(FileError, match="UTF-8"):
        read_table(tmp_path / "labels.csv")
    with pytest.raises(FileError, match="cannot be read"):
        read_table(tmp_path / "none.csv")
