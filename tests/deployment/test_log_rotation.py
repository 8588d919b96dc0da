from fedmtl.deployment.log_rotation import rotate


def test_a_small_log_stays(tmp_path):
    log = tmp_path / "log"
    assert not rotate(log)
    log.write_text("12345")
    assert not rotate(log, largest=5)
    assert log.read_text() == "12345"


def test_older_logs_move_on_and_the_oldest_goes_while_the_writer_keeps_the_file_open(tmp_path):
    log = tmp_path / "log"
    with log.open("ab", buffering=0) as writer:
        for letter in b"abcd":
            writer.write(bytes([letter]) * 4)
            assert rotate(log, largest=3, kept=2)
        writer.write(b"e")
    assert log.read_bytes() == b"e"
    assert {path.name: path.read_bytes() for path in tmp_path.glob("log.*")} == {
        "log.1": b"dddd",
        "log.2": b"cccc",
    }
