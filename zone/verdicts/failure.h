/* The classes of failure of a probe: a stable identifier, the sentence for the member's operator,
 * and the source of the rule. state/health stores them by number, users see them by name, so new
 * rows are added at the end only. */
#ifndef ZONE_FAILURE_H
#define ZONE_FAILURE_H

#include <stdbool.h>

#define FAILURE_LIST(X)                                                                            \
    X(NONE, "ok", "Nothing to do.", "")                                                            \
    X(RESOLVE, "resolve", "Make the server's name resolve to its addresses.", "")                  \
    X(ADDRESS, "address", "Register a public address; this one may not be probed or handed out.",  \
      "RFC 6890")                                                                                  \
    X(CONNECT_REFUSED, "connect-refused", "Start the NTS-KE service and let TCP 4460 through.",    \
      "RFC 8915 6")                                                                                \
    X(CONNECT_TIMEOUT, "connect-timeout", "Open TCP 4460 in the firewall and check the route.",    \
      "RFC 8915 6")                                                                                \
    X(CONNECT_ERROR, "connect-error",                                                              \
      "Check routing: the network reports the address unreachable.", "")                           \
    X(TLS_VERSION, "tls-version", "Enable TLS 1.3.", "RFC 8915 3")                                 \
    X(TLS_ALPN, "tls-alpn", "Serve NTS-KE on this port: ALPN must be ntske/1.", "RFC 8915 4")      \
    X(TLS_HANDSHAKE, "tls-handshake", "Check the TLS set-up of the NTS-KE service.", "RFC 8446")   \
    X(TLS_TIMEOUT, "tls-timeout", "The TLS handshake hangs: check load and path MTU.", "RFC 8446") \
    X(CERT_CHAIN, "cert-chain", "Use a certificate of a public CA and serve the whole chain.",     \
      "RFC 5280 6")                                                                                \
    X(CERT_EXPIRED, "cert-expired", "Renew the certificate and reload the NTS server.",            \
      "RFC 5280 4.1.2.5")                                                                          \
    X(CERT_NOT_YET, "cert-not-yet", "The certificate is not valid yet: check the clocks.",         \
      "RFC 5280 4.1.2.5")                                                                          \
    X(CERT_NAME, "cert-name", "Get a certificate for the member's name in the pool.",              \
      "RFC 9525 6")                                                                                \
    X(KE_TIMEOUT, "ke-timeout", "NTS-KE did not answer in time: check the load of the server.",    \
      "RFC 8915 4")                                                                                \
    X(KE_CLOSED, "ke-closed", "NTS-KE ended before its End of Message.", "RFC 8915 4.1.1")         \
    X(KE_MALFORMED, "ke-malformed", "The NTS-KE answer breaks the record format.", "RFC 8915 4")   \
    X(KE_TOO_LONG, "ke-too-long", "The NTS-KE answer is longer than 4096 octets.", "RFC 8915 4")   \
    X(KE_CRITICAL, "ke-critical", "The NTS-KE answer has an unknown critical record.",             \
      "RFC 8915 4")                                                                                \
    X(KE_ERROR, "ke-error", "NTS-KE answered with an Error record.", "RFC 8915 4.1.3")             \
    X(KE_WARNING, "ke-warning", "NTS-KE answered with a Warning record.", "RFC 8915 4.1.4")        \
    X(KE_PROTOCOL, "ke-protocol", "NTS-KE did not agree on NTPv4.", "RFC 8915 4.1.2")              \
    X(KE_AEAD, "ke-aead", "NTS-KE did not agree on AEAD_AES_SIV_CMAC_256.", "RFC 8915 4.1.5")      \
    X(KE_COOKIES, "ke-cookies", "NTS-KE gave no cookie.", "RFC 8915 4.1.6")                        \
    X(KE_SERVER, "ke-server", "NTS-KE sends clients to an NTP server that is not registered.",     \
      "RFC 8915 4.1.7")                                                                            \
    X(KE_PORT, "ke-port", "NTS-KE sends clients to a port that can't be used.", "RFC 8915 4.1.8")  \
    X(NTP_SILENT, "ntp-silent", "Let UDP 123 through and check that NTP answers NTS.",             \
      "RFC 8915 5")                                                                                \
    X(NTP_MALFORMED, "ntp-malformed", "The NTP answer breaks the packet format.",                  \
      "RFC 5905 7.3, RFC 7822")                                                                    \
    X(NTP_ORIGIN, "ntp-origin", "The NTP answer does not echo our transmit timestamp.",            \
      "RFC 5905 8")                                                                                \
    X(NTP_UID, "ntp-uid", "The NTP answer does not echo our Unique Identifier.", "RFC 8915 5.3")   \
    X(NTP_AUTH, "ntp-auth", "The NTP answer is not authentic: NTS keys of KE and NTP differ.",     \
      "RFC 8915 5.6")                                                                              \
    X(NTP_NAK, "ntp-nak", "NTP refuses a fresh cookie: KE and NTP must share their keys.",         \
      "RFC 8915 5.7")                                                                              \
    X(NTP_COOKIES, "ntp-cookies", "The NTP answer brings no new cookie.", "RFC 8915 5.7")          \
    X(NTP_TOO_LONG, "ntp-too-long", "The NTP answer is longer than the request.", "RFC 8915 5.7")  \
    X(NTP_RATE, "ntp-rate", "NTP rate-limits the probe: allow one exchange a minute.",             \
      "RFC 5905 7.4")                                                                              \
    X(NTP_DENY, "ntp-deny", "NTP denies service to the probe: a pool server must serve all.",      \
      "RFC 5905 7.4")                                                                              \
    X(NTP_KOD, "ntp-kod", "NTP answered with a kiss code.", "RFC 5905 7.4")                        \
    X(UNSYNCHRONISED, "unsynchronised", "The server has no synchronised time: check its sources.", \
      "RFC 5905")                                                                                  \
    X(STRATUM, "stratum", "The server's stratum is out of range.", "RFC 5905 7.3")                 \
    X(ROOT_DISTANCE, "root-distance", "The server's time is too uncertain: check its sources.",    \
      "RFC 5905 11.2")                                                                             \
    X(TRANSMIT, "transmit", "The NTP answer has no transmit time.", "RFC 5905 8")                  \
    X(OFFSET, "offset", "The server's time is wrong: check its sources.", "RFC 5905 8")            \
    X(INTERNAL, "internal", "The probe itself failed; nothing is wrong with the server.", "")      \
    X(NTP_FORGED_COOKIE, "ntp-forged-cookie",                                                      \
      "NTP takes a cookie that nobody gave out: the NTS server must authenticate its cookies.",    \
      "RFC 8915 5.7, 6")                                                                           \
    X(RESOLVE_MISSING, "resolve-missing",                                                          \
      "The server's name does not exist in the DNS: enter it, or register another one.",           \
      "RFC 8020 2")                                                                                \
    X(FAMILY_OFF, "family-off",                                                                    \
      "Nothing is reached by this address family from the vantage point: check its own network; "  \
      "this says nothing of the server.",                                                          \
      "")                                                                                          \
    X(CERT_USAGE, "cert-usage",                                                                    \
      "Get a certificate whose key may sign (key usage digitalSignature): chronyd refuses it.",    \
      "RFC 8446 4.4.2.2")                                                                          \
    X(CERT_STAPLE, "cert-staple",                                                                  \
      "Get a certificate without must-staple: NTS servers send no OCSP response, and chronyd "     \
      "refuses it.",                                                                               \
      "RFC 7633 4.3")                                                                              \
    X(CONSENT, "consent",                                                                          \
      "Have the server's name consent to the pool: enter a TXT record at _ntspool.NAME that says " \
      "pool=POOL.",                                                                                \
      "")

#define FAILURE_ENUM(name, id, advice, source) FAILURE_##name,
enum failure {
    FAILURE_LIST(FAILURE_ENUM) FAILURE_COUNT
};
#undef FAILURE_ENUM

/* Never NULL. A number out of range is shown as "internal". */
const char *failure_id(enum failure failure);
const char *failure_advice(enum failure failure);
const char *failure_source(enum failure failure);

/* Nothing came from the server itself, so the fault may be anywhere in the network. A refused
 * connection counts too: an ICMP error of a router looks the same. */
bool failure_is_silence(enum failure failure);
/* The failure is ours: it is shown and has no effect. */
bool failure_is_ours(enum failure failure);
/* The server was heard: the probe succeeded, or failed by what the server sent. */
bool failure_was_heard(enum failure failure);

#endif
