/* Any octets as a name server's response to `ntspool check`: what is read stays inside of the
 * message read, and each of its RRsets can be collected. */
#include "zone/stub/dnsmessage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_record(const struct dnsmessage *message, const struct dns_record *record)
{
    static struct dns_rrset rrset;
    ASSERT(record->owner.len > 0 && record->section <= DNS_ADDITIONAL);
    ASSERT(record->rdata >= message->rdata &&
           record->rdata + record->len <= message->rdata + sizeof(message->rdata));
    if (dnsmessage_rrset(message, record->section, &record->owner, record->type, &rrset)) {
        ASSERT(rrset.set.count > 0 && rrset.set.ttl <= record->ttl);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dnsmessage message;
    struct dns_query query = { .type = RR_SOA };
    uint8_t asked[DNSMESSAGE_QUERY_ROOM];
    char text[16];
    CHECK(dname_parse(&query.name, "pool.test.", NULL) == RESULT_OK);
    size_t len = dnsmessage_write(asked, 4660, &query);
    (void)dnsmessage_answers(data, size, asked, len);
    if (dnsmessage_read(&message, data, size, NULL) != RESULT_OK) {
        return 0;
    }
    ASSERT(message.count <= DNSMESSAGE_RECORDS_MAX);
    ASSERT(message.edns.cookie.len <= sizeof(message.edns.cookie.octets));
    ASSERT(message.edns.nsid_len <= sizeof(message.edns.nsid));
    (void)dns_rcode_text(message.rcode, text);
    for (unsigned i = 0; i < message.count; i++) {
        check_record(&message, &message.records[i]);
    }
    return 0;
}
