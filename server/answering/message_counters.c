#include "server/answering/message_counters.h"

enum {
    RR_HTTPS = 65 /* no type of the zone */
};

const uint32_t message_durations_us[] = { 10, 100, 1000, 10000, 100000 };

const uint8_t message_qtype_places[MESSAGE_QTYPES_END] = {
    [RR_A] = 1,   [RR_AAAA] = 2, [RR_SRV] = 3,    [RR_NS] = 4, [RR_SOA] = 5,
    [RR_TXT] = 6, [RR_CAA] = 7,  [RR_DNSKEY] = 8, [RR_DS] = 9, [RR_HTTPS] = 10,
};

const char *message_qtype_text(unsigned place)
{
    static const char *const texts[MESSAGE_QTYPES] = { "other",  "A",   "AAAA", "SRV",
                                                       "NS",     "SOA", "TXT",  "CAA",
                                                       "DNSKEY", "DS",  "HTTPS" };
    return texts[place];
}

void message_count_batch(struct message_counters *counters, uint64_t duration_ns)
{
    unsigned group = 0;
    while (group < MESSAGE_DURATIONS - 1 &&
           duration_ns > message_durations_us[group] * UINT64_C(1000)) {
        group++;
    }
    message_count(counters, MESSAGES_DURATIONS + group);
    counter_add(&counters->at[MESSAGES_DURATION_NS], duration_ns);
}

uint64_t message_questions(const uint64_t sums[MESSAGES_ALL], unsigned kind, bool dnssec_ok,
                           unsigned place)
{
    return sums[MESSAGES_QUESTIONS + ((kind * 2 + dnssec_ok) << MESSAGE_QTYPE_BITS) + place];
}

uint64_t message_rcode(const uint64_t sums[MESSAGES_ALL], unsigned rcode)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < MESSAGE_SIZES; i++) {
        sum += sums[MESSAGES_RESPONSES + rcode * MESSAGE_SIZES + i];
    }
    return sum;
}

uint64_t message_sizes(const uint64_t sums[MESSAGES_ALL], size_t above, size_t bound)
{
    size_t first = above >> MESSAGE_SIZE_UNIT_BITS;
    size_t end = bound >> MESSAGE_SIZE_UNIT_BITS;
    uint64_t sum = 0;
    for (unsigned rcode = 0; rcode < MESSAGE_RCODES; rcode++) {
        for (size_t size = first; size < end && size < MESSAGE_SIZES; size++) {
            sum += sums[MESSAGES_RESPONSES + rcode * MESSAGE_SIZES + size];
        }
    }
    return sum;
}

void message_sum(uint64_t sums[MESSAGES_ALL], const struct message_counters *counters)
{
    for (size_t i = 0; i < MESSAGES_ALL; i++) {
        sums[i] += counter_get(&counters->at[i]);
    }
}
