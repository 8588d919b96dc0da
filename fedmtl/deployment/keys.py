"""A site's two keys: what `fedmtl deploy keygen` makes, and the one file that the site hands over.

The node key (EC P-384, OpenSSH as Flower's SuperNode reads it) says that a connection is the site's; the roster key
(Ed25519, PEM) signs what the site answers. Private halves never leave the site's folder.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP384R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
    load_ssh_public_key,
)

from fedmtl.deployment.files import PRIVATE, make_folder, read_file, read_private, write_file
from fedmtl.errors import ConfigError


class SiteKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The public halves of a site's keys.

    Attributes:
        node_key: one line of OpenSSH, without a comment.
        roster_key: base64 of the raw 32 bytes.
    """

    node_key: str
    roster_key: str

    @property
    def roster(self) -> Ed25519PublicKey:
        """What the site's signatures are checked with."""
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(self.roster_key))

    @property
    def fingerprint(self) -> str:
        """Of both keys, short enough to be compared on the telephone."""
        digest = hashlib.sha256(f"{self.node_key}\n{self.roster_key}".encode()).hexdigest()[:32]
        return " ".join(digest[at : at + 4] for at in range(0, 32, 4))


class HandedOver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the one file holds that a site hands over."""

    site: str
    node_key: str
    roster_key: str


@dataclass(frozen=True)
class KeyFolder:
    """The keys of one site."""

    path: Path
    site: str

    @property
    def node_key(self) -> Path:
        return self.path / "node.key"

    @property
    def roster_key(self) -> Path:
        return self.path / "roster.key"

    @property
    def public(self) -> Path:
        """The one file that the site hands over."""
        return self.path / f"{self.site}.public.json"

    def make(self) -> SiteKeys:
        """Make what is missing; keys that are there stay.

        Raises:
            ConfigError: a key that is there is none, or can be opened by others.
            RunError: a file cannot be written.
        """
        make_folder(self.path, 0o700)
        if not self.node_key.exists():
            node = generate_private_key(SECP384R1())
            write_file(self.node_key, _private(node, PrivateFormat.OpenSSH), PRIVATE)
        if not self.roster_key.exists():
            roster = Ed25519PrivateKey.generate()
            write_file(self.roster_key, _private(roster, PrivateFormat.PKCS8), PRIVATE)
        keys = public_half(self.load_node(), self.load_roster())
        handed = HandedOver(self.site, keys.node_key, keys.roster_key)
        write_file(self.public, msgspec.json.format(msgspec.json.encode(handed)) + b"\n")
        return keys

    def load_node(self) -> EllipticCurvePrivateKey:
        """The node key.

        Raises:
            ConfigError: there is none, or others can open it.
        """
        try:
            key = load_ssh_private_key(_read(self.node_key), None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ConfigError(f"{self.node_key} is no unencrypted OpenSSH key; {_WAY_OUT}") from error
        if not (isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP384R1)):
            raise ConfigError(f"{self.node_key} is no EC P-384 key; {_WAY_OUT}")
        return key

    def load_roster(self) -> Ed25519PrivateKey:
        """The roster key.

        Raises:
            ConfigError: there is none, or others can open it.
        """
        try:
            key = load_pem_private_key(_read(self.roster_key), None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ConfigError(f"{self.roster_key} is no unencrypted PEM key; {_WAY_OUT}") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise ConfigError(f"{self.roster_key} is no Ed25519 key; {_WAY_OUT}")
        return key


def _read(path: Path) -> bytes:
    if not path.exists():
        raise ConfigError(
            f"{path} is missing: make it with 'fedmtl deploy keygen', and hand over what it says"
        )
    return read_private(path)


_WAY_OUT = "restore it from a copy, or move it away and run 'fedmtl deploy keygen'"


def public_half(node: EllipticCurvePrivateKey, roster: Ed25519PrivateKey) -> SiteKeys:
    """The public halves of two private keys."""
    raw = roster.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return SiteKeys(_openssh(node.public_key()), base64.b64encode(raw).decode())


def read_handed_over(path: Path, site: str) -> SiteKeys:
    """The keys in the file that `site` handed over.

    Raises:
        ConfigError: it cannot be read, holds a private key, is another site's, or holds no such keys.
    """
    content = read_file(path)
    if b"PRIVATE KEY" in content:
        raise ConfigError(
            f"{path} holds a private key, which nobody but site '{site}' may know: tell the site to move its keys "
            f"away, to run 'fedmtl deploy keygen' and to hand over {site}.public.json alone"
        )
    try:
        handed = msgspec.json.decode(content, type=HandedOver)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not what 'fedmtl deploy keygen' made public: {error}") from error
    if handed.site != site:
        raise ConfigError(f"{path} has the keys of site '{handed.site}', not of '{site}'")
    return checked(SiteKeys(handed.node_key, handed.roster_key), str(path))


def checked(keys: SiteKeys, where: str) -> SiteKeys:
    """The same keys, each written in the one way that it can be, so that equal keys are equal text.

    Raises:
        ConfigError: one is no key of its kind; the sentence begins with `where`.
    """
    try:
        node = load_ssh_public_key(keys.node_key.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{where}: node_key is no OpenSSH public key") from error
    if not (isinstance(node, EllipticCurvePublicKey) and isinstance(node.curve, SECP384R1)):
        raise ConfigError(f"{where}: node_key is no EC P-384 key")
    try:
        roster = base64.b64decode(keys.roster_key, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConfigError(f"{where}: roster_key is not base64") from error
    if len(roster) != 32:
        raise ConfigError(f"{where}: roster_key must be 32 bytes of an Ed25519 key, not {len(roster)}")
    return SiteKeys(_openssh(node), base64.b64encode(roster).decode())


def _openssh(key: EllipticCurvePublicKey) -> str:
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _private(key: EllipticCurvePrivateKey | Ed25519PrivateKey, form: PrivateFormat) -> bytes:
    return key.private_bytes(Encoding.PEM, form, NoEncryption())
