import pytest

from fedmtl.data.splits import is_sample_id, read_split


@pytest.mark.parametrize("text", ["0001", "ward-3/0001", "a/b/c", "v1.5", "with space"])
def test_sample_ids(text):
    assert is_sample_id(text)


@pytest.mark.parametrize(
    "text", ["", "/", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a/", "C:\\x", "a\0b"]
)
def test_what_leaves_the_folder_is_no_sample_id(text):
    assert not is_sample_id(text)


def test_blank_lines_and_a_byte_order_mark_are_skipped(tmp_path):
    path = tmp_path / "train.txt"
    path.write_bytes(b"\xef\xbb\xbf0001\r\n\r\n 0002 \n")
    split = read_split(path)
    assert split.ids == ("0001", "0002")
    assert split.problems == ()


def test_every_wrong_line_is_found(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("a\n../b\nc\na\n")
    split = read_split(path)
    assert split.ids == ("a", "c")
    assert [problem.problem.what[:7] for problem in split.problems] == ["line 2:", "line 4:"]


def test_a_file_that_is_no_text_is_a_problem(tmp_path):
    path = tmp_path / "train.txt"
    path.write_bytes(b"\xff\xfe\x00")
    assert "train.txt: is not text" in str(read_split(path).problems[0])
    assert "none.txt: cannot be read" in str(read_split(tmp_path / "none.txt").problems[0])
