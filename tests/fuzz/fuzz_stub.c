/* Any octets as a resolver's response, as they are and behind the header and question of our query:
 * all reads stay inside. Both readers of responses are tried: the parent's DS (dscheck) and its
 * DSYNC record (dsync). */
#include "server/keys/dscheck.h"
#include "server/keys/dsync.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dname zone;
static struct key_set keys;

static void set_up(void)
{
    CHECK(dname_parse(&zone, "pool.test.", NULL) == RESULT_OK);
    keys.count = 1;
    keys.list[0] = (struct key_record){ .algorithm = ALGORITHM_ED25519,
                                        .role = KEY_KSK,
                                        .public_len = 32,
                                        .life = key_life_in_use(KEY_KSK, 1800000000) };
}

static void check_records(const struct stub_response *response,
                          const struct stub_question *question)
{
    struct stub_reading reading;
    struct stub_record record;
    unsigned count = 0;
    stub_begin(&reading, response, question);
    while (stub_next(&reading, &record)) {
        ASSERT(record.owner.len > 0 && record.owner.len <= DNAME_MAX);
        ASSERT(record.rdata >= response->data &&
               record.rdata + record.len <= response->data + response->len);
        ASSERT(++count < response->len);
    }
}

static void check(const struct stub_response *response, uint16_t type)
{
    const struct stub_question question = { .name = zone, .type = type };
    struct dname target = { .len = 0 };
    uint16_t port = 0;
    check_records(response, &question);
    bool as_asked = dscheck_is_as_asked(response, &zone, &keys);
    ASSERT(!as_asked || !dscheck_lacks_validation(response, &zone, &keys));
    ASSERT(dscheck_ttl(response, &zone) <= DSCHECK_TTL_MAX);
    if (dsync_record(response, &question, &target, &port)) {
        ASSERT(target.len > 0 && target.len <= DNAME_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum {
        HEAD = 6 /* ID, flags, number of questions */
    };
    static const uint16_t types[] = { RR_DS, RR_DSYNC };
    static struct stub_response response;
    if (zone.len == 0) {
        set_up();
    }
    response.len = size < sizeof(response.data) ? size : sizeof(response.data);
    memcpy(response.data, data, response.len);
    struct reader r = reader_of(data, size);
    response.id = read_u16(&r);
    check(&response, types[0]);
    for (size_t i = 0; i < 2; i++) {
        const struct stub_question question = { .name = zone, .type = types[i] };
        uint8_t query[STUB_QUERY_ROOM];
        size_t at = stub_write(query, response.id, 0x81a0, &question);
        size_t rest = size > HEAD ? size - HEAD : 0;
        size_t room = sizeof(response.data) - at;
        memcpy(response.data, query, at);
        if (rest > 6) { /* the record counts and the records of the input */
            size_t len = rest - 6 < room ? rest - 6 : room;
            memcpy(response.data + HEAD, data + HEAD, 6);
            memcpy(response.data + at, data + HEAD + 6, len);
            at += len;
        }
        response.len = at;
        check(&response, types[i]);
    }
    return 0;
}
