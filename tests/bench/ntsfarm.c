/* Many NTS servers in one process, for load tests of the probe. Answers NTS-KE on TCP port 4460 and
 * NTP on UDP port 123 for every address routed to this host, with one certificate. TLS and AES-SIV
 * are real. A cookie is the pair of keys itself, so the farm is stateless. The farm does not
 * authenticate requests.
 *
 *     ntsfarm CERTIFICATE KEY
 *
 * Prints its counters on SIGTERM. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "probe/aead.h"
#include "zone/base/result.h"
#include "zone/base/wire.h"

enum {
    KE_PORT = 4460,
    NTP_PORT = 123,
    EVENTS = 256,
    REQUEST_MAX = 1024,
    KEY_LEN = 32,
    COOKIE_LEN = 2 * KEY_LEN,
    COOKIES = 8,
    FIELD_UID = 0x0104,
    FIELD_COOKIE = 0x0204,
    FIELD_PLACEHOLDER = 0x0304,
    FIELD_AUTH = 0x0404,
    NONCE_LEN = 16
};

struct connection {
    int fd;
    SSL *tls;
    size_t got;
    uint8_t request[REQUEST_MAX];
};

static volatile sig_atomic_t ending;
static unsigned long established, answered;

static void on_term(int)
{
    ending = 1;
}

static void die(const char *what)
{
    perror(what);
    exit(1); /* NOLINT(concurrency-mt-unsafe): there is one thread */
}

static int listen_on(int type, uint16_t port)
{
    int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int off = 0, on = 1, room = 8 << 20;
    struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on,
                     sizeof(on)); /* addresses are routed, not configured */
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
    if (bind(fd, (const struct sockaddr *)&any, sizeof(any)) != 0 ||
        (type == SOCK_STREAM && listen(fd, SOMAXCONN) != 0)) {
        die("bind");
    }
    return fd;
}

static int choose_alpn(SSL *, const unsigned char **out, unsigned char *out_len,
                       const unsigned char *in, unsigned in_len, void *)
{
    static const unsigned char ours[] = "\7ntske/1";
    unsigned char *chosen = NULL;
    int rc = SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len);
    *out = chosen;
    return rc == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static SSL_CTX *context_of(const char *certificate, const char *key)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL || SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        ERR_print_errors_fp(stderr);
        exit(1); /* NOLINT(concurrency-mt-unsafe): there is one thread */
    }
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_alpn_select_cb(context, choose_alpn, NULL);
    SSL_CTX_set_num_tickets(context, 0);
    return context;
}

/* -- NTS-KE, RFC 8915 4 -- */

static void export_key(SSL *tls, uint8_t direction, uint8_t out[KEY_LEN])
{
    static const char label[] = "EXPORTER-network-time-security";
    const uint8_t about[5] = { 0, 0, 0, AEAD_SIV_CMAC_256, direction };
    ASSERT(SSL_export_keying_material(tls, out, KEY_LEN, label, sizeof(label) - 1, about,
                                      sizeof(about), 1) == 1);
}

static void write_record(struct writer *w, uint16_t type, const void *body, uint16_t len)
{
    write_u16(w, type);
    write_u16(w, len);
    write_octets(w, body, len);
}

static void answer_ke(SSL *tls)
{
    uint8_t data[1024], cookie[COOKIE_LEN];
    const uint8_t ntp[2] = { 0, 0 }, aead[2] = { 0, AEAD_SIV_CMAC_256 };
    struct writer w = writer_of(data, sizeof(data));
    export_key(tls, 0, cookie);
    export_key(tls, 1, cookie + KEY_LEN);
    write_record(&w, 0x8001, ntp, sizeof(ntp));
    write_record(&w, 0x8004, aead, sizeof(aead));
    for (unsigned i = 0; i < COOKIES; i++) {
        write_record(&w, 5, cookie, sizeof(cookie));
    }
    write_record(&w, 0x8000, "", 0);
    ASSERT(!w.failed);
    if (SSL_write(tls, data, (int)w.at) > 0) {
        established++;
    }
    (void)SSL_shutdown(tls);
}

static void drop(struct connection *connection)
{
    SSL_free(connection->tls);
    close(connection->fd);
    free(connection);
}

static void serve(struct connection *connection)
{
    int len = 0;
    while ((len = SSL_read(connection->tls, connection->request + connection->got,
                           (int)(REQUEST_MAX - connection->got))) > 0) {
        connection->got += (size_t)len;
        const uint8_t *end = connection->request + connection->got;
        if (connection->got >= 4 && memcmp(end - 4, "\x80\0\0\0", 4) == 0) {
            answer_ke(connection->tls);
            drop(connection);
            return;
        }
    }
    int error = SSL_get_error(connection->tls, len);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
        ERR_clear_error();
        drop(connection);
    }
}

static void accept_all(int listener, int loop, SSL_CTX *context)
{
    int fd = -1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct connection *connection = xcalloc(1, sizeof(*connection));
        connection->fd = fd;
        connection->tls = SSL_new(context);
        SSL_set_fd(connection->tls, fd);
        SSL_set_accept_state(connection->tls);
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
        if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) != 0) {
            drop(connection);
        }
    }
}

/* -- NTP with NTS, RFC 8915 5 -- */

static uint64_t ntp_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return ((uint64_t)now.tv_sec + 2208988800U) << 32 | ((uint64_t)now.tv_nsec << 32) / 1000000000U;
}

struct request {
    const uint8_t *transmit, *uid, *cookie;
    uint16_t uid_len;
    unsigned wanted; /* cookies */
};

static bool parse(struct request *out, const uint8_t *data, size_t len)
{
    struct reader r = reader_of(data, len);
    *out = (struct request){ .wanted = 1 };
    const uint8_t *header = read_octets(&r, 48);
    while (!r.failed && reader_left(&r) > 0) {
        uint16_t type = read_u16(&r);
        uint16_t field_len = read_u16(&r);
        const uint8_t *body = field_len < 4 ? NULL : read_octets(&r, field_len - 4U);
        if (body == NULL) {
            return false;
        }
        if (type == FIELD_UID) {
            out->uid = body;
            out->uid_len = (uint16_t)(field_len - 4);
        } else if (type == FIELD_COOKIE && field_len == 4 + COOKIE_LEN) {
            out->cookie = body;
        } else if (type == FIELD_PLACEHOLDER) {
            out->wanted++;
        }
    }
    out->transmit = header == NULL ? NULL : header + 40;
    return header != NULL && out->uid != NULL && out->cookie != NULL && out->wanted <= COOKIES;
}

static size_t answer_ntp(uint8_t *out, size_t room, const struct request *request)
{
    struct writer w = writer_of(out, room);
    uint8_t text[COOKIES * (4 + COOKIE_LEN)], sealed[sizeof(text) + AEAD_TAG_LEN];
    static const uint8_t nonce[NONCE_LEN] = { 1 };
    struct writer t = writer_of(text, sizeof(text));
    write_u32(&w, 0x24020000U); /* version 4, server, stratum 2 */
    write_u32(&w, 0x00000100);  /* root delay */
    write_u32(&w, 0x00000100);  /* root dispersion */
    write_u32(&w, 0x7f000001);  /* reference */
    write_u64(&w, ntp_now());
    write_octets(&w, request->transmit, 8);
    write_u64(&w, ntp_now());
    write_u64(&w, ntp_now());
    write_u16(&w, FIELD_UID);
    write_u16(&w, (uint16_t)(4 + request->uid_len));
    write_octets(&w, request->uid, request->uid_len);
    for (unsigned i = 0; i < request->wanted; i++) {
        write_u16(&t, FIELD_COOKIE);
        write_u16(&t, 4 + COOKIE_LEN);
        write_octets(&t, request->cookie, COOKIE_LEN);
    }
    struct aead_key key = { .algorithm = AEAD_SIV_CMAC_256 };
    memcpy(key.octets, request->cookie + KEY_LEN, KEY_LEN);
    if (!aead_seal(sealed, &key, (struct octets){ out, w.at },
                   (struct octets){ nonce, sizeof(nonce) }, (struct octets){ text, t.at })) {
        return 0;
    }
    uint16_t sealed_len = (uint16_t)(t.at + AEAD_TAG_LEN);
    write_u16(&w, FIELD_AUTH);
    write_u16(&w, (uint16_t)(8 + NONCE_LEN + sealed_len));
    write_u16(&w, NONCE_LEN);
    write_u16(&w, sealed_len);
    write_octets(&w, nonce, sizeof(nonce));
    write_octets(&w, sealed, sealed_len);
    return w.failed ? 0 : w.at;
}

static void answer_datagrams(int fd)
{
    uint8_t in[2048], out[2048];
    struct sockaddr_in6 from;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
    struct iovec part = { in, sizeof(in) };
    struct msghdr message = { .msg_name = &from, .msg_iov = &part, .msg_iovlen = 1 };
    for (;;) {
        struct request request;
        part = (struct iovec){ in, sizeof(in) };
        message.msg_namelen = sizeof(from);
        message.msg_control = control;
        message.msg_controllen = sizeof(control);
        ssize_t len = recvmsg(fd, &message, MSG_DONTWAIT);
        if (len < 0) {
            return;
        }
        if (!parse(&request, in, (size_t)len)) {
            continue;
        }
        part = (struct iovec){ out, answer_ntp(out, sizeof(out), &request) };
        /* The source is the address that the request was sent to. */
        if (part.iov_len > 0 && sendmsg(fd, &message, 0) > 0) {
            answered++;
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fputs("usage: ntsfarm CERTIFICATE KEY\n", stderr);
        return 2;
    }
    struct sigaction action = { .sa_handler = on_term };
    (void)sigaction(SIGTERM, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    SSL_CTX *context = context_of(argv[1], argv[2]);
    int tcp = listen_on(SOCK_STREAM, KE_PORT), udp = listen_on(SOCK_DGRAM, NTP_PORT);
    int loop = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[EVENTS];
    struct epoll_event on_tcp = { .events = EPOLLIN, .data.ptr = &tcp };
    struct epoll_event on_udp = { .events = EPOLLIN, .data.ptr = &udp };
    if (epoll_ctl(loop, EPOLL_CTL_ADD, tcp, &on_tcp) != 0 ||
        epoll_ctl(loop, EPOLL_CTL_ADD, udp, &on_udp) != 0) {
        die("epoll");
    }
    while (!ending) {
        int count = epoll_wait(loop, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == &tcp) {
                accept_all(tcp, loop, context);
            } else if (events[i].data.ptr == &udp) {
                answer_datagrams(udp);
            } else {
                serve(events[i].data.ptr);
            }
        }
    }
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    printf("established %lu answered %lu cpu %.1f\n", established, answered,
           (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec));
    SSL_CTX_free(context);
    return 0;
}
