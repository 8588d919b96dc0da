import pytest
import timm.layers
from torch import nn

from fedmtl.models.norms import NORMS


@pytest.mark.parametrize(
    "name",
    [
        "batchnorm2d",
        "groupnorm1",
        "layernorm2d",
        "rmsnorm",
        "rmsnorm2d",
        "simplenorm",
        "evonormb0",
        "evonorms0a",
    ],
)
def test_timms_normalisation_layers_are_recognised(name):
    layer = (
        timm.layers.create_norm_act_layer(name, 8)
        if "evo" in name
        else timm.layers.create_norm_layer(name, 8)
    )
    assert isinstance(layer, NORMS)


@pytest.mark.parametrize("layer", [nn.Conv2d(1, 1, 1), nn.Linear(1, 1), nn.GELU(), nn.Sequential()])
def test_other_layers_are_not(layer):
    assert not isinstance(layer, NORMS)
