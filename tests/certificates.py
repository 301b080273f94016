"""Certificates of a throw-away authority, for servers of the tests."""

import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


@dataclass
class Certified:
    """A key and what is certified of it, with who signed that."""

    name: str
    authority: "Certified | None" = None
    since: timedelta = -DAY
    until: timedelta = DAY
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        now, signer = datetime.now(UTC), self.authority or self
        signed = (
            x509.CertificateBuilder()
            .subject_name(_named(self.name))
            .issuer_name(_named(signer.name))
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + self.since)
            .not_valid_after(now + self.until)
            .add_extension(x509.SubjectAlternativeName([_alternative(self.name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=self.authority is None, path_length=None), critical=True)
            .sign(signer.key, SHA256())
        )
        self.pem = signed.public_bytes(Encoding.PEM)

    def serving(self) -> ssl.SSLContext:
        """For a server that shows this."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        secret = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with TemporaryDirectory() as folder:
            file = Path(folder) / "both.pem"
            file.write_bytes(secret + self.pem)
            context.load_cert_chain(file)
        return context

    def trusted(self) -> ssl.SSLContext:
        """For who trusts this authority and nobody else."""
        return ssl.create_default_context(cadata=self.pem.decode())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
