/* NTS-KE inside TLS, from the handshake to the exported keys. The first octet gives the meaning of
 * the rest:
 *
 *   'p'  the application data of a correct TLS server, in pieces of the length in the next octet
 *   'c'  changes to the server's TLS octets: a position (two octets) and an octet to xor there,
 *        repeated
 *   'r'  octets that replace the server's */
#include <string.h>

#include "tests/tls_peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    DAY_S = 86400,
    ANSWER_ROOM = NTS_KE_ANSWER_MAX + 1,
    WIRE_ROOM = 16384
};

struct input {
    uint8_t kind;
    const uint8_t *data;
    size_t size;
    size_t position; /* in the server's octets */
};

static const uint8_t good[] = { 0x80, 1, 0, 2, 0, 0, 0x80, 4, 0,    2, 0, 15,
                                0,    5, 0, 4, 1, 2, 3,    4, 0x80, 0, 0, 0 };

static void change(struct input *input, uint8_t *octets, size_t len)
{
    for (size_t i = 0; input->kind == 'c' && i + 3 <= input->size; i += 3) {
        size_t at = (size_t)input->data[i] << 8 | input->data[i + 1];
        if (at >= input->position && at - input->position < len) {
            octets[at - input->position] ^= input->data[i + 2];
        }
    }
    input->position += len;
}

/* Passes the output of each end to the other. */
static void exchange(struct tls_peer *peer, struct tls_client *client, struct input *input)
{
    uint8_t octets[WIRE_ROOM];
    tls_peer_hear(peer, client);
    (void)SSL_do_handshake(peer->ssl);
    size_t len = tls_peer_say(peer, octets, sizeof(octets));
    if (input->kind == 'r') {
        len = input->size - input->position < len ? input->size - input->position : len;
        memcpy(octets, input->data + input->position, len);
    }
    change(input, octets, len);
    ASSERT(tls_client_put(client, octets, len));
}

static bool shake_hands(struct tls_peer *peer, struct tls_client *client, struct input *input)
{
    enum failure failure = FAILURE_NONE;
    char detail[NTS_DETAIL_ROOM] = "";
    enum tls_progress progress = TLS_WAITING;
    for (unsigned turn = 0; turn < 6 && progress == TLS_WAITING; turn++) {
        progress = tls_client_handshake(client, &failure, detail);
        exchange(peer, client, input);
    }
    ASSERT(progress != TLS_FAILED || (failure != FAILURE_NONE && detail[0] != '\0'));
    return progress == TLS_DONE;
}

static void say(struct tls_peer *peer, const struct input *input)
{
    if (input->kind != 'p' || input->size == 0) {
        (void)SSL_write(peer->ssl, good, sizeof(good));
        return;
    }
    size_t piece = input->data[0] + 1U;
    for (size_t at = 1; at < input->size; at += piece) {
        size_t left = input->size - at;
        (void)SSL_write(peer->ssl, input->data + at, (int)(left < piece ? left : piece));
    }
}

static void read_answer(struct tls_client *client)
{
    uint8_t octets[ANSWER_ROOM];
    size_t len = 0;
    size_t got = 1;
    while (got > 0 && len < sizeof(octets)) {
        (void)tls_client_read(client, octets + len, sizeof(octets) - len, &got);
        len += got;
    }
    struct nts_ke_answer answer;
    struct nts_keys keys;
    char detail[NTS_DETAIL_ROOM] = "";
    enum failure failure = nts_ke_parse(&answer, octets, len, NTS_KE_ALL, detail);
    ASSERT(failure == FAILURE_NONE ? tls_client_keys(client, answer.aead, &keys)
                                   : detail[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tls_peer peer;
    static struct tls_trust *trust;
    struct diag diag = { "" };
    if (trust == NULL) {
        tls_peer_init(&peer, -DAY_S, DAY_S);
        ASSERT(tls_trust_new(&trust, peer.trust_file, &diag) == RESULT_OK);
        (void)unlink(peer.trust_file);
    }
    if (size == 0) {
        return 0;
    }
    struct input input = { data[0], data + 1, size - 1, 0 };
    struct tls_client *client = tls_client_new(trust, TLS_PEER_NAME);
    struct tls_certificate certificate;
    char detail[NTS_DETAIL_ROOM] = "";
    ASSERT(client != NULL);
    tls_peer_accept(&peer);
    if (shake_hands(&peer, client, &input)) {
        enum failure failure = tls_client_judge(client, &certificate, detail);
        ASSERT(failure == FAILURE_NONE || input.kind != 'p');
        say(&peer, &input);
        exchange(&peer, client, &input);
        read_answer(client);
    }
    tls_client_free(client);
    return 0;
}
