/* The checks: identifier, most serious level, what holds if all is well, what to do if it does not,
 * and the source of the rule. Output, help, manual page and tests take them from here. An
 * identifier is group/name; the groups stand together. */
#ifndef TOOLS_CHECK_LIST_H
#define TOOLS_CHECK_LIST_H

#define CHECK_LIST(X)                                                                              \
    X(DELEGATION, "parent/delegation", ERROR, "The parent zone delegates the pool.",               \
      "Ask the parent zone for NS records; `ntspool zone ns list` shows them.", "RFC 1034 4.2.2")  \
    X(NS_SET, "parent/ns-set", ERROR,                                                              \
      "All servers of the parent have the NS records of the pool.",                                \
      "Give the parent zone the name servers of `ntspool zone ns list`, or wait for its servers.", \
      "RFC 1034 4.2.2")                                                                            \
    X(GLUE, "parent/glue", ERROR,                                                                  \
      "The parent has the addresses of all name servers inside the pool.",                         \
      "Give the parent zone the addresses of `ntspool zone ns list`.", "RFC 9471 3")               \
    X(LAME, "parent/lame", ERROR, "Each delegated name server answers for the pool.",              \
      "Start ntspoold there, or take the server out of the delegation.", "RFC 1912 2.8")           \
    X(DS_MATCH, "parent/ds-match", ERROR,                                                          \
      "Each DS record belongs to a key that signs the DNSKEY set, by SHA-256 or SHA-384.",         \
      "Give the parent zone the DS records of `ntspool key ds`, and no others.", "RFC 4035 5.2")   \
    X(DS_STATE, "parent/ds-state", WARNING, "The DS records are those that CDS asks for.",         \
      "Give the parent zone the DS records of `ntspool key ds`; see `ntspool key list`.",          \
      "RFC 7344 4")                                                                                \
    X(DS_TTL, "parent/ds-ttl", WARNING, "The TTL of the DS records is not over parent-ds-ttl.",    \
      "Set parent-ds-ttl to the TTL that the parent uses: rollovers wait for it.", "RFC 7583 3.3") \
    X(DSYNC, "parent/dsync", INFO, "Where the parent zone takes NOTIFY for CDS.",                  \
      "Nothing to do: ntspoold sends it, if ds-resolver is set.", "RFC 9859 4.1")                  \
    X(UDP, "servers/udp", ERROR, "Each address of each name server answers over UDP.",             \
      "Let UDP port 53 through, and see that ntspoold listens on this address.", "RFC 1035 4.2.1") \
    X(TCP, "servers/tcp", ERROR, "Each address answers over TCP.",                                 \
      "Let TCP port 53 through, and see that ntspoold listens on this address.", "RFC 9210 3")     \
    X(AA, "servers/aa", ERROR, "Each address answers with authority.",                             \
      "Serve the pool there: the server does not have the zone.", "RFC 1035 4.1.1")                \
    X(RECURSION, "servers/recursion", WARNING, "No server offers recursion.",                      \
      "Turn recursion off: an open resolver serves attacks.", "RFC 5358 4")                        \
    X(FOREIGN, "servers/foreign", WARNING, "Names outside the pool are refused.",                  \
      "Answer REFUSED to questions about zones that the server does not have.", "RFC 8906 3.1.4")  \
    X(AXFR, "servers/axfr", WARNING, "Nobody gets the whole zone by a transfer.",                  \
      "Refuse AXFR and IXFR from strangers.", "RFC 5936 6")                                        \
    X(EDNS, "servers/edns", ERROR, "Queries with EDNS, and without, are answered in kind.",        \
      "Let EDNS through: look for old software or a firewall in front.", "RFC 6891 6.1.1")         \
    X(TRUNCATION, "servers/truncation", ERROR,                                                     \
      "An answer that does not fit into 512 octets has TC, and comes whole over TCP.",             \
      "Look for a proxy or firewall that changes DNS messages.", "RFC 6891 6.2.3")                 \
    X(BADVERS, "servers/badvers", WARNING, "Another version of EDNS is answered with BADVERS.",    \
      "Look for old software or a firewall in front.", "RFC 6891 6.1.3")                           \
    X(OPTION, "servers/unknown-option", WARNING, "An unknown EDNS option is ignored.",             \
      "Look for old software or a firewall in front.", "RFC 6891 6.1.2")                           \
    X(COOKIES, "servers/cookies", WARNING, "An address knows its own DNS cookies again.",          \
      "Give all servers of an address the same secret: `ntspool cookie set`.", "RFC 9018 3")       \
    X(NSID, "servers/nsid", WARNING, "Each name server has an NSID of its own.",                   \
      "Start each ntspoold with its own --nsid.", "RFC 5001 3.1")                                  \
    X(SERIAL, "servers/serial", ERROR, "All servers have the same version of the zone.",           \
      "Bring the registry of the server with the lower serial up to date.", "RFC 1912 2.2")        \
    X(DNSKEY, "servers/dnskey", ERROR, "All servers have the same DNSKEY records.",                \
      "Bring the keys of all servers up to date: `ntspool key export --to`.", "RFC 4035 2.1")      \
    X(DENIAL_MODE, "servers/denial-mode", ERROR, "All servers deny missing names in one way.",     \
      "Give all servers the same setting `denial`.", "RFC 4035 2.3, RFC 9824 2")                   \
    X(TTL, "servers/ttl", ERROR, "All servers give the same TTLs.",                                \
      "Give all servers the same settings: `ntspool zone show`.", "RFC 2181 5.2")                  \
    X(SIGNATURES, "servers/signatures", ERROR, "All answers are signed, and the signatures hold.", \
      "Look at the keys of this server (`ntspool key list`), and for a proxy in front.",           \
      "RFC 4035 5.3")                                                                              \
    X(VALIDITY, "servers/validity", ERROR, "All signatures are valid now, and for a while.",       \
      "Check the server's clock, and that ntspoold runs; import the next bundle of an offline "    \
      "KSK.",                                                                                      \
      "RFC 4035 5.3.1")                                                                            \
    X(DENIAL, "servers/denial", ERROR, "Missing names and types are denied with proof.",           \
      "Look for a proxy in front; report it if ntspoold itself answers so.",                       \
      "RFC 4035 3.1.3, RFC 9824 2")                                                                \
    X(SIZE, "servers/size", WARNING, "No answer is larger than 1232 octets.",                      \
      "Set a lower srv-count, or use keys with shorter signatures.", "RFC 9715 3.1")               \
    X(RTT, "servers/rtt", INFO, "How long the answers took.", "Nothing to do.", "")                \
    X(SERVICE, "steering/service", ERROR, "Each client gets SRV records for `_ntske._tcp`.",       \
      "See that a member is eligible (`ntspool status`), and that no proxy is in front.",          \
      "RFC 2782")                                                                                  \
    X(PLACE, "steering/place", WARNING, "SRV records stand at `_ntske._tcp` and nowhere else.",    \
      "Remove SRV records from the pool's own name: `ntspool record list`.", "RFC 2782")           \
    X(TARGETS, "steering/targets", WARNING, "Each answer has as many members as it should.",       \
      "Add members, or see why they are out: `ntspool status`.", "RFC 2782")                       \
    X(DIVERSITY, "steering/diversity", WARNING,                                                    \
      "No two members of an answer share an operator or a network.",                               \
      "Register who runs each member (`ntspool member set`), and look for a proxy in front.", "")  \
    X(ROTATION, "steering/rotation", WARNING, "The members of the answers change.",                \
      "Look for a cache in front of the server.", "")                                              \
    X(ECS, "steering/ecs", ERROR, "The client subnet of a query is taken and sent back.",          \
      "Let EDNS options through: look for a proxy in front of the server.", "RFC 7871 7.2.1")      \
    X(SCOPE, "steering/scope", ERROR, "The scope of an answer fits the address family.",           \
      "Look for a proxy in front of the server.", "RFC 7871 7.2.1")                                \
    X(SAME_SCOPE, "steering/same-scope", ERROR, "All servers say the same scope.",                 \
      "Give all servers the same location files.", "RFC 7871 7.3.1")                               \
    X(ECS_ADDRESS, "steering/scope-zero", WARNING,                                                 \
      "Answers that are the same for all clients have scope 0.",                                   \
      "Look for a proxy in front of the server.", "RFC 7871 7.2.1")                                \
    X(ECS_ZERO, "steering/zero-subnet", ERROR,                                                     \
      "A client subnet of no bits is answered for everybody.",                                     \
      "Look for a proxy in front of the server.", "RFC 7871 7.1.2")                                \
    X(ALLOWED, "steering/allowed", ERROR,                                                          \
      "Only members are handed out that the state hands out to this client.",                      \
      "See `ntspool explain --client`; bring state and location files of the server up to date.",  \
      "")                                                                                          \
    X(ADDRESS, "members/address", ERROR, "Each member's name has the addresses that it should.",   \
      "Remove the member, or mend its name: `ntspool member show`.", "RFC 2782")                   \
    X(CAA, "members/caa", WARNING, "CAA records let a CA issue the member's certificate.",         \
      "Set `ca` and the member's --accounturi: `ntspool zone show`, `ntspool member show`.",       \
      "RFC 8659 4")                                                                                \
    X(CONNECT, "members/connect", ERROR, "Each address takes TCP connections for NTS-KE.",         \
      "Let TCP 4460 through, for IPv6 too; `ntspool probe` shows each step.", "RFC 8915 6")        \
    X(TLS, "members/tls", ERROR, "TLS 1.3 with ALPN ntske/1 is spoken.",                           \
      "`ntspool probe` shows each step.", "RFC 8915 3")                                            \
    X(CERTIFICATE, "members/certificate", ERROR,                                                   \
      "The certificate is valid for the target of the SRV record, and for a while.",               \
      "Renew the certificate, and reload the NTS server.", "RFC 9525 6")                           \
    X(NTS_KE, "members/nts-ke", ERROR, "NTS-KE gives keys and cookies.",                           \
      "`ntspool probe` shows each step.", "RFC 8915 4")                                            \
    X(TIME, "members/time", ERROR, "Two NTP exchanges give authenticated time.",                   \
      "Let UDP 123 through; `ntspool probe` shows each step.", "RFC 8915 5")                       \
    X(GOOD_BUT_OUT, "members/good-but-out", WARNING,                                               \
      "Members that give time are handed out (with a state and --members all).",                   \
      "See `ntspool member show`: it may be waiting for its history or its score.", "")            \
    X(CHAIN, "resolvers/chain", ERROR,                                                             \
      "The SRV records are secure from the root's key on, by libunbound.",                         \
      "See parent/ds-match and servers/signatures first.", "RFC 4035 5")                           \
    X(RESOLVES, "resolvers/answers", ERROR, "Each resolver finds the SRV records.",                \
      "See its log: if the chain is secure, the fault is the resolver's.", "RFC 8914")             \
    X(RESOLVER_DNSSEC, "resolvers/dnssec", WARNING, "Each resolver passes signatures on.",         \
      "Turn DNSSEC on in the resolver: clients behind it can't validate.", "RFC 4035 3.2.1")       \
    X(RESOLVER_TTL, "resolvers/ttl", WARNING, "No resolver keeps answers for longer than told.",   \
      "Take out cache-min-ttl or its like: members that left stay in the answers.", "RFC 2181 8")  \
    X(RESOLVER_ECS, "resolvers/ecs", WARNING, "Queries with a client subnet are answered.",        \
      "Look at the resolver's settings for ECS.", "RFC 7871 7.2")                                  \
    X(RESOLVER_CO, "resolvers/compact", WARNING, "Queries with the flag CO are answered.",         \
      "Look for old software or a firewall in front.", "RFC 9824 5.1")                             \
    X(STALE, "resolvers/stale", ERROR, "No resolver hands out members that were removed.",         \
      "Turn off serve-stale for the pool, or flush the resolver's cache.", "RFC 8767 4")

#endif
