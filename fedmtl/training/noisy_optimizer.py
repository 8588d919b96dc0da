"""Opacus' private optimiser, fed with one image's gradient at a time, under noise that nobody can guess.

Hooks by which Opacus takes the gradients of a batch apart see only layers that are called: not the attention's
projections, which are stacked, nor our kernels. A batch of one image has that image's gradient whatever the model does.
On a CPU that took half the time of `torch.func`'s vmap, and one gradient's memory however many images there are.
"""

from __future__ import annotations

import torch
from opacus.optimizers import DPOptimizer
from torch import Tensor

from fedmtl.privacy.example_level import GradientMechanism
from fedmtl.privacy.gaussian import add_noise, for_rounding, standard_normal


class NoisyOptimizer(DPOptimizer):  # type: ignore[misc]
    """Steps of an optimiser along the noised mean of clipped gradients.

    Args:
        optimizer: takes the steps, and keeps its state.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, mechanism: GradientMechanism) -> None:
        super().__init__(
            optimizer,
            noise_multiplier=mechanism.multiplier,
            max_grad_norm=mechanism.clip_norm,
            expected_batch_size=mechanism.sampling.expected,
        )

    def add(self, gradients: list[Tensor]) -> None:
        """Clip one image's gradient, of every parameter in the order of `params`, and add it to the step's sum."""
        for parameter, gradient in zip(self.params, gradients, strict=True):
            parameter.grad_sample = gradient[None]
        self.signal_skip_step()
        self.step()
        self.zero_grad(set_to_none=True)

    def finish(self, without_noise: list[Tensor] | None = None) -> None:
        """Take the step, also where it has no image.

        Args:
            without_noise: a gradient that depends on no image, of every parameter; added to the noised mean.
        """
        if without_noise is not None:
            self.attach_step_hook(lambda _: torch._foreach_add_([p.grad for p in self.params], without_noise))
        # Opacus clips and sums what is there before it adds noise: here no image is left.
        for parameter in self.params:
            parameter.grad_sample = parameter.new_empty((0, *parameter.shape))
        self.step()
        self.step_hook = None
        self.zero_grad(set_to_none=True)

    def add_noise(self) -> None:
        """Noise on the sum of all gradients, in float64: what is rounded afterwards costs no privacy."""
        sizes = [parameter.numel() for parameter in self.params]
        wider = for_rounding(self.noise_multiplier, sum(sizes))
        for parameter in self.params:
            total = parameter.summed_grad
            noised = total.double().flatten().cpu().numpy()
            add_noise(noised, self.noise_multiplier * self.max_grad_norm * wider, standard_normal)
            parameter.grad = torch.from_numpy(noised).view(total.shape).to(total)

    def scale_grad(self) -> None:
        """The mean over the images that a step has on average; Opacus counts batches anew for every parameter."""
        torch._foreach_div_([parameter.grad for parameter in self.params], float(self.expected_batch_size))
