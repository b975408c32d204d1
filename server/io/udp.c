#include "server/io/udp.h"

#include <stdlib.h>
#include <unistd.h>

#include "server/io/listen.h"

enum {
    CONTROL_ROOM = CMSG_SPACE(sizeof(struct in6_pktinfo))
};

/* A socket's message headers. The reply to message i reuses its address and control data. */
struct udp_batch {
    struct mmsghdr in[UDP_BATCH], out[UDP_BATCH];
    struct iovec in_vec[UDP_BATCH], out_vec[UDP_BATCH];
    struct sockaddr_in6 from[UDP_BATCH];
    _Alignas(struct cmsghdr) uint8_t control[UDP_BATCH][CONTROL_ROOM];
};

/* Resets the fields that the kernel changes on receiving. */
static void reset(struct msghdr *header, bool wildcard)
{
    header->msg_namelen = sizeof(struct sockaddr_in6);
    header->msg_controllen = wildcard ? CONTROL_ROOM : 0;
}

static struct udp_batch *batch_new(struct udp_shared *shared, bool wildcard)
{
    struct udp_batch *batch = xcalloc(1, sizeof(*batch));
    for (unsigned i = 0; i < UDP_BATCH; i++) {
        struct msghdr *header = &batch->in[i].msg_hdr;
        batch->in_vec[i] = (struct iovec){ shared->in[i], UDP_QUERY_MAX };
        header->msg_name = &batch->from[i];
        header->msg_iov = &batch->in_vec[i];
        header->msg_iovlen = 1;
        header->msg_control = wildcard ? batch->control[i] : NULL;
        reset(header, wildcard);
        batch->out_vec[i].iov_base = shared->out[i];
        batch->out[i].msg_hdr.msg_iov = &batch->out_vec[i];
        batch->out[i].msg_hdr.msg_iovlen = 1;
    }
    return batch;
}

/* Turns the received PKTINFO into one that sends from the address the query came to, by any
 * interface. */
static void answer_from(struct msghdr *header)
{
    struct cmsghdr *control = CMSG_FIRSTHDR(header);
    if (control == NULL) {
        header->msg_control = NULL;
        header->msg_controllen = 0;
    } else if (control->cmsg_level == IPPROTO_IP) {
        struct in_pktinfo info;
        memcpy(&info, CMSG_DATA(control), sizeof(info));
        info.ipi_spec_dst = info.ipi_addr;
        info.ipi_ifindex = 0;
        memcpy(CMSG_DATA(control), &info, sizeof(info));
    } else {
        struct in6_pktinfo info;
        memcpy(&info, CMSG_DATA(control), sizeof(info));
        /* A link-local source needs its interface; others are routed as usual. */
        info.ipi6_ifindex = IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) ? info.ipi6_ifindex : 0;
        memcpy(CMSG_DATA(control), &info, sizeof(info));
    }
}

/* Takes message number `at`. False if its sender can't be answered. */
static bool take_message(const struct udp_socket *udp, unsigned at, struct request *request)
{
    const struct udp_batch *batch = udp->batch;
    struct endpoint source;
    if (endpoint_of_sockaddr(&source, (const struct sockaddr *)&batch->from[at]) != RESULT_OK ||
        source.port == 0) {
        message_count(&udp->shared->handler->counters, MESSAGES_DROPPED + MESSAGE_MALFORMED);
        return false;
    }
    request->data = udp->shared->in[at];
    request->len = batch->in[at].msg_len;
    request->source = source.address;
    request->tcp = false;
    return true;
}

/* Addresses reply number `number`, of `len` octets, to the sender of message number `at`. */
static void address_reply(const struct udp_socket *udp, unsigned at, unsigned number, size_t len)
{
    struct udp_batch *batch = udp->batch;
    const struct msghdr *received = &batch->in[at].msg_hdr;
    struct msghdr *header = &batch->out[number].msg_hdr;
    batch->out_vec[number].iov_len = len;
    header->msg_name = received->msg_name;
    header->msg_namelen = received->msg_namelen;
    if (udp->wildcard) {
        header->msg_control = received->msg_control;
        header->msg_controllen = received->msg_controllen;
        answer_from(header);
    }
}

/* Answers the `count` received messages, in groups that are all read first, then answered. Returns
 * the number of replies. */
static unsigned answer_batch(const struct udp_socket *udp, unsigned count)
{
    struct handler *handler = udp->shared->handler;
    struct request requests[HANDLER_GROUP];
    unsigned from[HANDLER_GROUP], replies = 0;
    uint64_t octets = 0;
    for (unsigned at = 0; at < count;) {
        unsigned group = 0;
        for (; group < HANDLER_GROUP && at < count; at++) {
            from[group] = at;
            group += take_message(udp, at, &requests[group]);
        }
        handler_read(handler, requests, group);
        for (unsigned i = 0; i < group; i++) {
            size_t len =
                handler_answer(handler, &requests[i], udp->shared->out[replies], DNS_UDP_MAX);
            if (len > 0) {
                address_reply(udp, from[i], replies++, len);
                octets += len;
            }
        }
    }
    counter_add(&handler->counters.at[MESSAGES_OCTETS], octets);
    return replies;
}

/* Drops the replies that the kernel does not take now: the client will retry. Skips a reply that
 * can't be sent at all (no route). `msg_len` of each reply says how much of it was sent. */
static void send_batch(struct udp_socket *udp, unsigned count)
{
    unsigned sent = 0;
    while (sent < count) {
        int taken = sendmmsg(udp->fd, udp->batch->out + sent, count - sent, MSG_DONTWAIT);
        if (taken <= 0) {
            message_count(&udp->shared->handler->counters, MESSAGES_DROPPED + MESSAGE_SEND);
            udp->batch->out[sent].msg_len = 0;
            taken = 1;
        }
        sent += (unsigned)taken;
    }
}

/* The address that message number `at` came to. */
static struct endpoint received_on(const struct udp_socket *udp, unsigned at)
{
    struct endpoint here = *udp->endpoint;
    const struct cmsghdr *control = CMSG_FIRSTHDR(&udp->batch->in[at].msg_hdr);
    if (!udp->wildcard || control == NULL) {
        return here;
    }
    if (control->cmsg_level == IPPROTO_IP) {
        struct in_pktinfo info;
        memcpy(&info, CMSG_DATA(control), sizeof(info));
        here.address = address_from_ipv4((const uint8_t *)&info.ipi_addr);
    } else {
        struct in6_pktinfo info;
        memcpy(&info, CMSG_DATA(control), sizeof(info));
        memcpy(here.address.octets, &info.ipi6_addr, sizeof(here.address.octets));
    }
    return here;
}

/* Notes the `count` messages of a batch, each with its reply if one was sent. Replies are in the
 * order of the messages. */
static void note_batch(const struct udp_socket *udp, unsigned count, unsigned replies)
{
    const struct udp_shared *shared = udp->shared;
    const struct udp_batch *batch = udp->batch;
    unsigned number = 0;
    tap_answered(shared->tap);
    for (unsigned at = 0; at < count; at++) {
        struct endpoint client, server = received_on(udp, at);
        struct tap_exchange exchange = { .client = &client,
                                         .server = &server,
                                         .query = { shared->in[at], batch->in[at].msg_len } };
        if (number < replies && batch->out[number].msg_hdr.msg_name == &batch->from[at]) {
            exchange.response = (struct octets){ shared->out[number], batch->out[number].msg_len };
            number++;
        }
        if (endpoint_of_sockaddr(&client, (const struct sockaddr *)&batch->from[at]) == RESULT_OK) {
            tap_note(shared->tap, &exchange);
        }
    }
}

/* One batch. Its snapshot is taken after the queries arrived, so that no answer is older than its
 * query. Returns the number of messages. */
static unsigned serve_batch(struct udp_socket *udp)
{
    int received = recvmmsg(udp->fd, udp->batch->in, UDP_BATCH, MSG_DONTWAIT, NULL);
    unsigned count = received < 0 ? 0 : (unsigned)received;
    if (count == 0) {
        return 0;
    }
    struct handler *handler = udp->shared->handler;
    handler_received(handler, MESSAGE_UDP, udp->ipv6, count);
    if (handler_begin(handler)) {
        bool noted = tap_begin(udp->shared->tap);
        unsigned replies = answer_batch(udp, count);
        send_batch(udp, replies);
        handler_end(handler);
        if (noted) {
            note_batch(udp, count, replies);
        }
    } else {
        counter_add(&handler->counters.at[MESSAGES_DROPPED + MESSAGE_STORE], count);
    }
    for (unsigned at = 0; at < count; at++) {
        reset(&udp->batch->in[at].msg_hdr, udp->wildcard);
    }
    return count;
}

/* A function of its own, so that tests/bench/callgrind can count from here. */
__attribute__((noinline)) void udp_serve(struct udp_socket *udp)
{
    for (unsigned i = 0; i < UDP_BATCHES_A_WAKE && serve_batch(udp) == UDP_BATCH; i++) {
    }
}

void udp_open(struct udp_socket *udp, struct udp_shared *shared, const struct endpoint *endpoint,
              int fd)
{
    udp->fd = fd;
    udp->shared = shared;
    udp->endpoint = endpoint;
    udp->wildcard = listen_is_wildcard(endpoint);
    udp->ipv6 = !address_is_ipv4(&endpoint->address);
    udp->batch = batch_new(shared, udp->wildcard);
}

/* A connected socket receives only from its peer, and the kernel skips it when it spreads queries.
 * The peer is a port of this machine that sends nothing. */
void udp_retire(const struct udp_socket *udp)
{
    enum {
        DISCARD = 9
    };
    struct sockaddr_storage address;
    struct endpoint nobody = *udp->endpoint;
    nobody.port = DISCARD;
    if (udp->wildcard) {
        const char *loopback = address_is_ipv4(&nobody.address) ? "127.0.0.1" : "::1";
        CHECK(address_parse(&nobody.address, loopback) == RESULT_OK);
    }
    socklen_t len = endpoint_to_sockaddr(&nobody, &address);
    (void)connect(udp->fd, (const struct sockaddr *)&address, len);
}

void udp_close(struct udp_socket *udp)
{
    (void)close(udp->fd);
    free(udp->batch);
}
