import numpy as np
import torch

from fedmtl.aggregation import Clock, Policy, Start, Update, build_method
from fedmtl.config import AdapterConfig, HeadKind, ModelConfig
from fedmtl.loading import load_newest
from fedmtl.models import Role, group_map, weighted_by
from simulations.inprocess import run_inprocess
from tests.federations import create, events_of
from tests.models.toys import toy_config, toy_network

METHOD = build_method({"name": "task-conditioned"})


def test_it_asks_for_conditioned_heads_and_leaves_the_rest_of_the_model():
    config = ModelConfig(adapter=AdapterConfig(bottleneck=5))
    assert METHOD.model(config) == ModelConfig(adapter=AdapterConfig(bottleneck=5), head=HeadKind.conditioned)
    assert config.head is HeadKind.own


def test_the_decoder_is_shared_by_all_that_have_a_dense_task_and_weighted_by_images():
    config = METHOD.model(toy_config())
    assert METHOD.policy("decoder") is Policy.shared
    assert weighted_by("decoder") is None
    assert weighted_by("head/depth") == "depth"
    for own, holds in [(("depth",), True), (("semseg", "scene"), True), (("scene",), False)]:
        network = toy_network(own, config=config)
        assert (network.role("decoder") is Role.train) == holds
        assert ("decoder" in group_map(network)) == holds


def test_it_averages_as_fedavg_does():
    groups = {"decoder": np.zeros(2, np.float32), "head/depth": np.zeros(1, np.float32)}
    folding = METHOD.start_round(Start(groups, {}, {}, Clock(1, 1)))
    one = {"decoder": np.float32([1, 0]), "head/depth": np.float32([4])}
    folding.add(Update("a", one, {"decoder": 3, "head/depth": 1}))
    folding.add(Update("b", {"decoder": np.float32([0, 1])}, {"decoder": 1}))
    after, _ = folding.finish()
    np.testing.assert_allclose(after["decoder"], [0.75, 0.25])
    np.testing.assert_allclose(after["head/depth"], [4])


def test_in_a_federation_where_a_client_has_no_dense_task(tmp_path):
    options = "rounds=1", "method.name=task-conditioned", "clients.c.tasks=[room_type]"
    directory = create(tmp_path / "run", *options)
    run_inprocess(directory)
    assert {event["client"] for event in events_of(directory, "train")} == {"a", "b", "c"}
    assert not events_of(directory, "failure")
    assert load_newest(directory, "c").network.decoder is None
    a, b = (load_newest(directory, client).network for client in "ab")
    assert torch.equal(a.decoder.merge.weight, b.decoder.merge.weight)
