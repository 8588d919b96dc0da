"""The kit of a federation: one folder for the server and one for each site."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fedmtl.deployment.authority import Authority
from fedmtl.deployment.federation import Federation, load_federation
from fedmtl.deployment.files import PLAIN, PRIVATE, SCRIPT, make_folder, read_file, write_file
from fedmtl.deployment.keys import KeyFolder, SiteKeys, read_handed_over
from fedmtl.deployment.own_certificate import OwnCertificate, load_own_certificate
from fedmtl.deployment.registered import Registered, Revoked
from fedmtl.deployment.registration import register
from fedmtl.deployment.roster import write_roster
from fedmtl.deployment.server_folder import ServerFolder
from fedmtl.deployment.site import load_site
from fedmtl.deployment.texts import server_texts, site_texts
from fedmtl.errors import ConfigError


@dataclass(frozen=True)
class Kit:
    """What is where in a kit."""

    path: Path

    @property
    def ca(self) -> Path:
        """ca.key, which never goes to the server or a site, and ca.crt."""
        return self.path / "ca"

    @property
    def server(self) -> ServerFolder:
        return ServerFolder(self.path / "server")

    @property
    def revoked(self) -> Path:
        return self.path / "revoked.json"

    def site(self, name: str) -> Path:
        return self.path / "sites" / name

    def keys(self, site: str) -> KeyFolder:
        """Where keys lie that are made with the kit, for trials."""
        return KeyFolder(self.site(site) / "keys", site)

    def make(self, source: Path, now: datetime, *, dev_keys: bool = False) -> list[str]:
        """Write the kit of the federation.yaml at `source`, or bring one up to date.

        Nothing is written before everything was checked. In a site's folder that is there, nothing changes but
        ca.crt, and that only with the CA, and roster.json, with the registered sites.

        Args:
            dev_keys: make keys for the sites that handed none over, for trials.

        Returns:
            What was done, and what is left to do, in sentences.

        Raises:
            ConfigError: the federation, a site's public file or a certificate is wrong, or the kit is another
                federation's.
            RunError: a file cannot be written.
        """
        federation = load_federation(source)
        self._check_federation(federation)
        own = _own_certificate(federation, source.parent, now)
        handed = {
            site: _handed_over(source, site, entry.public_keys)
            for site, entry in federation.sites.items()
            if entry.public_keys
        }
        registered, revoked = Registered.load(self.server.sites), Revoked.load(self.revoked)
        register(federation, handed, registered, revoked)

        given = self._sites()
        news = self._write_server(federation, read_file(source), own, now)
        made = set(federation.sites) - set(handed) - set(registered.sites) if dev_keys else set()
        news += self._write_sites(federation, made)
        registered, about_sites = register(federation, handed | self._dev_keys(made), registered, revoked)
        registered.save(self.server.sites)
        return news + about_sites + self._write_rosters(registered, given)

    def revoke(self, site: str) -> list[str]:
        """Take the keys of `site` out of sites.json, and never let them in again.

        Returns:
            What is left to do, in sentences.

        Raises:
            ConfigError: there is no kit, or the site is not registered.
            RunError: a file cannot be written.
        """
        if not (self.server.path / "federation.yaml").exists():
            raise ConfigError(f"{self.path} is no kit: it has no server/federation.yaml")
        registered = Registered.load(self.server.sites)
        without = registered.revoke(site)
        keys, revoked = registered.sites[site], Revoked.load(self.revoked)
        if keys not in revoked:
            revoked.add(site, keys).save(self.revoked)
        without.save(self.server.sites)
        return self._write_rosters(without, self._sites() - {site})

    def _sites(self) -> set[str]:
        """Those that have a folder."""
        return {folder.name for folder in self.path.glob("sites/*")}

    def _check_federation(self, federation: Federation) -> None:
        if (self.server.path / "federation.yaml").exists():
            name = self.server.federation.name
            if name != federation.name:
                raise ConfigError(
                    f"{self.path} is the kit of federation '{name}', not of '{federation.name}': choose another folder "
                    "with --out"
                )

    def _write_server(
        self, federation: Federation, source: bytes, own: OwnCertificate | None, now: datetime
    ) -> list[str]:
        folder = self.server
        news = self._copy(own) if own else self._issue(federation, now)
        write_file(folder.path / "federation.yaml", source)
        for name, text in server_texts(federation).items():
            write_file(folder.path / name, text.encode(), SCRIPT if name.endswith(".sh") else PLAIN)
        make_folder(folder.state, 0o700)
        make_folder(folder.runs)
        return news

    def _copy(self, own: OwnCertificate) -> list[str]:
        folder = self.server
        write_file(folder.ca, own.ca)
        write_file(folder.private_key, own.key, PRIVATE)
        if not write_file(folder.certificate, own.chain):
            return []
        return [f"{folder.certificate} is new: restart the server with it"]

    def _issue(self, federation: Federation, now: datetime) -> list[str]:
        news = []
        folder = self.server
        make_folder(self.ca, 0o700)
        authority, new = Authority.open(self.ca, federation.name, now)
        if new:
            news.append(f"{self.ca / 'ca.key'} is the CA's key: keep it offline; the server does not need it")
        write_file(folder.ca, read_file(self.ca / "ca.crt"))
        if reason := authority.server_certificate(
            folder.certificate, folder.private_key, federation.server.host, now
        ):
            restart = "" if new else ": restart the server with it"
            news.append(f"{folder.certificate} is new, because {reason}{restart}")
        return news

    def _write_sites(self, federation: Federation, made: set[str]) -> list[str]:
        news, ca = [], read_file(self.server.ca)
        for site in federation.sites:
            folder = self.site(site)
            known = folder / "ca.crt"
            if known.exists() and read_file(known) != ca:
                news.append(f"{known} is new: site {site} must replace its own by it")
            write_file(known, ca)
            for name, text in site_texts(federation, site, dev_keys=site in made).items():
                if not (folder / name).exists():
                    write_file(folder / name, text.encode(), SCRIPT if name.endswith(".sh") else PLAIN)
            make_folder(folder / "state", 0o700)
            news += _stale(folder / "site.yaml", federation, site)
        return news

    def _write_rosters(self, registered: Registered, given: set[str]) -> list[str]:
        """Write the keys of all into every site's folder; none of them, where nobody has handed any over.

        Args:
            given: the sites that may have been given their folder already, and must be sent what changes in it.
        """
        news = []
        for site in sorted(self._sites()):
            roster = self.site(site) / "roster.json"
            if registered.sites and write_roster(roster, registered) and site in given:
                news.append(f"{roster} is new: send it to site {site}, which puts it beside its site.yaml")
        return news

    def _dev_keys(self, sites: set[str]) -> dict[str, SiteKeys]:
        return {site: self.keys(site).make() for site in sorted(sites)}


def _own_certificate(federation: Federation, folder: Path, now: datetime) -> OwnCertificate | None:
    server = federation.server
    if not server.certificate:
        return None
    return load_own_certificate(
        folder / server.certificate, folder / server.private_key, folder / server.ca, server.host, now
    )


def _handed_over(source: Path, site: str, name: str) -> SiteKeys:
    """The keys in the file `name`, which lies beside the federation.yaml at `source`."""
    path = source.parent / name
    if not path.exists():
        raise ConfigError(
            f"{source}: sites.{site}.public_keys: there is no {path}: put the file there that site '{site}' handed over"
        )
    return read_handed_over(path, site)


def _stale(path: Path, federation: Federation, site: str) -> list[str]:
    """What to tell where a site.yaml, which is the site's own, says other things than federation.yaml."""
    try:
        own = load_site(path)
    except ConfigError:
        return []  # half filled in; the site's own doctor says so
    news, address, tasks = [], federation.server.address, federation.sites[site].tasks
    if own.server != address:
        news.append(f"{path} says server: {own.server}, which is {address} now: the site must change it")
    if own.tasks != tasks:
        news.append(
            f"{path} offers {own.tasks}, where federation.yaml expects {tasks}: what is there is kept; the site "
            "decides, or delete the file for a new one"
        )
    return news
