#include "probe/sntp.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "probe/dialog.h"
#include "probe/limits.h"

enum {
    VERSION_MODE_CLIENT = 4 << 3 | 3,
    MODE_SERVER = 4,
    LEAP_UNKNOWN = 3,
    TRANSMIT_AT = 40
};

struct sntp {
    struct dialog base;
    uv_poll_t poll;
    int fd;
    bool answered;   /* sample is filled */
    sntp_done *done; /* NULL: cancelled */
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

/* RFC 5905 8: a reply must echo our transmit timestamp. One without synchronised time is of no
 * use. */
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

static void ended(void *own)
{
    struct sntp *sntp = own;
    close(sntp->fd);
    if (sntp->done != NULL) {
        sntp->done(sntp->answered ? &sntp->sample : NULL, sntp->arg);
    }
    free(sntp);
}

static void timed_out(void *own)
{
    dialog_end(own);
}

static void datagram_received(uv_poll_t *poll, int, int)
{
    struct sntp *sntp = poll->data;
    uint8_t data[LIMIT_DATAGRAM];
    ssize_t len = 0;
    while (!sntp->base.over && (len = recv(sntp->fd, data, sizeof(data), MSG_DONTWAIT)) >= 0) {
        struct ntp_header header;
        int64_t elapsed_us = (int64_t)((uv_hrtime() - sntp->sent_at_ns) / 1000);
        if (sntp_parse(&header, data, (size_t)len, sntp->transmit)) {
            sntp->sample = ntp_sample_of(&header, sntp->sent_at_us, elapsed_us);
            sntp->answered = true;
            dialog_end(&sntp->base);
        } else if (++sntp->datagrams > LIMIT_DATAGRAMS) {
            dialog_end(&sntp->base);
        }
    }
}

/* The socket is connected, so the kernel accepts datagrams from the reference only. */
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
    dialog_begin(&sntp->base, loop, timed_out, ended);
    dialog_own_socket(&sntp->base, (uv_handle_t *)&sntp->poll);
    dialog_set_limit(&sntp->base, LIMIT_NTP_MS);
    CHECK(uv_poll_start(&sntp->poll, UV_READABLE, datagram_received) == 0);
    return sntp;
}

void sntp_cancel(struct sntp *sntp)
{
    sntp->done = NULL;
    dialog_end(&sntp->base);
}
