"""Makes each kind of server certificate. All chains end at roots in one file, unless a missing root is the fault."""

import datetime
import ipaddress
import subprocess
import tempfile
from pathlib import Path

from OpenSSL import crypto
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, ed448, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose

from machine import ROOT
from pool import APEX

SHA1, SHA224, SHA256, SHA384, SHA512, MD5 = (hashes.SHA1(), hashes.SHA224(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512(),
                                             hashes.MD5())
_START = datetime.datetime.utcnow()
_keys = {}


def key_of(kind):
    """The shared key of a kind, generated at first use."""
    makers = {"p256": lambda: ec.generate_private_key(ec.SECP256R1()), "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
              "p521": lambda: ec.generate_private_key(ec.SECP521R1()), "k256": lambda: ec.generate_private_key(ec.SECP256K1()),
              "brainpool": lambda: ec.generate_private_key(ec.BrainpoolP256R1()),
              "ed25519": ed25519.Ed25519PrivateKey.generate, "ed448": ed448.Ed448PrivateKey.generate}
    if kind not in _keys and kind == "rsa10240":  # generation takes a minute
        text = (ROOT / "tests" / "data" / "rsa10240.key").read_bytes()
        _keys[kind] = serialization.load_pem_private_key(text, None)
    elif kind not in _keys:
        _keys[kind] = makers[kind]() if kind in makers else rsa.generate_private_key(65537, int(kind[3:]))
    return _keys[kind]


def name_of(kind):
    """The DNS name of the server with this kind of certificate."""
    return f"{kind}.{APEX}"


def _name(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)] if text else [])


def usage(*bits):
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
             "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: name in bits for name in names})


def unknown(critical):
    return x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00"), critical


class Maker:
    """A certificate with its key. It can issue others."""

    def __init__(self, issuer=None, subject="root", *, key="p256", ca=True, days=(-30, 30), digest=SHA256, extensions=(), path_length=None,
                 key_usage=None, same_as=None):
        self.key = same_as.key if same_as else key_of(key) if issuer is None or not ca else _fresh(key)
        self.subject = _name(subject)
        parent = issuer or self
        builder = x509.CertificateBuilder().subject_name(self.subject).issuer_name(parent.subject).public_key(
            self.key.public_key()).serial_number(x509.random_serial_number()).not_valid_before(
                _START + datetime.timedelta(days=days[0])).not_valid_after(_START + datetime.timedelta(days=days[1]))
        if ca is not None:
            builder = builder.add_extension(x509.BasicConstraints(ca, path_length), True)
        if key_usage:
            builder = builder.add_extension(key_usage, True)
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        signer = parent.key
        self.certificate = builder.sign(signer, None if isinstance(signer, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)) else digest)

    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)


class Made:
    """A certificate and its key as text, made by openssl: the library does not support RSA-PSS keys or odd serial numbers."""

    def __init__(self, name, issuer, *, key="p256", key_options=(), options=(), extensions=()):
        with tempfile.TemporaryDirectory() as directory:
            at = Path(directory)

            def openssl(*words):
                subprocess.run(["openssl", *words], cwd=at, check=True, capture_output=True)

            if key_options:
                openssl("genpkey", *key_options, "-out", "key")
            else:
                (at / "key").write_bytes(_key_text(key_of(key)))
            (at / "issuer").write_bytes(issuer.pem())
            (at / "issuer.key").write_bytes(issuer.key_text() if isinstance(issuer, Made) else _key_text(issuer.key))
            (at / "extensions").write_text("\n".join([f"subjectAltName=DNS:{name}", *extensions]) + "\n")
            openssl("req", "-new", "-key", "key", "-subj", f"/CN={name}", "-out", "request")
            openssl("x509", "-req", "-in", "request", "-CA", "issuer", "-CAkey", "issuer.key", "-days", "10", "-extfile", "extensions",
                    *(["-set_serial", "4712"] if "-set_serial" not in options else []), *options, "-out", "certificate")
            self._pem, self._key = (at / "certificate").read_bytes(), (at / "key").read_bytes()

    def pem(self):
        return self._pem

    def key_text(self):
        return self._key


def _key_text(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _fresh(kind):
    """A new key for each CA of a chain. RSA keys, which take long to generate, are shared."""
    if kind.startswith("rsa"):
        return key_of(kind)
    return type(key_of(kind)).generate() if kind.startswith("ed") else ec.generate_private_key(key_of(kind).curve)


class Kinds:
    """`chains` has the chain that the server of each kind sends, with the server's own certificate first."""

    def __init__(self):
        self.roots = {}
        self.chains = {}
        self.name = None  # name of the server whose certificates are being made

    def root(self, name="p256", **options):
        if name not in self.roots:
            self.roots[name] = Maker(subject=f"root {name}", **{"key": name, **options})
        return self.roots[name]

    def leaf(self, issuer=None, *, names=None, critical_names=False, key="p256", subject=None, ca=None, extensions=(), **options):
        names = [self.name] if names is None else names
        alternatives = [(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical_names)] if names else []
        return Maker(issuer or self.root(), self.name if subject is None else subject, key=key, ca=ca,
                     extensions=[*alternatives, *extensions], **{"days": (-1, 10), **options})

    def between(self, count, issuer=None, **options):
        """`count` CAs below the root, in the order of a server's chain: the lowest one first."""
        found = []
        for number in range(count):
            found.insert(0, Maker(found[0] if found else issuer or self.root(), f"ca {number}", **options))
        return found

    def under(self, *cas, **options):
        return [self.leaf(cas[0], **options), *cas]

    def add(self, name, make):
        assert name not in self.chains, name
        self.name = name_of(name)
        self.chains[name] = make()

    def write(self, directory):
        for name, chain in self.chains.items():
            (directory / f"{name}.pem").write_bytes(b"".join(each if isinstance(each, bytes) else each.pem() for each in chain))
            key = chain[0].key_text() if isinstance(chain[0], Made) else _key_text(
                chain[0].key if not isinstance(chain[0], bytes) else key_of("p256"))
            (directory / f"{name}.key").write_bytes(key)
        trust = Path(directory) / "roots.pem"
        trust.write_bytes(b"".join(root.pem() for root in self.roots.values()))
        return trust


def _alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _version_1(name, issuer):
    made = crypto.X509()
    made.set_version(0)
    made.get_subject().CN = name
    made.set_issuer(crypto.X509.from_cryptography(issuer.certificate).get_subject())
    made.set_serial_number(4711)
    made.gmtime_adj_notBefore(-86400)
    made.gmtime_adj_notAfter(864000)
    made.set_pubkey(crypto.PKey.from_cryptography_key(key_of("p256")))
    made.sign(crypto.PKey.from_cryptography_key(issuer.key), "sha256")
    return crypto.dump_certificate(crypto.FILETYPE_PEM, made)


def _chains(kinds):
    for count in (1, 2, 6, 7, 8, 9):
        kinds.add(f"chain-{count}", lambda: [*kinds.under(*kinds.between(count))])
    (one,) = kinds.between(1)
    two = kinds.between(2)
    kinds.add("root-sent", lambda: [*kinds.under(one), kinds.root()])
    kinds.add("ca-twice", lambda: [*kinds.under(one), one])
    kinds.add("leaf-twice", lambda: [*[kinds.leaf(one)] * 2, one])
    kinds.add("order-wrong", lambda: [kinds.leaf(two[0]), two[1], two[0]])
    kinds.add("ca-missing", lambda: [kinds.leaf(one)])
    kinds.add("ca-missing-amid", lambda: [kinds.leaf(two[0]), two[0]])
    kinds.add("stranger-sent", lambda: [*kinds.under(one), Maker(subject="stranger")])
    kinds.add("strangers-40", lambda: [*kinds.under(one), *[Maker(subject=f"stranger {number}") for number in range(40)]])
    past = Maker(kinds.root(), "ca 0", days=(-30, -2), same_as=one)
    future = Maker(kinds.root(), "ca 0", days=(2, 30), same_as=one)
    kinds.add("ca-expired", lambda: [*kinds.under(past)])
    kinds.add("ca-not-yet", lambda: [*kinds.under(future)])
    kinds.add("twin-expired-first", lambda: [kinds.leaf(one), past, one])
    kinds.add("twin-expired-last", lambda: [kinds.leaf(one), one, past])
    kinds.add("twin-not-yet-first", lambda: [kinds.leaf(one), future, one])
    old_root = Maker(subject="root gone", days=(-60, -3))
    crossed = Maker(old_root, "root p256", days=(-60, -3), same_as=kinds.root())
    kinds.add("crossed-root-expired", lambda: [*kinds.under(one), crossed])
    twins = kinds.between(1)
    aged = Maker(kinds.root(), "ca 0", days=(-30, -2), same_as=twins[0])
    upper = Maker(twins[0], "upper", key="p256")
    kinds.add("twin-expired-amid", lambda: [kinds.leaf(upper), upper, aged, twins[0]])


def _names(kinds):
    kinds.add("wildcard", lambda: [kinds.leaf(names=[f"*.{APEX}"])])
    kinds.add("wildcard-partial", lambda: [kinds.leaf(names=[f"wild*.{APEX}"])])
    kinds.add("wildcard-too-wide", lambda: [kinds.leaf(names=["*.test"])])
    kinds.add("common-name-only", lambda: [kinds.leaf(names=[])])
    kinds.add("address-only", lambda: [kinds.leaf(names=["192.0.2.1"])])
    kinds.add("wrong-name", lambda: [kinds.leaf(names=[f"other.{APEX}"], subject=f"other.{APEX}")])
    kinds.add("wrong-names-right-common-name", lambda: [kinds.leaf(names=[f"other.{APEX}"])])
    kinds.add("name-upper-case", lambda: [kinds.leaf(names=[kinds.name.upper()])])
    kinds.add("names-100", lambda: [kinds.leaf(names=[*(f"n{number}.{APEX}" for number in range(99)), kinds.name])])
    kinds.add("names-1500", lambda: [kinds.leaf(names=[*(f"name-{number}.{APEX}" for number in range(1499)), kinds.name])])
    kinds.add("subject-empty", lambda: [kinds.leaf(subject="", critical_names=True)])
    kinds.add("name-and-address", lambda: [kinds.leaf(names=[kinds.name, "192.0.2.1"])])
    kinds.add("name-with-underscore-beside", lambda: [kinds.leaf(names=[f"_x.{APEX}", kinds.name])])


def _dates(kinds):
    kinds.add("expired", lambda: [kinds.leaf(days=(-10, -1))])
    kinds.add("not-yet", lambda: [kinds.leaf(days=(1, 10))])
    kinds.add("short-lived", lambda: [kinds.leaf(days=(-0.5, 5.5))])
    kinds.add("an-hour", lambda: [kinds.leaf(days=(-1 / 48, 1 / 24))])
    kinds.add("until-2060", lambda: [kinds.leaf(days=(-1, 12500))])


def _trust(kinds):
    kinds.add("self-signed", lambda: [Maker(subject=kinds.name, ca=None, key="p256", days=(-1, 10),
                                   extensions=[(x509.SubjectAlternativeName([x509.DNSName(kinds.name)]), False)])])
    kinds.add("unknown-ca", lambda: [kinds.leaf(Maker(subject="nobody"))])


def _constraints(kinds):
    def ca(**options):
        return Maker(kinds.root(), "ca", **options)

    kinds.add("leaf-is-ca", lambda: [kinds.leaf(ca=True)])
    kinds.add("leaf-says-no-ca", lambda: [kinds.leaf(ca=False)])
    kinds.add("version-1", lambda: [_version_1(kinds.name, kinds.root())])
    kinds.add("ca-is-none", lambda: [*kinds.under(ca(ca=False, key="p384"))])
    kinds.add("ca-may-not-sign", lambda: [*kinds.under(ca(key_usage=usage("digital_signature")))])
    kinds.add("ca-may-sign", lambda: [*kinds.under(ca(key_usage=usage("key_cert_sign", "crl_sign")))])
    short = Maker(kinds.root(), "short", path_length=0)
    kinds.add("path-too-long", lambda: [*kinds.under(Maker(short, "below"), short)])
    kinds.add("path-fits", lambda: [*kinds.under(short)])
    for name, subtrees in {"fits": (["pool.test"], None), "violated": (["other.test"], None), "excluded": (None, ["pool.test"]),
                           "excluded-other": (None, ["other.test"])}.items():
        permitted, excluded = ([x509.DNSName(each) for each in tree] if tree else None for tree in subtrees)
        kinds.add(f"name-constraint-{name}", lambda: [*kinds.under(ca(extensions=[(x509.NameConstraints(permitted, excluded), True)]))])
    kinds.add("policy-constraint", lambda: [*kinds.under(ca(extensions=[(x509.PolicyConstraints(0, None), True)]))])
    kinds.add("policy-critical", lambda: [kinds.leaf(extensions=[(x509.CertificatePolicies([x509.PolicyInformation(
        x509.ObjectIdentifier("2.23.140.1.2.1"), None)]), True)])])
    kinds.add("inhibit-any-policy", lambda: [*kinds.under(ca(extensions=[(x509.InhibitAnyPolicy(0), True)]))])
    kinds.add("unknown-critical", lambda: [kinds.leaf(extensions=[unknown(True)])])
    kinds.add("unknown-not-critical", lambda: [kinds.leaf(extensions=[unknown(False)])])
    kinds.add("ca-unknown-critical", lambda: [*kinds.under(ca(extensions=[unknown(True)]))])


def _uses(kinds):
    for name, bits, key in (("signature", ["digital_signature"], "p256"), ("agreement", ["key_agreement"], "p256"),
                            ("cert-sign", ["key_cert_sign"], "p256"), ("encipherment", ["key_encipherment"], "rsa2048"),
                            ("both", ["digital_signature", "key_encipherment"], "rsa2048")):
        kinds.add(f"usage-{name}", lambda: [kinds.leaf(key=key, key_usage=usage(*bits))])
    for name, purposes, critical in (("server", [Purpose.SERVER_AUTH], False), ("server-critical", [Purpose.SERVER_AUTH], True),
                                     ("server-and-client", [Purpose.SERVER_AUTH, Purpose.CLIENT_AUTH], False),
                                     ("client", [Purpose.CLIENT_AUTH], False), ("any", [Purpose.ANY_EXTENDED_KEY_USAGE], False),
                                     ("code", [Purpose.CODE_SIGNING], False)):
        kinds.add(f"purpose-{name}", lambda: [kinds.leaf(extensions=[(x509.ExtendedKeyUsage(purposes), critical)])])
    for name, purpose in (("client", Purpose.CLIENT_AUTH), ("server", Purpose.SERVER_AUTH)):
        kinds.add(f"ca-purpose-{name}", lambda: [*kinds.under(Maker(kinds.root(), "ca", extensions=[(x509.ExtendedKeyUsage([purpose]), False)]))])


def _keys_and_signatures(kinds):
    for key in ("p256", "p384", "p521", "k256", "brainpool", "ed25519", "ed448", "rsa1024", "rsa2048", "rsa4096", "rsa10240"):
        kinds.add(f"key-{key}", lambda: [kinds.leaf(key=key)])
    for root, digests in {"p256": (SHA1, SHA224, SHA384, SHA512), "p384": (SHA256, SHA384, SHA512), "p521": (SHA512,),
                          "ed25519": (None,), "ed448": (None,), "rsa1024": (SHA256,),
                          "rsa2048": (MD5, SHA1, SHA224, SHA256, SHA384, SHA512)}.items():
        for digest in digests:
            issuer = kinds.root(root)
            kinds.add(f"signed-{root}-{digest.name if digest else 'own'}", lambda: [kinds.leaf(issuer, digest=digest)])
    kinds.add("ca-signed-sha1", lambda: [*kinds.under(Maker(kinds.root(), "ca", digest=SHA1))])
    kinds.add("ca-signed-sha512", lambda: [*kinds.under(Maker(kinds.root(), "ca", digest=SHA512))])
    kinds.add("ca-p521", lambda: [*kinds.under(Maker(kinds.root(), "ca", key="p521"), digest=SHA512)])
    kinds.add("ca-rsa1024", lambda: [*kinds.under(Maker(kinds.root(), "ca", key="rsa1024"))])


def _odd(kinds):
    pss = ("-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048")
    padding = ("-sigopt", "rsa_padding_mode:pss", "-sigopt")
    ca = ("basicConstraints=critical,CA:TRUE",)
    root, rsa_root = kinds.root(), kinds.root("rsa2048")
    kinds.add("key-rsapss", lambda: [Made(kinds.name, root, key_options=pss)])
    middle = Made("ca pss", root, key_options=pss, extensions=ca)
    kinds.add("ca-rsapss", lambda: [Made(kinds.name, middle), middle])
    kinds.add("signed-rsapss-sha256", lambda: [Made(kinds.name, rsa_root, options=[*padding, "rsa_pss_saltlen:32"])])
    kinds.add("signed-rsapss-salt-64", lambda: [Made(kinds.name, rsa_root, options=[*padding, "rsa_pss_saltlen:64"])])
    kinds.add("signed-rsapss-salt-20", lambda: [Made(kinds.name, rsa_root, options=[*padding, "rsa_pss_saltlen:20"])])
    kinds.add("key-p224", lambda: [Made(kinds.name, root, key_options=("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-224"))])
    kinds.add("key-rsa-e3", lambda: [Made(kinds.name, root, key_options=("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_pubexp:3"))])
    for number, value in (("zero", "0"), ("negative", "-5"), ("long", "0x" + "7f" * 30)):
        kinds.add(f"serial-{number}", lambda: [Made(kinds.name, root, options=["-set_serial", value])])


def _stapling(kinds):
    staple, other = x509.TLSFeature([x509.TLSFeatureType.status_request]), x509.TLSFeature([x509.TLSFeatureType.status_request_v2])
    kinds.add("must-staple", lambda: [kinds.leaf(extensions=[(staple, False)])])
    kinds.add("must-staple-v2", lambda: [kinds.leaf(extensions=[(other, False)])])
    kinds.add("ca-must-staple", lambda: [*kinds.under(Maker(kinds.root(), "ca", extensions=[(staple, False)]))])


def make():
    kinds = Kinds()
    for part in (_chains, _names, _dates, _trust, _constraints, _uses, _keys_and_signatures, _odd, _stapling):
        part(kinds)
    return kinds
