"""A served pool for validators, in each form of a signed zone: two algorithms and two forms of denial."""

from pool import APEX, SRV, Pool

FORMS = {"ecdsap256": (13, "nsec"), "ed25519": (15, "nsec"), "compact": (13, "compact")}
STATIC = f"www.{APEX}. 600 IN A 203.0.113.80\ndeep.under.nothing.{APEX}. 600 IN TXT \"x\"\n"

EXISTING = [(APEX, "SOA"), (APEX, "NS"), (APEX, "DNSKEY"), (APEX, "CDS"), (APEX, "CDNSKEY"), (APEX, "CAA"), (SRV, "SRV"),
            (f"alice.{APEX}", "A"), (f"alice.{APEX}", "AAAA"), (f"alice.{APEX}", "CAA"), (f"ns1.{APEX}", "A"),
            (f"www.{APEX}", "A"), (f"deep.under.nothing.{APEX}", "TXT"), (f"_whoami.{APEX}", "TXT")]
NODATA = [(f"alice.{APEX}", "MX"), (f"_whoami.{APEX}", "A"), (f"www.{APEX}", "AAAA"), (APEX, "A"), (SRV, "A"), (f"_tcp.{APEX}", "A"),
          (f"under.nothing.{APEX}", "A"), (f"nothing.{APEX}", "TXT")]
NXDOMAIN = [f"missing.{APEX}", f"a.b.missing.{APEX}", f"x.alice.{APEX}", f"_udp.{APEX}", f"x._tcp.{APEX}", f"0.{APEX}",
            f"zzz.{APEX}", f"x.nothing.{APEX}", "\\000." + APEX, f"{'z' * 63}.{APEX}", f"\\255.{APEX}"]


class SignedPool(Pool):
    """Has the eligible members alice (both address families) and bob (IPv4), and static records, and _whoami."""

    def __init__(self, machine, form):
        super().__init__(machine)
        self.number, self.denial = FORMS[form]
        self.init("--algorithm", "ed25519" if form == "ed25519" else "ecdsap256", "--denial", self.denial)
        self.add("alice", "127.0.1.1", "2001:db8::11")
        self.add("bob", "127.0.1.2")
        self.cli("member", "override", "--all", "eligible")
        self.cli("record", "load", machine.write("static.zone", STATIC))
        self.cli("zone", "set", "whoami", "on")
        self.serve()
