#include "server/keys/dscheck.h"

#include "dnssec/keys/ds.h"

struct stub_question dscheck_question(const struct dname *zone)
{
    return (struct stub_question){ .name = *zone, .type = RR_DS };
}

/* Marks the keys that match this DS with a digest that validators accept. False if it matches no
 * key. */
static bool note_ds(const struct key_set *keys, const struct dname *zone, const uint8_t *rdata,
                    size_t len, bool seen[KEYSTORE_MAX])
{
    bool known = false;
    for (size_t i = 0; i < keys->count; i++) {
        if (record_state_is_published(&keys->list[i].life.ds)) {
            enum ds_match match = ds_match(&keys->list[i], zone, rdata, len);
            known = known || match != DS_OTHER;
            seen[i] = seen[i] || match == DS_GOOD;
        }
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

/* True if the response has what CDS asks for. `validated`: whether the resolver has validated
 * it. */
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
        if (record_state_is_published(&keys->list[i].life.ds) && !seen[i]) {
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
