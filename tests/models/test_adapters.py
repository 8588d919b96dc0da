import torch

from fedmtl.models.adapters import Adapter, AdapterPyramid


def test_an_untrained_adapter_corrects_nothing_and_learns_whatever_its_input():
    adapter = Adapter(6, 4)
    for x in (torch.rand(2, 6, 3, 5), torch.zeros(2, 6, 3, 5)):
        adapter.zero_grad()
        corrected = adapter(x)
        assert corrected.shape == x.shape
        assert corrected.count_nonzero() == 0
        corrected.sum().backward()
        assert adapter.up.weight.grad.abs().min() > 0


def test_an_adapter_is_two_projections_around_a_gelu():
    adapter = Adapter(3, 2)
    torch.nn.init.normal_(adapter.up.weight)
    x = torch.rand(1, 3, 1, 1)
    inner = torch.nn.functional.gelu(adapter.down.weight[:, :, 0, 0] @ x[0, :, 0, 0] + adapter.down.bias)
    expected = adapter.up.weight[:, :, 0, 0] @ inner + adapter.up.bias
    torch.testing.assert_close(adapter(x)[0, :, 0, 0], expected)


def test_a_pyramid_has_an_adapter_a_level():
    pyramid = AdapterPyramid([4, 8], 2, "adapter/depth")
    levels = [torch.rand(2, 4, 6, 6), torch.rand(2, 8, 3, 3)]
    assert [c.shape for c in pyramid(levels)] == [level.shape for level in levels]
    assert {name.split(".")[0] for name, _ in pyramid.named_parameters()} == {"0", "1"}
