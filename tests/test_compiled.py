from fedmtl import compiled


def add_one(x: float) -> float:
    return x + 1.0


def test_a_kernel_computes_what_the_function_does():
    assert compiled.kernel(add_one)(2.0) == add_one(2.0)


def test_without_a_writable_place_for_the_cache_kernels_still_compile(monkeypatch):
    real = compiled.njit

    def refuse_cache(**options):
        if options.get("cache"):
            raise RuntimeError("cannot cache function 'add_one': no locator available")
        return real(**options)

    monkeypatch.setattr(compiled, "njit", refuse_cache)
    assert compiled.kernel(add_one)(2.0) == 3.0
