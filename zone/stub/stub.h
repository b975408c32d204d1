/* A stub resolver: queries to the validating resolver that the operator trusts (`ds-resolver`),
 * over UDP, one at a time. It relies on the AD bit (RFC 4035 3.2.3), so the resolver and the path
 * to it must be trusted. */
#ifndef ZONE_STUB_H
#define ZONE_STUB_H

#include "zone/base/address.h"
#include "zone/names/dname.h"

enum {
    STUB_ROOM = 1232,
    STUB_QUERY_ROOM = 12 + DNAME_MAX + 4,
    STUB_TIMEOUT_MS = 2000
};

struct stub_question {
    struct dname name;
    uint16_t type;
};

/* A response; len 0: none. */
struct stub_response {
    uint16_t id; /* of the query */
    size_t len;
    uint8_t data[STUB_ROOM];
};

/* Writes a message with this ID, these flags and one question. Returns its length. */
size_t stub_write(uint8_t out[STUB_QUERY_ROOM], uint16_t id, uint16_t flags,
                  const struct stub_question *question);
/* Sends `query`, whose ID is out->id, over UDP and waits for a response, at most STUB_TIMEOUT_MS.
 * Returns 0 or errno. */
int stub_exchange(struct stub_response *out, const struct endpoint *to, const uint8_t *query,
                  size_t len);
/* Queries the resolver. SYSTEM, with the resolver and the reason, if there is no response. */
enum result stub_ask(struct stub_response *out, const struct endpoint *resolver,
                     const struct stub_question *question, struct diag *diag);

/* Reads a response. Takes any octets. */
struct stub_reading {
    /* Failed unless it is a complete NOERROR or NXDOMAIN response to the question. */
    struct reader reader;
    bool validated;
    unsigned answers, authorities; /* still to be read */
};
struct stub_record {
    bool is_answer; /* else of the authority section */
    struct dname owner;
    uint16_t type; /* 0 if the class is not IN */
    uint32_t ttl_s;
    const uint8_t *rdata;
    uint16_t len;
};
void stub_begin(struct stub_reading *reading, const struct stub_response *response,
                const struct stub_question *question);
/* The next record of the answer and authority sections. False: there is none, or the reader has
 * failed. */
bool stub_next(struct stub_reading *reading, struct stub_record *out);

#endif
