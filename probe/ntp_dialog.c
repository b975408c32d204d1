#include "probe/ntp_dialog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "probe/dialog.h"
#include "probe/limits.h"
#include "zone/base/clock.h"

struct ntp_dialog {
    struct dialog base;
    uv_poll_t poll;
    int fd;         /* -1: none */
    ntp_done *done; /* NULL: cancelled */
    void *arg;
    struct endpoint endpoint;
    struct nts_query query;
    size_t request_len;
    struct aead_key s2c;
    int64_t sent_at_us;  /* Unix time */
    uint64_t sent_at_ns; /* uv_hrtime */
    unsigned datagrams;  /* judged */
    unsigned strays;     /* judged, from another sender */
    struct ntp_result result;
};

static int64_t unix_us(struct timespec when)
{
    return (int64_t)when.tv_sec * 1000000 + when.tv_nsec / 1000;
}

static void ended(void *own)
{
    struct ntp_dialog *dialog = own;
    if (dialog->fd >= 0) {
        close(dialog->fd);
    }
    if (dialog->done != NULL) {
        dialog->done(&dialog->result, dialog->arg);
    }
    sodium_memzero(&dialog->s2c, sizeof(dialog->s2c));
    free(dialog);
}

static void timed_out(void *own)
{
    dialog_end(own);
}

/* How long the reply took. The kernel's receive time is preferred, since it does not grow while the
 * loop is busy. But its clock can be stepped, so it counts only if it lies between the request and
 * now. */
static int64_t elapsed_us(const struct ntp_dialog *dialog, struct msghdr *message)
{
    int64_t elapsed = (int64_t)((uv_hrtime() - dialog->sent_at_ns) / 1000);
    for (struct cmsghdr *each = CMSG_FIRSTHDR(message); each != NULL;
         each = CMSG_NXTHDR(message, each)) {
        if (each->cmsg_level == SOL_SOCKET && each->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec when;
            memcpy(&when, CMSG_DATA(each), sizeof(when));
            int64_t kernel = unix_us(when) - dialog->sent_at_us;
            return kernel >= 0 && kernel <= elapsed ? kernel : elapsed;
        }
    }
    return elapsed;
}

/* False for a class that an attacker can cause without the keys and without seeing our request. */
static bool is_final(enum failure failure)
{
    switch (failure) {
    case FAILURE_NTP_MALFORMED:
    case FAILURE_NTP_ORIGIN:
    case FAILURE_NTP_UID:
    case FAILURE_NTP_AUTH:
        return false;
    default:
        return true;
    }
}

static void judge(struct ntp_dialog *dialog, struct octets datagram, int64_t elapsed)
{
    struct ntp_result *result = &dialog->result;
    struct nts_reply reply;
    char detail[NTS_DETAIL_ROOM] = "";
    enum failure failure =
        nts_ntp_parse(&reply, datagram, &dialog->query, dialog->request_len, &dialog->s2c, detail);
    if (failure == FAILURE_NONE) {
        result->authentic = true;
        result->reply = reply;
        result->sample = ntp_sample_of(&reply.header, dialog->sent_at_us, elapsed);
        failure = ntp_sample_judge(&result->sample, &reply.header, detail);
    } else if (!is_final(failure) && result->failure > failure &&
               result->failure != FAILURE_NTP_SILENT) {
        return; /* the classes are in the order in which a reply passes the checks */
    }
    result->failure = failure;
    memcpy(result->detail, detail, sizeof(detail));
    if (is_final(failure)) {
        dialog_end(&dialog->base);
    }
}

/* Clients drop a valid reply from another address. Only the server can have made it, so it becomes
 * the detail. */
static void judge_stray(struct ntp_dialog *dialog, struct octets datagram,
                        const struct endpoint *sender)
{
    struct ntp_result *result = &dialog->result;
    struct nts_reply reply;
    char detail[NTS_DETAIL_ROOM] = "", address[ADDRESS_TEXT_MAX];
    if (++dialog->strays <= LIMIT_DATAGRAMS && result->failure == FAILURE_NTP_SILENT &&
        nts_ntp_parse(&reply, datagram, &dialog->query, dialog->request_len, &dialog->s2c,
                      detail) == FAILURE_NONE) {
        (void)snprintf(result->detail, sizeof(result->detail),
                       "the reply came from %s port %u, which was not asked: clients drop it",
                       address_text(&sender->address, address), sender->port);
    }
}

static void datagram_received(uv_poll_t *poll, int, int)
{
    struct ntp_dialog *dialog = poll->data;
    /* a flood must not keep the loop from all others */
    for (unsigned i = 0; i < LIMIT_DATAGRAMS && !dialog->base.over; i++) {
        uint8_t data[LIMIT_DATAGRAM];
        _Alignas(struct cmsghdr) char control[128];
        struct sockaddr_storage from;
        struct iovec part = { data, sizeof(data) };
        struct msghdr message = { .msg_name = &from,
                                  .msg_namelen = sizeof(from),
                                  .msg_iov = &part,
                                  .msg_iovlen = 1,
                                  .msg_control = control,
                                  .msg_controllen = sizeof(control) };
        ssize_t len = recvmsg(dialog->fd, &message, MSG_DONTWAIT);
        if (len < 0) {
            return;
        }
        struct endpoint sender = { .port = 0 };
        bool expected =
            endpoint_of_sockaddr(&sender, (const struct sockaddr *)&from) == RESULT_OK &&
            sender.port == dialog->endpoint.port &&
            address_equal(&sender.address, &dialog->endpoint.address);
        if (!expected) {
            judge_stray(dialog, (struct octets){ data, (size_t)len }, &sender);
            continue;
        }
        if (++dialog->datagrams > LIMIT_DATAGRAMS) {
            uv_poll_stop(poll);
            return;
        }
        judge(dialog, (struct octets){ data, (size_t)len }, elapsed_us(dialog, &message));
    }
}

static bool send_request(struct ntp_dialog *dialog, const struct ntp_request *request)
{
    uint8_t packet[NTS_NTP_MAX];
    struct writer w = writer_of(packet, sizeof(packet));
    randombytes_buf(dialog->query.transmit, sizeof(dialog->query.transmit));
    randombytes_buf(dialog->query.uid, sizeof(dialog->query.uid));
    randombytes_buf(dialog->query.nonce, sizeof(dialog->query.nonce));
    dialog->query.placeholders = request->placeholders;
    if (!nts_ntp_request(&w, &dialog->query, request->cookie, &request->keys->c2s)) {
        return false;
    }
    dialog->request_len = w.at;
    struct sockaddr_storage to;
    socklen_t to_len = endpoint_to_sockaddr(&request->endpoint, &to);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    dialog->sent_at_us = unix_us(now);
    dialog->sent_at_ns = uv_hrtime();
    return sendto(dialog->fd, packet, w.at, 0, (const struct sockaddr *)&to, to_len) ==
           (ssize_t)w.at;
}

/* A fault of ours (no route for the family, no descriptor) is not the server's silence. */
static bool begin(struct ntp_dialog *dialog, uv_loop_t *loop, const struct ntp_request *request)
{
    int family = address_is_ipv4(&request->endpoint.address) ? AF_INET : AF_INET6;
    dialog->fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (dialog->fd < 0) {
        return false;
    }
    int on = 1;
    (void)setsockopt(dialog->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
    if (uv_poll_init(loop, &dialog->poll, dialog->fd) < 0) {
        close(dialog->fd);
        dialog->fd = -1;
        return false;
    }
    dialog_own_socket(&dialog->base, (uv_handle_t *)&dialog->poll);
    return send_request(dialog, request) &&
           uv_poll_start(&dialog->poll, UV_READABLE, datagram_received) == 0;
}

struct ntp_dialog *ntp_dialog_start(uv_loop_t *loop, const struct ntp_request *request,
                                    ntp_done *done, void *arg)
{
    struct ntp_dialog *dialog = xcalloc(1, sizeof(*dialog));
    dialog->done = done;
    dialog->arg = arg;
    dialog->endpoint = request->endpoint;
    dialog->s2c = request->keys->s2c;
    dialog_begin(&dialog->base, loop, timed_out, ended);
    errno = 0;
    if (!begin(dialog, loop, request)) {
        dialog->result.failure = FAILURE_INTERNAL;
        (void)snprintf(dialog->result.detail, sizeof(dialog->result.detail), "sending NTP: %s",
                       errno != 0 ? uv_strerror(uv_translate_sys_error(errno)) : "no packet");
        dialog_end(&dialog->base);
        return dialog;
    }
    dialog->result.failure = FAILURE_NTP_SILENT;
    (void)snprintf(dialog->result.detail, sizeof(dialog->result.detail), "no reply within %d ms",
                   LIMIT_NTP_MS);
    dialog_set_limit(&dialog->base, clock_pause_ms(LIMIT_NTP_MS));
    return dialog;
}

void ntp_dialog_cancel(struct ntp_dialog *dialog)
{
    dialog->done = NULL;
    dialog_end(&dialog->base);
}
