/* What one worker has received and sent since the start. Its worker alone writes them, any thread
 * may read. The counters are one array, so that they can be added up; the names below say where
 * each group begins. */
#ifndef SERVER_MESSAGE_COUNTERS_H
#define SERVER_MESSAGE_COUNTERS_H

#include "server/answering/answer.h"
#include "zone/base/counter.h"

enum {
    MESSAGE_RCODES = 24, /* BADCOOKIE is the highest */
    MESSAGE_QTYPES = 11, /* message_qtype_text */
    MESSAGE_QTYPE_BITS = 4,
    MESSAGE_SIZE_UNIT_BITS = 7, /* responses are counted by size in units of 128 octets */
    MESSAGE_SIZES_BITS = 6,     /* the last size counts all that are longer */
    MESSAGE_SIZES = 1 << MESSAGE_SIZES_BITS,
    MESSAGE_DURATIONS = 6 /* message_durations_us, and longer */
};

enum message_transport {
    MESSAGE_UDP,
    MESSAGE_TCP,
    MESSAGE_TRANSPORTS
};

/* Why a message got no response. */
enum message_drop {
    MESSAGE_MALFORMED, /* shorter than a header, or no sender that can be answered */
    MESSAGE_RESPONSE,  /* is one itself */
    MESSAGE_RATE,      /* over the rate of its network */
    MESSAGE_SEND,      /* the kernel took no response */
    MESSAGE_STORE,     /* the store can't be read */
    MESSAGE_DROPS
};

/* The server cookie of a query with the option. */
enum message_cookie {
    MESSAGE_COOKIE_GOOD,
    MESSAGE_COOKIE_OLD,
    MESSAGE_COOKIE_BAD,
    MESSAGE_COOKIE_NONE,
    MESSAGE_COOKIES
};

/* Why a TCP connection was closed for another one. */
enum message_displaced {
    MESSAGE_BY_CLIENT,
    MESSAGE_BY_ALL,
    MESSAGE_BY_DESCRIPTORS,
    MESSAGE_DISPLACED
};

enum {
    MESSAGES_RECEIVED = 0, /* by transport, then IPv4 and IPv6 */
    MESSAGES_QUESTIONS = MESSAGES_RECEIVED + MESSAGE_TRANSPORTS * 2, /* by kind, flag DO, qtype */
    MESSAGES_RESPONSES =
        MESSAGES_QUESTIONS + (2 * ANSWER_KINDS << MESSAGE_QTYPE_BITS),     /* by RCODE, then size */
    MESSAGES_OCTETS = MESSAGES_RESPONSES + MESSAGE_RCODES * MESSAGE_SIZES, /* of responses */
    MESSAGES_TRUNCATED,
    MESSAGES_DROPPED,
    /* Over the rate: dropped, sent without records, or, over TCP, the last one before a rest. */
    MESSAGES_LIMITED = MESSAGES_DROPPED + MESSAGE_DROPS,
    MESSAGES_SLIPPED, /* those of them over UDP that were sent without records */
    MESSAGES_ECS_USED,
    MESSAGES_ECS_ZERO, /* with a prefix of no bits: the client keeps its place to itself */
    MESSAGES_COOKIES,
    MESSAGES_DURATIONS = MESSAGES_COOKIES + MESSAGE_COOKIES, /* of batches */
    MESSAGES_DURATION_NS = MESSAGES_DURATIONS + MESSAGE_DURATIONS,
    MESSAGES_TCP_OPENED,
    MESSAGES_TCP_CLOSED,
    MESSAGES_TCP_DISPLACED,
    MESSAGES_ALL = MESSAGES_TCP_DISPLACED + MESSAGE_DISPLACED
};

struct message_counters {
    atomic_uint_fast64_t at[MESSAGES_ALL];
};

/* "A", or "other". */
const char *message_qtype_text(unsigned place);
/* The upper bounds of the groups of durations. */
extern const uint32_t message_durations_us[MESSAGE_DURATIONS - 1];

static inline void message_count(struct message_counters *counters, unsigned which)
{
    counter_add(&counters->at[which], 1);
}

enum {
    MESSAGE_QTYPES_END = RR_CAA + 1
};
/* The place of each type among those counted; 0: other. */
extern const uint8_t message_qtype_places[MESSAGE_QTYPES_END];

/* A question that was decided on. */
static inline void message_count_question(struct message_counters *counters, unsigned kind,
                                          const struct query *query)
{
    unsigned place = query->qtype < MESSAGE_QTYPES_END ? message_qtype_places[query->qtype] : 0;
    unsigned row = kind * 2 + query->dnssec_ok;
    message_count(counters, MESSAGES_QUESTIONS + (row << MESSAGE_QTYPE_BITS) + place);
}

/* A response of `len` octets, more than none. */
static inline void message_count_response(struct message_counters *counters, enum rcode rcode,
                                          size_t len)
{
    unsigned units = (unsigned)(len - 1) >> MESSAGE_SIZE_UNIT_BITS;
    unsigned size = units < MESSAGE_SIZES ? units : MESSAGE_SIZES - 1U;
    message_count(counters, MESSAGES_RESPONSES + ((unsigned)rcode << MESSAGE_SIZES_BITS) + size);
}

void message_count_batch(struct message_counters *counters, uint64_t duration_ns);
/* Questions of a kind and type, by place. */
uint64_t message_questions(const uint64_t sums[MESSAGES_ALL], unsigned kind, bool dnssec_ok,
                           unsigned place);
uint64_t message_rcode(const uint64_t sums[MESSAGES_ALL], unsigned rcode);
/* Responses of more than `above` and at most `bound` octets, both multiples of the unit. No bound
 * lies within the last size, which is that of all longer responses: SIZE_MAX includes it. */
uint64_t message_sizes(const uint64_t sums[MESSAGES_ALL], size_t above, size_t bound);
/* Adds the counters to `sums`. */
void message_sum(uint64_t sums[MESSAGES_ALL], const struct message_counters *counters);

#endif
