"""A certificate authority that also issues faulty certificates."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_DAY = datetime.timedelta(days=1)


def _name(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _write_key(path, key):
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                       serialization.NoEncryption()))
    path.chmod(0o600)
    return path


def write_request(directory, name):
    """Writes a key and a signing request for one name, for an ACME client; returns both paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(_name(name)).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False).sign(key, hashes.SHA256())
    request_path = directory / f"{name}.csr"
    request_path.write_bytes(request.public_bytes(serialization.Encoding.PEM))
    return _write_key(directory / f"{name}.key", key), request_path


def _certificate(subject, key, issuer, issuer_key, days, *extensions):
    now = datetime.datetime.utcnow()
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(
        key.public_key()).serial_number(x509.random_serial_number()).not_valid_before(
            now + days[0] * _DAY).not_valid_after(now + days[1] * _DAY)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return builder.sign(issuer_key, hashes.SHA256())


def _alternatives(names):
    found = []
    for name in names:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return x509.SubjectAlternativeName(found)


class Authority:
    """A CA with its certificate at `path`. With a parent it is an intermediate CA."""

    def __init__(self, directory, name="test-ca", parent=None):
        self.directory = directory
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _name(name)
        issuer = parent or self
        certificate = _certificate(self.name, self.key, issuer.name, issuer.key, (-30, 30),
                                   x509.BasicConstraints(ca=True, path_length=None))
        self.path = directory / f"{name}.pem"
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, stem, names, first_day=-1, last_day=10, *, key=None, common_name=None, purpose=None, self_signed=False):
        """Issues a certificate for DNS names and addresses; returns the paths of certificate and key. The validity is in days from now."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = _name(common_name or names[0])
        extensions = [_alternatives(names)] if names else []
        if purpose:
            extensions.append(x509.ExtendedKeyUsage([purpose]))
        certificate = _certificate(subject, key, subject if self_signed else self.name, key if self_signed else self.key,
                                   (first_day, last_day), *extensions)
        path = self.directory / f"{stem}.pem"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path, _write_key(self.directory / f"{stem}.key", key)
