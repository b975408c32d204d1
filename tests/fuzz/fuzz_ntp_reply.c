/* Any octets as the reply to an NTP request with NTS: as the datagram, and as the encrypted part of
 * an authentic reply. */
#include <string.h>

#include "probe/ntp_sample.h"
#include "zone/base/result.h"

enum {
    REQUEST_LEN = 1232,
    NONCE_LEN = 16,
    TEXT_MAX = 4096
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The seeds in the corpus answer this query; the key is all zeros. */
static struct nts_query query_of(void)
{
    struct nts_query query = { .placeholders = 0 };
    memset(query.transmit, 0x11, sizeof(query.transmit));
    memset(query.uid, 0x22, sizeof(query.uid));
    return query;
}

static void judge(struct octets datagram)
{
    static const struct aead_key key = { .algorithm = AEAD_SIV_CMAC_256 };
    const struct nts_query query = query_of();
    struct nts_reply reply;
    char detail[NTS_DETAIL_ROOM] = "";
    enum failure failure = nts_ntp_parse(&reply, datagram, &query, REQUEST_LEN, &key, detail);
    ASSERT(failure == FAILURE_NONE || detail[0] != '\0');
    ASSERT(reply.cookie_count <= NTS_COOKIES && reply.cookie_count <= reply.cookies_seen);
    if (failure == FAILURE_NONE) {
        struct ntp_sample sample = ntp_sample_of(&reply.header, 1700000000000000, 1000);
        (void)ntp_sample_judge(&sample, &reply.header, detail);
    }
}

/* A good reply with `text` as its encrypted part. */
static void judge_inside(struct octets text)
{
    static const struct aead_key key = { .algorithm = AEAD_SIV_CMAC_256 };
    static const uint8_t nonce[NONCE_LEN];
    static uint8_t packet[TEXT_MAX + 256];
    const struct nts_query query = query_of();
    struct writer w = writer_of(packet, sizeof(packet));
    write_u32(&w, 0x24020000);
    write_u32(&w, 0);
    write_u64(&w, 0);
    write_u64(&w, 0);
    write_octets(&w, query.transmit, sizeof(query.transmit));
    write_u64(&w, 1);
    write_u64(&w, 2);
    write_u32(&w, 0x01040024);
    write_octets(&w, query.uid, sizeof(query.uid));
    struct octets head = { packet, w.at };
    size_t padded = (text.len + 3) & ~(size_t)3;
    write_u16(&w, 0x0404);
    write_u16(&w, (uint16_t)(8 + NONCE_LEN + AEAD_TAG_LEN + padded));
    write_u16(&w, NONCE_LEN);
    write_u16(&w, (uint16_t)(AEAD_TAG_LEN + text.len));
    write_octets(&w, nonce, sizeof(nonce));
    uint8_t *sealed = write_room(&w, AEAD_TAG_LEN + padded);
    ASSERT(sealed != NULL);
    memset(sealed, 0, AEAD_TAG_LEN + padded);
    ASSERT(aead_seal(sealed, &key, head, (struct octets){ nonce, NONCE_LEN }, text));
    judge((struct octets){ packet, w.at });
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    judge((struct octets){ data, size });
    if (size <= TEXT_MAX) {
        judge_inside((struct octets){ data, size });
    }
    return 0;
}
