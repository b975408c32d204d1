#include "zone/ledger/ledgerhead.h"

#include <string.h>

#include <sodium.h>

enum {
    LAYOUT = 1,
    LEDGER_MAX = 512
};

static void write_body(struct writer *w, const struct ledgerhead *head)
{
    write_u8(w, LAYOUT);
    write_u32(w, head->epoch);
    write_u64(w, head->seq);
    write_u64(w, head->at);
    write_octets(w, head->previous.octets, sizeof(head->previous.octets));
    write_octets(w, head->root.octets, sizeof(head->root.octets));
    write_octets(w, head->change, sizeof(head->change));
    write_text(w, head->writer);
}

size_t ledgerhead_encode(const struct ledgerhead *head, uint8_t *out)
{
    struct writer w = writer_of(out, LEDGERHEAD_MAX);
    write_body(&w, head);
    write_octets(&w, head->signature, sizeof(head->signature));
    ASSERT(!w.failed);
    return w.at;
}

enum result ledgerhead_decode(struct ledgerhead *out, struct octets octets)
{
    struct reader r = reader_of(octets.data, octets.len);
    struct ledgerhead head = { .epoch = 0 };
    struct ledgerrow_name writer;
    uint8_t layout = read_u8(&r);
    if (!r.failed && layout > LAYOUT) {
        return RESULT_NEWER;
    }
    head.epoch = read_u32(&r);
    head.seq = read_u64(&r);
    head.at = read_u64(&r);
    read_into(&r, head.previous.octets, sizeof(head.previous.octets));
    read_into(&r, head.root.octets, sizeof(head.root.octets));
    read_into(&r, head.change, sizeof(head.change));
    read_text(&r, head.writer, sizeof(head.writer));
    read_into(&r, head.signature, sizeof(head.signature));
    if (!reader_done(&r) || layout != LAYOUT || head.seq == 0) {
        return RESULT_INVALID;
    }
    TRY(ledgerrow_name(&writer, LEDGERROW_MACHINE, head.writer, strlen(head.writer)));
    *out = head;
    return RESULT_OK;
}

/* What is signed: which ledger it is, and all of the head but the signature. */
static size_t signed_octets(const struct ledgerhead *head, const char *ledger,
                            uint8_t out[LEDGER_MAX + LEDGERHEAD_MAX])
{
    struct writer w = writer_of(out, LEDGER_MAX + LEDGERHEAD_MAX);
    write_text(&w, "ntspool ledger head");
    write_text(&w, ledger);
    write_body(&w, head);
    ASSERT(!w.failed);
    return w.at;
}

void ledgerhead_sign(struct ledgerhead *head, const char *ledger,
                     const uint8_t secret[LEDGERHEAD_SECRET])
{
    uint8_t octets[LEDGER_MAX + LEDGERHEAD_MAX];
    size_t len = signed_octets(head, ledger, octets);
    CHECK(crypto_sign_detached(head->signature, NULL, octets, len, secret) == 0);
}

bool ledgerhead_verify(const struct ledgerhead *head, const char *ledger,
                       const uint8_t key[LEDGERHEAD_KEY])
{
    uint8_t octets[LEDGER_MAX + LEDGERHEAD_MAX];
    size_t len = signed_octets(head, ledger, octets);
    return crypto_sign_verify_detached(head->signature, octets, len, key) == 0;
}

void ledgerhead_digest(const struct ledgerhead *head, struct ledgerrow_digest *out)
{
    uint8_t octets[LEDGERHEAD_MAX];
    size_t len = ledgerhead_encode(head, octets);
    CHECK(crypto_generichash(out->octets, sizeof(out->octets), octets, len, NULL, 0) == 0);
}

static bool is_same(const struct ledgerrow_digest *a, const struct ledgerrow_digest *b)
{
    return memcmp(a->octets, b->octets, sizeof(a->octets)) == 0;
}

enum ledgerhead_relation ledgerhead_relate(const struct ledgerhead *mine,
                                           const struct ledgerhead *other)
{
    struct ledgerrow_digest digest = { { 0 } }, others;
    if (mine->seq == 0) {
        return other->seq == 1 && is_same(&other->previous, &digest) ? LEDGERHEAD_NEXT
                                                                     : LEDGERHEAD_AHEAD;
    }
    if (other->epoch != mine->epoch) {
        return other->epoch > mine->epoch ? LEDGERHEAD_NEW_EPOCH : LEDGERHEAD_BEHIND;
    }
    ledgerhead_digest(mine, &digest);
    if (other->seq == mine->seq) {
        ledgerhead_digest(other, &others);
        return is_same(&digest, &others) ? LEDGERHEAD_SAME : LEDGERHEAD_FORKED;
    }
    if (other->seq < mine->seq) {
        return LEDGERHEAD_BEHIND;
    }
    if (other->seq - mine->seq > 1) {
        return LEDGERHEAD_AHEAD;
    }
    return is_same(&other->previous, &digest) ? LEDGERHEAD_NEXT : LEDGERHEAD_FORKED;
}

size_t ledgerhead_encode_position(const struct ledgerhead_position *position, uint8_t *out)
{
    struct writer w = writer_of(out, LEDGERHEAD_POSITION_MAX);
    write_u8(&w, LAYOUT);
    write_u64(&w, position->cluster);
    write_u64(&w, position->revision);
    ASSERT(!w.failed);
    return w.at + ledgerhead_encode(&position->head, out + w.at);
}

enum result ledgerhead_decode_position(struct ledgerhead_position *out, struct octets octets)
{
    struct reader r = reader_of(octets.data, octets.len);
    struct ledgerhead_position position = { .cluster = 0 };
    uint8_t layout = read_u8(&r);
    position.cluster = read_u64(&r);
    position.revision = read_u64(&r);
    if (r.failed || layout != LAYOUT) {
        return !r.failed && layout > LAYOUT ? RESULT_NEWER : RESULT_INVALID;
    }
    size_t left = reader_left(&r);
    TRY(ledgerhead_decode(&position.head, (struct octets){ read_octets(&r, left), left }));
    *out = position;
    return RESULT_OK;
}
