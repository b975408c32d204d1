"""Random records of all types in presentation format (RFC 1035 5.1 and the RFC of each type)."""

import base64

# Types that may share a name with other types. Types with names that some readers do not know are written as numbers.
_PLAIN = ("A", "AAAA", "MX", "TXT", "PTR", "HINFO", "RP", "AFSDB", "RT", "LOC", "SRV", "NAPTR", "KX", "CERT", "APL", "SSHFP",
          "IPSECKEY", "DHCID", "TLSA", "SMIMEA", "OPENPGPKEY", "CSYNC", "SVCB", "HTTPS", "NID", "L32", "L64", "LP", "EUI48", "EUI64",
          "URI", "CAA")
_RARE = ("SPF", "MB", "MG", "MR", "MINFO", "WKS", "X25", "ISDN", "NSAP", "NSAP-PTR", "KEY", "PX", "GPOS", "EID", "NIMLOC", "HIP", "TALINK", "NINFO",
         "AVC", "AMTRELAY", "RESINFO", "WALLET", "TA", "DLV")
_SINGLE = ("NSAP-PTR", "RESINFO")
_ODD = b'"$@;()\\. \t\x00\x01\x7f\x80\xff*#!'


class RandomZone:
    """Random lines of a zone file from one random generator. `odd` adds octets that need escapes."""

    def __init__(self, random, apex="pool.test.", odd=True):
        self.random = random
        self.apex = apex
        self.odd = odd

    def number(self, bits):
        return self.random.choice((0, 1, 2 ** bits - 1, self.random.getrandbits(bits)))

    def octets(self, most=60, least=1):
        return self.random.randbytes(self.random.choice((least, self.random.randint(least, most), most)))

    def escaped(self, octet, special):
        char = chr(octet)
        if not 0x20 < octet < 0x7f:
            return f"\\{octet:03}"
        if char in special:
            return self.random.choice((f"\\{char}", f"\\{octet:03}"))
        return char

    def label(self):
        most = self.random.choice((1, 8, 8, 8, 63))
        plain = b"abcdefghijklmnopqrstuvwxyz0123456789-_"
        chars = [self.random.choice(_ODD if self.odd and self.random.random() < 0.2 else plain) for _ in range(self.random.randint(1, most))]
        if chars == [ord("*")]:
            chars = [ord("x")]
        return "".join(self.escaped(octet, '.\\"();@$') for octet in chars)

    def name(self):
        """A random name: relative, absolute, the root or the apex."""
        kind = self.random.random()
        if kind < 0.1:
            return "."
        if kind < 0.2:
            return "@"
        labels = ".".join(self.label() for _ in range(self.random.randint(1, 3)))
        return labels if kind < 0.6 else labels + ".example.net."

    def owner(self):
        return ".".join([self.label() for _ in range(self.random.randint(1, 2))] + [f"n{self.random.getrandbits(40):x}"])

    def string(self, most=255):
        length = self.random.choice((0, 1, 5, 20, most) if self.odd else (1, 5, 20))
        plain = b"abcXYZ0189 -_=+/,:"
        chars = [self.random.choice(_ODD if self.odd and self.random.random() < 0.2 else plain) for _ in range(length)]
        if chars and self.random.random() < 0.3 and ord(" ") not in chars:
            return "".join(self.escaped(octet, '"\\;()$@') for octet in chars)
        return '"' + "".join(" " if octet == 0x20 else self.escaped(octet, '"\\') for octet in chars) + '"'

    def strings(self):
        return " ".join(self.string() for _ in range(self.random.randint(1, 4)))

    def hex(self, *lengths):
        octets = self.random.randbytes(self.random.choice(lengths)).hex()
        at = self.random.randrange(len(octets))
        return octets if self.random.random() < 0.7 or at == 0 else f"{octets[:at]} {octets[at:]}"

    def base64(self):
        return base64.b64encode(self.octets()).decode()

    def digest(self, lengths):
        kind = self.random.choice(list(lengths))
        return f"{kind} {self.hex(lengths[kind])}"

    def ipv4(self):
        return ".".join(str(self.number(8)) for _ in range(4))

    def ipv6(self):
        return ":".join(f"{self.number(16):x}" for _ in range(8))

    def generic(self, octets):
        return f"\\# {len(octets)} {octets.hex()}"

    def wire_name(self):
        return b"\x03net\x00" if self.random.random() < 0.5 else b"\x01a\x03net\x00"

    def data(self, kind):
        r, n = self.random, self.number
        makers = {
            "A": self.ipv4, "AAAA": self.ipv6, "WKS": lambda: f"{self.ipv4()} {n(8)} {n(10)} {n(10)}",
            "MX": lambda: f"{n(16)} {self.name()}", "AFSDB": lambda: f"{n(16)} {self.name()}", "RT": lambda: f"{n(16)} {self.name()}",
            "KX": lambda: f"{n(16)} {self.name()}", "LP": lambda: f"{n(16)} {self.name()}", "PX": lambda: f"{n(16)} {self.name()} {self.name()}",
            "TXT": self.strings, "SPF": self.strings, "NINFO": self.strings, "AVC": self.strings, "RESINFO": self.strings, "WALLET": self.strings,
            "PTR": self.name, "MB": self.name, "MG": self.name, "MR": self.name, "NSAP-PTR": self.name, "CNAME": self.name,
            "RP": lambda: f"{self.name()} {self.name()}", "MINFO": lambda: f"{self.name()} {self.name()}",
            "TALINK": lambda: f"{self.name()} {self.name()}", "HINFO": lambda: f"{self.string()} {self.string()}",
            "X25": lambda: f'"{r.randint(1000, 10 ** 15)}"', "ISDN": lambda: f'"{r.randint(1, 10 ** 15)}"', "NSAP": lambda: f"0x{self.octets(20).hex()}",
            "EID": lambda: self.generic(self.octets(20)), "NIMLOC": lambda: self.generic(self.octets(20)),
            "KEY": lambda: f"{n(14)} 3 {r.choice((3, 5, 8, 13, 15))} {self.base64()}", "GPOS": lambda: '"-32.6882" "116.8652" "10.0"', "LOC": self.location,
            "SRV": lambda: f"{n(16)} {n(16)} {n(16)} {self.name()}", "NAPTR": self.naptr,
            "CERT": lambda: f"{r.choice((1, 2, 3, 253, 254))} {n(16)} {r.choice((0, 5, 8, 13))} {self.base64()}", "APL": self.prefixes,
            "SSHFP": lambda: f"{n(8)} {self.digest({1: 20, 2: 32})}", "TLSA": lambda: f"{n(2)} {n(1)} {self.digest({0: 9, 1: 32, 2: 64})}",
            "SMIMEA": lambda: f"{n(2)} {n(1)} {self.digest({0: 9, 1: 32, 2: 64})}", "IPSECKEY": self.ipseckey, "DHCID": self.base64,
            "OPENPGPKEY": self.base64, "HIP": lambda: f"2 {r.randbytes(16).hex()} {base64.b64encode(r.randbytes(20)).decode()} {self.name()}",
            "CSYNC": lambda: f"{n(32)} {n(2)} {' '.join(self.types())}", "SVCB": self.service, "HTTPS": self.service,
            "NID": lambda: f"{n(16)} {':'.join(f'{n(16):04x}' for _ in range(4))}", "L32": lambda: f"{n(16)} {self.ipv4()}",
            "L64": lambda: f"{n(16)} {':'.join(f'{n(16):04x}' for _ in range(4))}",
            "EUI48": lambda: "-".join(f"{n(8):02x}" for _ in range(6)), "EUI64": lambda: "-".join(f"{n(8):02x}" for _ in range(8)),
            "URI": lambda: f'{n(16)} {n(16)} "ftp://{r.getrandbits(20)}/a b\\"\\200"',
            "CAA": lambda: f"{r.choice((0, 128))} {r.choice(('issue', 'issuewild', 'iodef', 'Tag9'))} {self.string()}",
            "AMTRELAY": lambda: r.choice((f"{n(8)} 1 1 {self.ipv4()}", f"{n(8)} 0 2 {self.ipv6()}", f"{n(8)} 0 3 a.example.", f"{n(8)} 0 0 .")),
            "TA": lambda: f"{n(16)} 13 {self.digest({1: 20, 2: 32, 4: 48})}", "DLV": lambda: f"{n(16)} 13 {self.digest({1: 20, 2: 32, 4: 48})}",
        }
        return makers[kind]()

    def types(self):
        return self.random.sample(("A", "NS", "MX", "AAAA", "TXT", "CAA", "TYPE1234", "TYPE65535"), self.random.randint(1, 5))

    def location(self):
        r = self.random
        angle = f"{r.randint(0, 89)} {r.randint(0, 59)} {r.randint(0, 59)}.{r.randint(0, 999):03} {r.choice('NS')}"
        other = f"{r.randint(0, 179)} {r.randint(0, 59)} {r.randint(0, 59)}.{r.randint(0, 999):03} {r.choice('EW')}"
        sizes = " ".join(f"{r.randint(0, 9) * 10 ** r.randint(0, 7)}.00m" for _ in range(3))
        return f"{angle} {other} {r.randint(-100000, 1000000)}.{r.randint(0, 99):02}m {sizes}"

    def naptr(self):
        what = self.random.choice(('"u" "E2U+sip" "!^.*$!sip:a@example.net!i" .', '"S" "SIP+D2U" "" _sip._udp.example.net.', '"" "" "" @'))
        return f"{self.number(16)} {self.number(16)} {what}"

    def prefixes(self):
        r = self.random
        return " ".join(r.choice((f"{r.choice(('', '!'))}1:{self.random.randint(1, 255)}.{r.randint(0, 255)}.0.0/16", "2:2001:db8::/32"))
                        for _ in range(r.randint(1, 3)))

    def ipseckey(self):
        gateway = self.random.choice(("0 2 .", f"1 2 {self.ipv4()}", f"2 2 {self.ipv6()}", "3 2 gateway.example.net."))
        return f"{self.number(8)} {gateway} {self.base64()}"

    def service(self):
        r = self.random
        parameters = [text for text in ("alpn=h2,h3", f"port={self.number(16)}", f"ipv4hint={self.ipv4()},{self.ipv4()}",
                                        f"ipv6hint={self.ipv6()}", f'key{r.randint(100, 60000)}="a b{r.randint(0, 9)}"') if r.random() < 0.5]
        r.shuffle(parameters)
        return f"{r.randint(1, 65535)} {self.name()} {' '.join(parameters)}" if r.random() < 0.9 else f"0 {self.name()}"

    def record(self, owner, kind, ttl):
        return f"{owner} {ttl} {kind} {self.data(kind)}"

    def lines(self, names):
        r = self.random
        for _ in range(names):
            owner = self.owner()
            if r.random() < 0.1:
                yield self.record(owner, "CNAME", 300)
                continue
            kinds = r.sample(_PLAIN + (_RARE if self.odd else ()), r.randint(1, 6))
            for kind in kinds:
                ttl = r.choice((0, 1, 300, 86400))
                for _ in range(1 if kind in _SINGLE else r.choice((1, 1, 3))):
                    yield self.record(owner, kind, ttl)
            if self.odd:
                yield f"{owner} 300 TYPE{r.randint(1000, 32000)} {self.generic(self.octets(least=0))}"
