/* An NTS server on loopback addresses, in the loop of the code under test: NTS-KE over
 * tests/tls_peer.h, NTP over UDP. It is correct in everything unless its fields say otherwise. For
 * unit tests. */
#ifndef TESTS_NTS_PEER_H
#define TESTS_NTS_PEER_H

#include <signal.h>
#include <time.h>

#include <uv.h>

#include "tests/tls_peer.h"
#include "zone/base/address.h"

enum {
    PEER_COOKIE_LEN = 100,
    PEER_SESSIONS = 16,
    PEER_COOKIES = 256,
    PEER_ROOM = 4096
};

struct nts_peer {
    struct tls_peer tls;
    uv_tcp_t listener, *connection;
    uv_udp_t ntp;
    struct endpoint ke_at, ntp_at;
    /* NTS-KE */
    bool mute_tls, mute_ke; /* it sends nothing from this step on */
    bool no_notify;         /* TCP ends without close_notify */
    uint16_t aead_of_many;  /* chosen if several are offered */
    const uint8_t *answer;  /* sent instead of the correct one, unless NULL */
    size_t answer_len;
    const uint8_t *late; /* sent after the answer, in a TLS record of its own */
    size_t late_len;
    const char *server; /* in a Server record; NULL: none */
    unsigned connections, questions;
    /* NTP */
    bool forgiving; /* broken cookies are accepted */
    bool forgetful; /* all cookies are rejected */
    bool garble;    /* authenticators are wrong */
    bool without_uid;
    bool plain;       /* no authenticator, as in a kiss */
    unsigned lose;    /* this many requests get no reply */
    const char *kiss; /* NULL: time */
    double ahead_s;
    unsigned junk;            /* datagrams sent before the reply */
    unsigned requests, twice; /* twice: cookies that were used again */
    bool used[PEER_COOKIES];
    unsigned cookies, sessions;
    struct nts_keys keys[PEER_SESSIONS];
    uint8_t in[PEER_ROOM];
};

/* -- cookies: a session, a number, and octets that must not change -- */

static inline void peer_cookie(struct nts_peer *peer, unsigned session, uint8_t *out)
{
    memset(out, 0x5a, PEER_COOKIE_LEN);
    out[0] = (uint8_t)session;
    out[1] = (uint8_t)(peer->cookies++ % PEER_COOKIES);
}

static inline bool peer_cookie_fine(const uint8_t *cookie)
{
    for (unsigned i = 2; i < PEER_COOKIE_LEN; i++) {
        if (cookie[i] != 0x5a) {
            return false;
        }
    }
    return true;
}

/* -- NTS-KE -- */

static inline void peer_put(struct writer *w, unsigned head, const void *body, size_t len)
{
    write_u16(w, (uint16_t)head);
    write_u16(w, (uint16_t)len);
    write_octets(w, body, len);
}

static inline void peer_export(struct nts_peer *peer, struct nts_keys *keys, uint16_t aead)
{
    struct aead_key *both[] = { &keys->c2s, &keys->s2c };
    for (unsigned i = 0; i < 2; i++) {
        uint8_t context[5];
        nts_ke_exporter_context(context, aead, i == 1);
        both[i]->algorithm = aead;
        ASSERT(SSL_export_keying_material(peer->tls.ssl, both[i]->octets, aead_key_len(aead),
                                          NTS_KE_EXPORTER_LABEL, strlen(NTS_KE_EXPORTER_LABEL),
                                          context, sizeof(context), 1) == 1);
    }
}

/* The length of the request tells whether it offers several algorithms. */
static inline size_t peer_answer(struct nts_peer *peer, size_t request_len, uint8_t *out)
{
    struct writer w = writer_of(out, PEER_ROOM);
    bool many = request_len > 16 && peer->aead_of_many != 0;
    uint16_t aead = many ? peer->aead_of_many : AEAD_SIV_CMAC_256;
    uint8_t number[2] = { 0, (uint8_t)aead };
    unsigned session = peer->sessions++ % PEER_SESSIONS;
    if (aead_key_len(aead) > 0) {
        peer_export(peer, &peer->keys[session], aead);
    }
    peer_put(&w, 0x8001, "\0\0", 2);
    peer_put(&w, 0x8004, number, 2);
    for (unsigned i = 0; i < NTS_COOKIES; i++) {
        uint8_t cookie[PEER_COOKIE_LEN];
        peer_cookie(peer, session, cookie);
        peer_put(&w, 5, cookie, sizeof(cookie));
    }
    wire_put_u16(number, peer->ntp_at.port);
    peer_put(&w, 0x8007, number, 2);
    if (peer->server != NULL) {
        peer_put(&w, 0x8006, peer->server, strlen(peer->server));
    }
    peer_put(&w, 0x8000, NULL, 0);
    ASSERT(!w.failed);
    return w.at;
}

static inline void peer_flush(struct nts_peer *peer)
{
    uint8_t octets[PEER_ROOM];
    for (;;) {
        size_t len = tls_peer_say(&peer->tls, octets, sizeof(octets));
        uv_buf_t buffer = uv_buf_init((char *)octets, (unsigned)len);
        if (len == 0 || peer->connection == NULL ||
            uv_try_write((uv_stream_t *)peer->connection, &buffer, 1) < 0) {
            return;
        }
    }
}

static inline void peer_freed(uv_handle_t *handle)
{
    free(handle);
}

static inline void peer_hang_up(struct nts_peer *peer)
{
    if (peer->connection != NULL) {
        uv_close((uv_handle_t *)peer->connection, peer_freed);
        peer->connection = NULL;
    }
}

static inline void peer_tell(struct nts_peer *peer, size_t request_len)
{
    uint8_t out[PEER_ROOM];
    size_t len = peer_answer(peer, request_len, out);
    (void)SSL_write(peer->tls.ssl, peer->answer != NULL ? peer->answer : out,
                    (int)(peer->answer != NULL ? peer->answer_len : len));
    if (peer->late != NULL) {
        (void)SSL_write(peer->tls.ssl, peer->late, (int)peer->late_len);
    }
    if (!peer->no_notify) {
        (void)SSL_shutdown(peer->tls.ssl);
    }
    peer_flush(peer);
    peer_hang_up(peer);
}

static inline void peer_room(uv_handle_t *handle, size_t, uv_buf_t *buffer)
{
    struct nts_peer *peer = handle->data;
    *buffer = uv_buf_init((char *)peer->in, sizeof(peer->in));
}

static inline void peer_heard(uv_stream_t *stream, ssize_t len, const uv_buf_t *buffer)
{
    struct nts_peer *peer = stream->data;
    uint8_t request[256];
    if (len < 0) {
        if (stream == (uv_stream_t *)peer->connection) {
            peer_hang_up(peer);
        }
        return;
    }
    if (peer->mute_tls) {
        return;
    }
    ASSERT(BIO_write(SSL_get_rbio(peer->tls.ssl), buffer->base, (int)len) == (int)len);
    if (SSL_do_handshake(peer->tls.ssl) == 1 && !peer->mute_ke) {
        int got = SSL_read(peer->tls.ssl, request, sizeof(request));
        if (got > 0) {
            peer->questions++;
            peer_tell(peer, (size_t)got);
            return;
        }
    }
    peer_flush(peer);
}

static inline void peer_called(uv_stream_t *listener, int status)
{
    struct nts_peer *peer = listener->data;
    ASSERT(status == 0);
    peer_hang_up(peer);
    peer->connections++;
    peer->connection = xcalloc(1, sizeof(*peer->connection));
    peer->connection->data = peer;
    uv_tcp_init(listener->loop, peer->connection);
    ASSERT(uv_accept(listener, (uv_stream_t *)peer->connection) == 0);
    tls_peer_accept(&peer->tls);
    uv_read_start((uv_stream_t *)peer->connection, peer_room, peer_heard);
}

/* -- NTP -- */

struct peer_request {
    const uint8_t *uid, *cookie;
    unsigned wanted;
};

static inline struct peer_request peer_request_of(const uint8_t *data, size_t len)
{
    struct peer_request request = { 0 };
    struct reader r = reader_of(data, len);
    read_octets(&r, 48);
    while (reader_left(&r) > 0 && !r.failed) {
        uint16_t type = read_u16(&r);
        uint16_t field_len = read_u16(&r);
        const uint8_t *body = read_octets(&r, field_len - 4U);
        request.uid = type == 0x0104 ? body : request.uid;
        request.cookie = type == 0x0204 ? body : request.cookie;
        request.wanted += type == 0x0204 || type == 0x0304;
    }
    ASSERT(!r.failed && request.uid != NULL && request.cookie != NULL);
    return request;
}

static inline uint64_t peer_now(const struct nts_peer *peer)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    double fraction = (double)now.tv_nsec / 1e9 + peer->ahead_s;
    return ((uint64_t)now.tv_sec + UINT64_C(2208988800)) * (UINT64_C(1) << 32) +
           (uint64_t)(int64_t)(fraction * 4294967296.0);
}

static inline void peer_seal(struct nts_peer *peer, struct writer *w,
                             const struct peer_request *request)
{
    uint8_t text[PEER_ROOM];
    uint8_t sealed[PEER_ROOM];
    static const uint8_t nonce_octets[AEAD_NONCE_MAX] = { 1, 2, 3 };
    unsigned session = request->cookie[0] % PEER_SESSIONS;
    const struct aead_key *key = &peer->keys[session].s2c;
    struct writer t = writer_of(text, sizeof(text));
    for (unsigned i = 0; i < request->wanted; i++) {
        uint8_t cookie[PEER_COOKIE_LEN];
        peer_cookie(peer, session, cookie);
        write_u16(&t, 0x0204);
        write_u16(&t, 4 + sizeof(cookie));
        write_octets(&t, cookie, sizeof(cookie));
    }
    struct octets nonce = { nonce_octets, aead_nonce_len(key->algorithm) };
    ASSERT(aead_seal(sealed, key, (struct octets){ w->data, w->at }, nonce,
                     (struct octets){ text, t.at }));
    sealed[0] ^= peer->garble;
    write_u16(w, 0x0404);
    write_u16(w, (uint16_t)(8 + nonce.len + AEAD_TAG_LEN + t.at));
    write_u16(w, (uint16_t)nonce.len);
    write_u16(w, (uint16_t)(AEAD_TAG_LEN + t.at));
    write_octets(w, nonce.data, nonce.len);
    write_octets(w, sealed, AEAD_TAG_LEN + t.at);
}

static inline size_t peer_reply(struct nts_peer *peer, const uint8_t *data, size_t len,
                                uint8_t *out)
{
    struct peer_request request = peer_request_of(data, len);
    bool known = !peer->forgetful && (peer->forgiving || peer_cookie_fine(request.cookie));
    const char *kiss = known ? peer->kiss : "NTSN";
    struct writer w = writer_of(out, PEER_ROOM);
    if (peer_cookie_fine(request.cookie)) {
        peer->twice += peer->used[request.cookie[1]];
        peer->used[request.cookie[1]] = true;
    }
    write_u8(&w, 4 << 3 | 4);
    write_u8(&w, kiss == NULL);
    write_u16(&w, 0);
    write_u64(&w, 0);
    write_octets(&w, kiss != NULL ? kiss : "TEST", 4);
    write_u64(&w, 0);
    write_octets(&w, data + 40, 8);
    write_u64(&w, peer_now(peer));
    write_u64(&w, peer_now(peer));
    if (!peer->without_uid) {
        write_u16(&w, 0x0104);
        write_u16(&w, 4 + NTS_UID_LEN);
        write_octets(&w, request.uid, NTS_UID_LEN);
    }
    if (known && !peer->plain) {
        peer_seal(peer, &w, &request);
    }
    ASSERT(!w.failed);
    return w.at;
}

static inline void peer_asked(uv_udp_t *socket, ssize_t len, const uv_buf_t *buffer,
                              const struct sockaddr *from, unsigned)
{
    struct nts_peer *peer = socket->data;
    uint8_t out[PEER_ROOM];
    if (len <= 0) {
        return;
    }
    peer->requests++;
    if (peer->lose > 0) {
        peer->lose--;
        return;
    }
    size_t out_len = peer_reply(peer, (const uint8_t *)buffer->base, (size_t)len, out);
    uv_buf_t junk = uv_buf_init((char *)out, 20);
    for (unsigned i = 0; i < peer->junk; i++) {
        (void)uv_udp_try_send(socket, &junk, 1, from);
    }
    uv_buf_t reply = uv_buf_init((char *)out, (unsigned)out_len);
    (void)uv_udp_try_send(socket, &reply, 1, from);
}

/* -- the peer -- */

static inline void peer_open(struct nts_peer *peer, uv_loop_t *loop)
{
    struct sockaddr_storage own;
    int own_len = sizeof(own);
    const struct endpoint anywhere = { address_from_ipv4((const uint8_t[]){ 127, 0, 0, 1 }), 0 };
    (void)signal(SIGPIPE, SIG_IGN);
    tls_peer_init(&peer->tls, -86400, 400L * 86400);
    (void)endpoint_to_sockaddr(&anywhere, &own);
    uv_tcp_init(loop, &peer->listener);
    uv_udp_init(loop, &peer->ntp);
    peer->listener.data = peer;
    peer->ntp.data = peer;
    ASSERT(uv_tcp_bind(&peer->listener, (const struct sockaddr *)&own, 0) == 0);
    ASSERT(uv_udp_bind(&peer->ntp, (const struct sockaddr *)&own, 0) == 0);
    ASSERT(uv_listen((uv_stream_t *)&peer->listener, 8, peer_called) == 0);
    ASSERT(uv_udp_recv_start(&peer->ntp, peer_room, peer_asked) == 0);
    ASSERT(uv_tcp_getsockname(&peer->listener, (struct sockaddr *)&own, &own_len) == 0);
    ASSERT(endpoint_of_sockaddr(&peer->ke_at, (const struct sockaddr *)&own) == RESULT_OK);
    own_len = sizeof(own);
    ASSERT(uv_udp_getsockname(&peer->ntp, (struct sockaddr *)&own, &own_len) == 0);
    ASSERT(endpoint_of_sockaddr(&peer->ntp_at, (const struct sockaddr *)&own) == RESULT_OK);
    uv_update_time(loop); /* making keys took a while, and timers count from the loop's time */
}

/* The loop must be run to its end afterwards. */
static inline void peer_close(struct nts_peer *peer)
{
    peer_hang_up(peer);
    uv_close((uv_handle_t *)&peer->listener, NULL);
    uv_close((uv_handle_t *)&peer->ntp, NULL);
    tls_peer_done(&peer->tls);
}

#endif
