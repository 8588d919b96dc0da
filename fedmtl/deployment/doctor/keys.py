"""A site's keys: there, nobody else's, and those that it handed over."""

from __future__ import annotations

from collections.abc import Iterator

from fedmtl.deployment.doctor.finding import Finding, Subject
from fedmtl.deployment.keys import KeyFolder, public_half, read_handed_over

_KEYS = Subject("keys")


def check_keys(keys: KeyFolder) -> Iterator[Finding]:
    """Whether the site has its keys, and its public file is theirs."""
    missing = [path for path in (keys.node_key, keys.roster_key) if not path.exists()]
    if missing:
        yield _KEYS.fail(
            f"{missing[0]} is missing", "make it with 'fedmtl deploy keygen', and hand over what it says"
        )
        return
    own = public_half(keys.load_node(), keys.load_roster())
    if not keys.public.exists():
        yield _KEYS.warn(
            f"{keys.public} is missing", "'fedmtl deploy keygen' writes it anew; the server needs it once"
        )
    elif read_handed_over(keys.public, keys.site) != own:
        yield _KEYS.fail(
            f"{keys.public} is not of the keys beside it",
            "run 'fedmtl deploy keygen', which writes it anew, and hand it over again",
        )
    else:
        yield _KEYS.ok(f"are whole and nobody else's; fingerprint {own.fingerprint}")
