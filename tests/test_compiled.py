import os
import stat

import pytest
from numba.core.caching import CacheImpl, UserProvidedCacheLocator

from fedmtl import compiled


def add_one(x: float) -> float:
    return x + 1.0


@pytest.fixture
def nowhere_to_write(monkeypatch, tmp_path):
    """No place that numba knows of itself can be written; temporary files go to `tmp_path`."""
    monkeypatch.setattr(CacheImpl, "_locator_classes", [UserProvidedCacheLocator])
    monkeypatch.setattr(compiled.config, "CACHE_DIR", "")
    monkeypatch.setattr(compiled.tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_kernel_computes_what_the_function_does():
    assert compiled.kernel(add_one)(2.0) == add_one(2.0)


def test_without_a_place_of_numbas_the_code_is_kept_among_the_temporary_files(nowhere_to_write):
    assert compiled.kernel(add_one)(2.0) == 3.0
    folder = nowhere_to_write / f"fedmtl-{os.getuid()}"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.rglob("*.nbc"))
    again = compiled.kernel(add_one)
    again(2.0)
    assert sum(again.stats.cache_hits.values()) == 1
    assert compiled.config.CACHE_DIR == ""


def others_may_write(folder):
    folder.mkdir()
    folder.chmod(0o777)


def is_a_link(folder):
    (folder.parent / "elsewhere").mkdir()
    folder.symlink_to(folder.parent / "elsewhere")


def is_a_file(folder):
    folder.write_text("")


@pytest.mark.parametrize("prepare", [others_may_write, is_a_link, is_a_file])
def test_a_folder_that_is_not_the_users_alone_is_not_used(nowhere_to_write, prepare):
    folder = nowhere_to_write / f"fedmtl-{os.getuid()}"
    prepare(folder)
    assert compiled.temporary_cache() is None
    assert compiled.kernel(add_one)(2.0) == 3.0
    assert not list(nowhere_to_write.rglob("*.nbc"))
