#include "server/dscheck.h"

struct stub_question dscheck_question(const struct dname *zone)
{
    return (struct stub_question){ .name = *zone, .type = RR_DS };
}

/* Notes for which of the keys this is the DS. False if it is none of theirs. */
static bool note_ds(const struct key_set *keys, const struct dname *zone, const uint8_t *rdata,
                    size_t len, bool seen[KEYSTORE_MAX])
{
    bool known = false;
    for (size_t i = 0; i < keys->count; i++) {
        uint8_t ds[KEY_DS_LEN];
        key_record_ds(&keys->list[i], zone, ds);
        if (!facet_is_on(&keys->list[i].life.ds) || len < 4 || memcmp(rdata, ds, 3) != 0) {
            continue;
        }
        known = true; /* tag and algorithm are right, so it may be a digest of another type */
        seen[i] = seen[i] || (len == sizeof(ds) && memcmp(rdata, ds, sizeof(ds)) == 0);
    }
    return known;
}

uint32_t dscheck_ttl(const struct stub_response *response, const struct dname *zone)
{
    const struct stub_question question = dscheck_question(zone);
    struct stub_reading reading;
    struct stub_record record;
    uint32_t ttl_s = 0;
    stub_begin(&reading, response, &question);
    while (stub_next(&reading, &record)) {
        bool counts = record.is_answer && record.type == RR_DS && dname_equal(&record.owner, zone);
        ttl_s = counts && record.ttl_s > ttl_s ? record.ttl_s : ttl_s;
    }
    if (!reading.validated || reading.reader.failed) {
        return 0;
    }
    return ttl_s < DSCHECK_TTL_MAX ? ttl_s : DSCHECK_TTL_MAX;
}

/* The response has what is asked for, whoever says so; `validated`: if the resolver vouches for it. */
static bool has_all(const struct stub_response *response, const struct dname *zone,
                    const struct key_set *keys, bool *validated)
{
    const struct stub_question question = dscheck_question(zone);
    struct stub_reading reading;
    struct stub_record record;
    bool seen[KEYSTORE_MAX] = { false };
    stub_begin(&reading, response, &question);
    while (stub_next(&reading, &record)) {
        if (record.is_answer && record.type == RR_DS && dname_equal(&record.owner, zone) &&
            !note_ds(keys, zone, record.rdata, record.len, seen)) {
            return false;
        }
    }
    for (size_t i = 0; i < keys->count; i++) {
        if (facet_is_on(&keys->list[i].life.ds) && !seen[i]) {
            return false;
        }
    }
    *validated = reading.validated;
    return !reading.reader.failed;
}

bool dscheck_is_as_asked(const struct stub_response *response, const struct dname *zone,
                         const struct key_set *keys)
{
    bool validated = false;
    return has_all(response, zone, keys, &validated) && validated;
}

bool dscheck_lacks_validation(const struct stub_response *response, const struct dname *zone,
                              const struct key_set *keys)
{
    bool validated = false;
    return has_all(response, zone, keys, &validated) && !validated;
}
