"""Other authoritative nameservers that serve the benchmark's pool, each as close to the work of ntspoold as it can get."""

import collections
import pathlib
import subprocess

from servers import ROOT, Server, call

PACKAGES = ["gdnsd", "knot", "knot-module-geoip", "ldnsutils", "nsd", "pdns-backend-geoip", "pdns-server"]

# `files`: the query file for each column of the table. A column is missing if the server can't do that work; `note` says so.
Peer = collections.namedtuple("Peer", "make files note")


PACKAGES_STATIC = ["knot", "ldnsutils", "nsd"]


def install(log, packages=PACKAGES):
    """Installs missing Debian packages and keeps their services from starting."""
    call("bash", "-c", 'set -e; root=$1; . "$1/tools/packages.sh"; shift; install_packages "$@"', "bench", ROOT, log.name,
         *packages)


def knot_config(pool, own, listen, modules="", module=""):
    """The static zone, signed at load. `listen`: lines of the server section, and sections after it."""
    own.mkdir()
    (own / "knot.conf").write_text(f"""server:
    rundir: {own}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    user: root:root
{listen}
database:
    storage: {own}
policy:
  - id: p
    algorithm: ecdsap256sha256
{modules}zone:
  - domain: pool.test
    file: {pool.files}/static.zone
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
    dnssec-signing: on
    dnssec-policy: p
{module}
""")
    return ["knotd", "-c", own / "knot.conf"]


def knot(pool, locations, log, geoip):
    """Knot with the static zone. With `geoip`, mod-geoip answers SRV with one fixed set per country."""
    server = Server("Knot geoip" if geoip else "Knot static", log)
    listen = f"    listen: 127.0.0.1@{server.port}\n    edns-client-subnet: on"
    if not geoip:
        return server.run(knot_config(pool, pool.directory / "knot-0", listen))
    command = knot_config(pool, pool.directory / "knot-1", listen, f"""mod-geoip:
  - id: geo
    config-file: {pool.files}/geo.knot
    ttl: 150
    mode: geodb
    geodb-file: {locations}
    geodb-key: [ "country/iso_code" ]
    policy: p
""", "    module: mod-geoip/geo\n")
    server.run(command).stop()  # the first start makes the keys that the module requires
    return server.run(command)


def knot_at(server, pool, interface=None):
    """Knot with the static zone on the server's address, or by XDP on the interface."""
    own = pool.directory / f"knot-{interface or server.address}"
    if interface:
        return server.run(knot_config(pool, own, f"xdp:\n    listen: {interface}@{server.port}"))
    return server.run(knot_config(pool, own, f"    listen: {server.address}@{server.port}"))


def nsd(pool, locations, log):
    """NSD with the static zone, signed by ldns."""
    server = Server("NSD static", log)
    own = pool.directory / "nsd"
    own.mkdir()
    key = call("ldns-keygen", "-a", "ECDSAP256SHA256", "-k", "pool.test", cwd=own, stdout=subprocess.PIPE).stdout.strip()
    call("ldns-signzone", "-f", own / "pool.zone", pool.files / "static.zone", own / key, cwd=own)
    (own / "nsd.conf").write_text(f"""server:
    ip-address: 127.0.0.1@{server.port}
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{own}"
    database: ""
    pidfile: "{own}/pid"
    xfrdfile: "{own}/xfrd"
    zonelistfile: "{own}/list"
    xfrdir: "{own}"
    rrl-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: pool.test
    zonefile: "pool.zone"
""")
    server.run(["nsd", "-d", "-c", own / "nsd.conf"])
    # A descendant answers, not the process that was started.
    children = pathlib.Path(f"/proc/{server.cpu_pid}/task/{server.cpu_pid}/children").read_text().split()
    while children:
        server.cpu_pid = int(children[0])
        children = pathlib.Path(f"/proc/{server.cpu_pid}/task/{server.cpu_pid}/children").read_text().split()
    return server


def powerdns(pool, locations, log):
    """PowerDNS with the geoip backend: SRV by country, every answer signed when queried."""
    server = Server("PowerDNS geoip", log)
    own = pool.directory / "powerdns"
    (own / "keys").mkdir(parents=True)
    (own / "pdns.conf").write_text(f"""launch=geoip
local-address=127.0.0.1
local-port={server.port}
socket-dir={own}
geoip-zones-file={pool.files}/pdns.yaml
geoip-database-files=mmdb:{locations}
geoip-dnssec-keydir={own}/keys
edns-subnet-processing=yes
receiver-threads=1
signing-threads=1
distributor-threads=1
""")
    call("pdnsutil", f"--config-dir={own}", "secure-zone", "pool.test", stdout=log, stderr=log)
    return server.run(["pdns_server", f"--config-dir={own}"])


def gdnsd(pool, locations, log):
    """gdnsd with the static zone, unsigned, and a geolocated A in place of the SRV."""
    server = Server("gdnsd", log, records=1)
    own = pool.directory / "gdnsd"
    (own / "zones").mkdir(parents=True)
    (own / "zones/pool.test").write_text((pool.files / "static.zone").read_text() + "geo 150 DYNA geoip!pool\n")
    continents = ["AF", "AN", "AS", "EU", "NA", "OC", "SA"]
    centres = ", ".join(continents)
    (own / "config").write_text(f"""options => {{
    listen => 127.0.0.1:{server.port}
    run_dir => {own}/run
    state_dir => {own}/state
    udp_threads => 1
    tcp_threads => 1
}}
plugins => {{ geoip => {{
    maps => {{ world => {{
        geoip2_db => {locations}
        datacenters => [{centres}]
        map => {{ default => [{centres}], {", ".join(f"{c} => [{c}]" for c in continents)} }}
    }} }}
    resources => {{ pool => {{
        map => world
        dcmap => {{ {", ".join(f"{c} => 192.0.2.{i + 1}" for i, c in enumerate(continents))} }}
    }} }}
}} }}
""")
    return server.run(["gdnsd", "-c", own, "start"])


SAME = dict(srv="srv", addr="addr", neg="neg", mix="mix")
PEERS = [
    Peer(lambda *a: knot(*a, True), SAME, "Knot geoip: signed at load, one fixed set a country."),
    Peer(lambda *a: knot(*a, False), SAME, "Knot static: the same SRV set for every client."),
    Peer(nsd, SAME, "NSD static: the same SRV set for every client, signed by ldns."),
    Peer(powerdns, SAME, "PowerDNS geoip: signs each answer when asked, except for what its caches hold; "
         "TC: the answer does not fit and has to be asked for over TCP."),
    Peer(gdnsd, dict(srv="geoa", addr="addr", neg="neg"),
         "gdnsd: nothing is signed; its SRV can't be located, so `srv` asks for a geolocated A."),
]
