/* Any octets as a query to a small pool, with the limits of UDP and TCP and each kind of denial:
 * the result is a well-formed response to that query. */
#include "server/answering/edns.h"
#include "server/answering/respond.h"
#include "tests/answerer_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A name, which may end in a pointer to an earlier name. */
static void skip_name(struct reader *r)
{
    for (uint8_t len = read_u8(r); len != 0; len = read_u8(r)) {
        if (len >= 192) {
            size_t target = (size_t)(len & 63) << 8 | read_u8(r);
            ASSERT(target < r->at - 2 && target >= DNS_HEADER_LEN);
            return;
        }
        ASSERT(len < 64 && read_octets(r, len) != NULL);
    }
}

static void check(const uint8_t *message, size_t len, const uint8_t *query)
{
    struct reader r = reader_of(message, len);
    ASSERT(len >= DNS_HEADER_LEN && memcmp(message, query, 2) == 0 && (message[2] & 0x80) != 0);
    (void)read_u32(&r);
    unsigned questions = read_u16(&r), records = 0;
    for (int i = 0; i < 3; i++) {
        records += read_u16(&r);
    }
    ASSERT(questions <= 1);
    if (questions == 1) {
        skip_name(&r);
        (void)read_u32(&r);
    }
    for (; records > 0; records--) {
        skip_name(&r);
        (void)read_octets(&r, 8);
        (void)read_octets(&r, read_u16(&r));
    }
    ASSERT(reader_done(&r)); /* the counts are correct and nothing follows */
}

static struct pool_fixture pool;
static struct answerer answerer;
static struct budget budget;

static void tidy(void)
{
    fixture_answerer_done(&answerer);
    pool_fixture_done(&pool);
}

static void set_up(void)
{
    pool_fixture_init(&pool, NULL);
    ASSERT(atexit(tidy) == 0);
    fixture_answerer_init(&answerer, &pool, fixture_signer(&pool, pool.cache, 1),
                          fixture_signer(&pool, pool.cache, 1));
    signer_limit(answerer.snapshot.limited_signer, &budget);
}

static void answer(const uint8_t *data, size_t size)
{
    static const struct identity identity = { "a server of the tests", "its version" };
    static uint8_t options[EDNS_REPLY_MAX], out[65535];
    struct query query;
    enum rcode rcode = RCODE_NOERROR;
    struct address source = { { 0 } };
    enum query_verdict verdict = query_parse(&query, &rcode, data, size);
    if (verdict == QUERY_DROP) {
        return;
    }
    struct response response = { .query = &query, .out = out };
    static struct message_counters counters;
    const struct edns_asked asked = { pool.zone,     &identity, &source,  FIXTURE_NOW,
                                      size % 2 == 1, false,     &counters };
    if (edns_due(&query, pool.zone)) {
        (void)edns_reply(&response, &asked, options);
    }
    struct qname_info qname;
    const struct asking asking = { &query, &source, &qname };
    if (verdict == QUERY_ANSWER) {
        fixture_prepare(&answerer, &asking);
    }
    size_t limits[2] = { respond_udp_limit(&query), sizeof(out) };
    for (int i = 0; i < 2; i++) {
        response.limit = limits[i];
        struct written written = verdict == QUERY_REJECT
                                     ? respond_reject(&response, rcode)
                                     : respond_answer(&response, decide_answer(&answerer, &asking),
                                                      answerer.snapshot.signer, FIXTURE_NOW);
        ASSERT(written.len <= limits[i] && written.rcode != RCODE_SERVFAIL);
        ASSERT((written.rcode & 0xf) == (out[3] & 0xf));
        bool truncated = (out[2] & DNS_FLAG_TC >> 8) != 0;
        ASSERT(written.whole == (verdict == QUERY_ANSWER && !truncated && (out[3] & 0xf) == 0));
        check(out, written.len, data);
        ASSERT(i == 0 || !truncated);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        enum denial denial;
        uint32_t budget;
    } ways[] = { { DENIAL_NSEC, 0 },
                 { DENIAL_COMPACT, 1 }, /* used up */
                 { DENIAL_COMPACT, 0 } };
    if (answerer.snapshot.zone == NULL) {
        set_up();
    }
    decide_begin(&answerer);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        pool.zone->settings.denial = ways[i].denial;
        budget_update(&budget, ways[i].budget, 1);
        (void)budget_take(&budget);
        answer(data, size);
    }
    return 0;
}
