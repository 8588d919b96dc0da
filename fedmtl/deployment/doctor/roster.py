"""A site's roster: whether it would notice a server that hands around keys of its own under secure sums."""

from __future__ import annotations

from collections.abc import Iterator

from fedmtl.deployment.doctor.finding import Finding, Subject
from fedmtl.deployment.roster import fingerprint, load_roster
from fedmtl.deployment.site_folder import SiteFolder

_ROSTER = Subject("roster")


def check_roster(folder: SiteFolder) -> Iterator[Finding]:
    """Whether there is a roster, and this site is in it as it is."""
    roster = load_roster(folder.roster)
    if roster is None:
        yield _ROSTER.warn(
            f"{folder.roster} is missing: under secure sums this site trusts the server to be honest but curious, "
            "and not to invent clients",
            "get it from whoever made the kit, and compare its fingerprint with other sites",
        )
        return
    site, own = folder.config.site, folder.keys.load_roster().public_key()
    if site not in roster or roster[site] != own:
        yield _ROSTER.fail(
            f"{folder.roster} has another key of site '{site}', or none",
            "hand over the public file, and get the roster anew from whoever made the kit",
        )
        return
    yield _ROSTER.ok(f"has {len(roster)} sites; fingerprint {fingerprint(roster)}")
