/* One exchange of plain NTP (RFC 5905) with a reference, which need not support NTS. The transmit
 * timestamp is random, so a reply from anybody who has not seen the request is not accepted. */
#ifndef PROBE_SNTP_H
#define PROBE_SNTP_H

#include <uv.h>

#include "probe/ntp_sample.h"
#include "zone/base/address.h"

enum {
    SNTP_LEN = 48
};

struct sntp;

/* `sample` is NULL if no usable reply came within LIMIT_NTP_MS. */
typedef void sntp_done(const struct ntp_sample *sample, void *arg);

/* `done` is called once, later, from the loop. NULL if the request could not be sent. */
struct sntp *sntp_start(uv_loop_t *loop, const struct endpoint *endpoint, sntp_done *done,
                        void *arg);
/* Ends it without calling `done`. */
void sntp_cancel(struct sntp *sntp);

/* The request, and whether a datagram is a reply to it with synchronised time. Pure. */
void sntp_request(uint8_t out[SNTP_LEN], const uint8_t transmit[8]);
bool sntp_parse(struct ntp_header *out, const uint8_t *data, size_t len, const uint8_t transmit[8]);

#endif
