"""Engines that run a whole federation on one machine, scenarios, comparisons and benchmarks."""
