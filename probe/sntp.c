#include "probe/sntp.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "probe/limits.h"
#include "probe/stall.h"

enum {
    VERSION_MODE_CLIENT = 4 << 3 | 3,
    MODE_SERVER = 4,
    LEAP_UNKNOWN = 3,
    TRANSMIT_AT = 40
};

struct sntp {
    uv_poll_t poll;
    uv_timer_t timer;
    int fd;
    unsigned open;              /* handles */
    bool over, answered, again; /* see stall_look_again */
    sntp_done *done;
    void *arg;
    uint8_t transmit[8];
    int64_t sent_at_us;
    uint64_t sent_at_ns;
    unsigned datagrams;
    struct ntp_sample sample;
};

void sntp_request(uint8_t out[SNTP_LEN], const uint8_t transmit[8])
{
    memset(out, 0, SNTP_LEN);
    out[0] = VERSION_MODE_CLIENT;
    memcpy(out + TRANSMIT_AT, transmit, 8);
}

/* RFC 5905 8: an answer that does not echo our transmit timestamp is none; without synchronised
 * time it says nothing. */
bool sntp_parse(struct ntp_header *out, const uint8_t *data, size_t len, const uint8_t transmit[8])
{
    struct reader r = reader_of(data, len);
    struct ntp_header header = { 0 };
    ntp_header_read(&r, &header);
    bool fit = !r.failed && header.mode == MODE_SERVER && header.leap != LEAP_UNKNOWN &&
               header.stratum > 0 && header.stratum <= SAMPLE_STRATUM_MAX && header.transmit != 0 &&
               memcmp(header.origin, transmit, sizeof(header.origin)) == 0;
    if (fit) {
        *out = header;
    }
    return fit;
}

static void handle_closed(uv_handle_t *handle)
{
    struct sntp *sntp = handle->data;
    if (--sntp->open > 0) {
        return;
    }
    close(sntp->fd);
    if (sntp->done != NULL) {
        sntp->done(sntp->answered ? &sntp->sample : NULL, sntp->arg);
    }
    free(sntp);
}

static void finish(struct sntp *sntp)
{
    if (!sntp->over) {
        sntp->over = true;
        uv_close((uv_handle_t *)&sntp->poll, handle_closed);
        uv_close((uv_handle_t *)&sntp->timer, handle_closed);
    }
}

static void timed_out(uv_timer_t *timer)
{
    struct sntp *sntp = timer->data;
    if (!stall_look_again(&sntp->again, timer, timed_out)) {
        finish(sntp);
    }
}

static void datagram_came(uv_poll_t *poll, int, int)
{
    struct sntp *sntp = poll->data;
    uint8_t data[LIMIT_DATAGRAM];
    ssize_t len = 0;
    while (!sntp->over && (len = recv(sntp->fd, data, sizeof(data), MSG_DONTWAIT)) >= 0) {
        struct ntp_header header;
        int64_t elapsed_us = (int64_t)((uv_hrtime() - sntp->sent_at_ns) / 1000);
        if (sntp_parse(&header, data, (size_t)len, sntp->transmit)) {
            sntp->sample = ntp_sample_of(&header, sntp->sent_at_us, elapsed_us);
            sntp->answered = true;
            finish(sntp);
        } else if (++sntp->datagrams > LIMIT_DATAGRAMS) {
            finish(sntp);
        }
    }
}

/* Connected, so that the kernel takes datagrams from the reference only. */
static bool send_request(struct sntp *sntp, const struct endpoint *endpoint)
{
    uint8_t packet[SNTP_LEN];
    struct sockaddr_storage to;
    socklen_t to_len = endpoint_to_sockaddr(endpoint, &to);
    struct timespec now;
    randombytes_buf(sntp->transmit, sizeof(sntp->transmit));
    sntp_request(packet, sntp->transmit);
    if (connect(sntp->fd, (const struct sockaddr *)&to, to_len) != 0) {
        return false;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    sntp->sent_at_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    sntp->sent_at_ns = uv_hrtime();
    return send(sntp->fd, packet, sizeof(packet), 0) == (ssize_t)sizeof(packet);
}

struct sntp *sntp_start(uv_loop_t *loop, const struct endpoint *endpoint, sntp_done *done,
                        void *arg)
{
    int family = address_is_ipv4(&endpoint->address) ? AF_INET : AF_INET6;
    struct sntp *sntp = xcalloc(1, sizeof(*sntp));
    sntp->done = done;
    sntp->arg = arg;
    sntp->fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (sntp->fd < 0 || !send_request(sntp, endpoint) ||
        uv_poll_init(loop, &sntp->poll, sntp->fd) < 0) {
        if (sntp->fd >= 0) {
            close(sntp->fd);
        }
        free(sntp);
        return NULL;
    }
    sntp->open = 2;
    sntp->poll.data = sntp;
    sntp->timer.data = sntp;
    uv_timer_init(loop, &sntp->timer);
    uv_timer_start(&sntp->timer, timed_out, LIMIT_NTP_MS, 0);
    ASSERT(uv_poll_start(&sntp->poll, UV_READABLE, datagram_came) == 0);
    return sntp;
}

void sntp_cancel(struct sntp *sntp)
{
    sntp->done = NULL;
    finish(sntp);
}
