import json
import shutil

import numpy as np
import pytest
from PIL import Image

from fedmtl.export import CARD, PROGRAM, WEIGHTS
from fedmtl.loading import load


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(path)
    return path


def test_predict_writes_labels_and_pictures(straight, fedmtl, photo, tmp_path):
    code, out, _ = fedmtl("predict", straight.path, photo, "--client", "c")
    assert code == 0
    written = ["predictions/depth/photo.png", "predictions/depth/photo.view.png", "predictions/photo.json"]
    assert out.split() == written
    label = np.asarray(Image.open(tmp_path / written[0]))
    assert (label.dtype, label.shape) == (np.uint16, (40, 50))
    expected = load(straight.path, "c").predict(photo)
    np.testing.assert_array_equal(label, np.round(expected["depth"] * 1000))
    room_type = load(straight.path, "c").tasks["room_type"]
    summary = json.loads((tmp_path / written[2]).read_text())["room_type"]
    assert summary["class"] == room_type.words(expected["room_type"])
    assert summary["probabilities"].keys() == set(room_type.spec.classes)


def test_predict_takes_other_tasks_and_another_folder(straight, fedmtl, photo, tmp_path):
    code, out, _ = fedmtl("predict", straight.path, photo, "--client", "b", "--tasks", "depth", "--out", "p")
    assert code == 0
    assert out.split() == ["p/depth/photo.png", "p/depth/photo.view.png"]


def test_export_then_predict_with_what_was_exported(straight, fedmtl, photo, tmp_path):
    code, out, _ = fedmtl("export", straight.path, "--client", "b", "--graph", "none")
    assert code == 0
    assert out.split() == [f"exports/b/{WEIGHTS}", f"exports/b/{CARD}"]
    assert not (tmp_path / "exports" / "b" / PROGRAM).exists()
    assert fedmtl("predict", "exports/b", photo, "--out", "from-export").code == 0
    assert fedmtl("predict", straight.path, photo, "--client", "b", "--out", "from-run").code == 0
    name = "semseg/photo.png"
    assert (tmp_path / "from-export" / name).read_bytes() == (tmp_path / "from-run" / name).read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["predict", "RUN", "PHOTO"], "has 3 clients; choose one of a, b, c"),
        (["predict", "RUN", "nowhere.png", "--client", "a"], "nowhere.png"),
        (["predict", "RUN", "PHOTO", "--client", "a", "--tasks", "semsge"], "did you mean 'semseg'?"),
        (["export", "RUN", "--client", "d"], "has no client 'd'; known: a, b, c"),
    ],
)
def test_what_is_not_there_is_told(straight, fedmtl, photo, words, message):
    names = {"RUN": straight.path, "PHOTO": photo}
    code, out, err = fedmtl(*[names.get(word, word) for word in words])
    assert (code, out) == (1, "")
    assert message in err
    assert err.count("\n") == 1


def test_report_is_written_anew(straight, fedmtl, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(straight.path, run)
    (run / "report.html").unlink(missing_ok=True)
    code, out, _ = fedmtl("report", run, "--baseline", straight.path)
    assert code == 0
    assert out == f"report: {run / 'report.html'}\n"
    assert "<html" in (run / "report.html").read_text()
