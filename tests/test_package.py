"""What `import fedmtl` gives, and what it does not cost."""

import subprocess
import sys

import pytest

import fedmtl
from fedmtl import loading


def loaded_by(code, *modules):
    """Which of `modules` a new process has imported after `code`."""
    check = f"import sys\n{code}\nprint(*(m for m in {modules!r} if m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.split()


def test_importing_is_cheap():
    assert loaded_by("import fedmtl", "torch", "numpy", "flwr", "timm", "omegaconf") == []


def test_the_command_imports_nothing_heavy_before_it_runs():
    heavy = ("torch", "numpy", "flwr", "timm", "omegaconf", "matplotlib", "server", "clients", "simulations")
    assert loaded_by("import fedmtl.cli.commands", *heavy) == []


def test_looking_at_a_deployment_does_not_load_torch():
    assert loaded_by("import fedmtl.deployment.overview", "torch", "flwr", "timm") == []


def test_help_takes_less_than_two_seconds_of_cpu():
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = "from fedmtl.cli import main; main(['--help'])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "predict" in done.stdout
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2


def test_load_is_there():
    assert fedmtl.load is loading.load
    assert set(fedmtl.__all__) == {"__version__", "load"}


def test_nothing_else_is():
    with pytest.raises(AttributeError, match="module 'fedmtl' has no attribute 'lod'"):
        _ = fedmtl.lod
