"""A certificate authority for the tests, and certificates that are wrong in one way each."""

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
    """A key and a signing request for one name, as an ACME client takes them: paths of both."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(_name(name)).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False).sign(key, hashes.SHA256())
    request_path = directory / f"{name}.csr"
    request_path.write_bytes(request.public_bytes(serialization.Encoding.PEM))
    return _write_key(directory / f"{name}.key", key), request_path


class Authority:
    """Its own certificate is at `path`."""

    def __init__(self, directory, name="test-ca"):
        self.directory = directory
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _name(name)
        now = datetime.datetime.utcnow()
        certificate = x509.CertificateBuilder().subject_name(self.name).issuer_name(self.name).public_key(
            self.key.public_key()).serial_number(x509.random_serial_number()).not_valid_before(
                now - 30 * _DAY).not_valid_after(now + 30 * _DAY).add_extension(
                    x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(self.key, hashes.SHA256())
        self.path = directory / f"{name}.pem"
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, stem, names, first_day=-1, last_day=10):
        """Paths of certificate and key for DNS names and addresses; valid between two days counted from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.utcnow()
        alternatives = []
        for name in names:
            try:
                alternatives.append(x509.IPAddress(ipaddress.ip_address(name)))
            except ValueError:
                alternatives.append(x509.DNSName(name))
        certificate = x509.CertificateBuilder().subject_name(_name(names[0])).issuer_name(self.name).public_key(
            key.public_key()).serial_number(x509.random_serial_number()).not_valid_before(
                now + first_day * _DAY).not_valid_after(now + last_day * _DAY).add_extension(
                    x509.SubjectAlternativeName(alternatives), critical=False).sign(self.key, hashes.SHA256())
        path = self.directory / f"{stem}.pem"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path, _write_key(self.directory / f"{stem}.key", key)
