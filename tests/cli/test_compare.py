import json

SHORT = ["rounds=1", "data.sources.rooms.train=2", "data.sources.rooms.val=2"]


def test_methods_are_compared_in_a_folder_and_taken_up_again(fedmtl, scenario, tmp_path):
    words = ["compare", scenario, *SHORT, "--methods", "local,fedavg"]
    code, out, err = fedmtl(*words)
    assert code == 0, err
    folder = tmp_path / "runs" / "tiny-comparison"
    assert "report: runs/tiny-comparison/report.html" in out
    results = json.loads((folder / "results.json").read_text())
    assert {(row["method"], row["seed"]) for row in results["totals"]} == {("local", 0), ("fedavg", 0)}
    for method in ("local", "fedavg"):
        assert method in out
    again = fedmtl(*words)
    assert again.code == 0
    assert json.loads((folder / "results.json").read_text()) == results
