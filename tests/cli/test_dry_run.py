import json


def test_it_prints_a_table_and_leaves_nothing(fedmtl, scenario, tmp_path):
    code, out, err = fedmtl("dry-run", scenario, "method.name=local")
    assert code == 0, err
    for client, tasks in {"a": "depth, semseg", "b": "semseg", "c": "depth, room_type"}.items():
        assert any(line.split()[:1] == [client] and tasks in line for line in out.splitlines())
    assert "a round: 0 B up, 0 B down" in out
    assert "3 rounds with 3 evaluations, one client after another on cpu: about" in out
    assert list(tmp_path.iterdir()) == [scenario]


def test_json_has_the_same_and_the_sums(fedmtl, scenario):
    code, out, _ = fedmtl("dry-run", scenario, "--json")
    assert code == 0
    found = json.loads(out)
    assert [client["client"] for client in found["clients"]] == ["a", "b", "c"]
    assert found["bytes_up"] == sum(client["bytes_up"] for client in found["clients"])
    assert found["seconds"] > 0


def test_what_is_wrong_is_one_sentence(fedmtl, scenario):
    code, out, err = fedmtl("dry-run", scenario, "model.backbone.name=lcnet_036")
    assert (code, out) == (1, "")
    assert err.startswith("fedmtl: model.backbone.name: timm has no model 'lcnet_036'")
    assert err.count("\n") == 1
