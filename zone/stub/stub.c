#include "zone/stub/stub.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <sodium.h>

#include "zone/names/rrset.h"
#include "zone/stub/dnsmessage.h"

enum {
    FLAG_RD = 0x0100,
    FLAG_AD = 0x0020,
    /* A complete response: QR set, opcode and TC zero. */
    FLAGS_MASK = 0xfa00,
    FLAGS_GOOD = 0x8000,
    RCODE_MASK = 0x000f,
    NXDOMAIN = 3
};

static int exchange(int fd, struct stub_response *out, const uint8_t *query, size_t len)
{
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    if (send(fd, query, len, 0) != (ssize_t)len) {
        return errno;
    }
    int count = poll(&ready, 1, STUB_TIMEOUT_MS);
    if (count <= 0) {
        return count == 0 ? ETIMEDOUT : errno;
    }
    ssize_t got = recv(fd, out->data, sizeof(out->data), 0);
    if (got < 0) {
        return errno;
    }
    out->len = (size_t)got;
    return 0;
}

int stub_exchange(struct stub_response *out, const struct endpoint *to, const uint8_t *query,
                  size_t len)
{
    struct sockaddr_storage address;
    socklen_t address_len = endpoint_to_sockaddr(to, &address);
    int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int error = fd < 0 ? errno : 0;
    out->len = 0;
    if (error == 0 && connect(fd, (const struct sockaddr *)&address, address_len) != 0) {
        error = errno;
    }
    if (error == 0) {
        error = exchange(fd, out, query, len);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return error;
}

size_t stub_write(uint8_t out[STUB_QUERY_ROOM], uint16_t id, uint16_t flags,
                  const struct stub_question *question)
{
    struct writer w = writer_of(out, STUB_QUERY_ROOM);
    write_u16(&w, id);
    write_u16(&w, flags);
    write_u16(&w, 1);
    write_u16(&w, 0);
    write_u32(&w, 0);
    dname_write(&w, &question->name);
    write_u16(&w, question->type);
    write_u16(&w, RR_CLASS_IN);
    ASSERT(!w.failed);
    return w.at;
}

enum result stub_ask(struct stub_response *out, const struct endpoint *resolver,
                     const struct stub_question *question, struct diag *diag)
{
    uint8_t query[STUB_QUERY_ROOM];
    out->id = (uint16_t)randombytes_random();
    /* RFC 6840 5.7: AD in a query asks for AD in the response. */
    size_t len = stub_write(query, out->id, FLAG_RD | FLAG_AD, question);
    char text[ADDRESS_TEXT_MAX];
    int error = stub_exchange(out, resolver, query, len);
    return error == 0
               ? RESULT_OK
               : diag_fail(diag, RESULT_SYSTEM,
                           "the resolver %s@%u (ds-resolver) can't be asked: %s",
                           address_text(&resolver->address, text), resolver->port, strerror(error));
}

void stub_begin(struct stub_reading *reading, const struct stub_response *response,
                const struct stub_question *question)
{
    struct reader *r = &reading->reader;
    struct dname name = { .len = 0 };
    *r = reader_of(response->data, response->len);
    bool good = read_u16(r) == response->id;
    unsigned flags = read_u16(r), rcode = flags & RCODE_MASK;
    good = (flags & FLAGS_MASK) == FLAGS_GOOD && (rcode == 0 || rcode == NXDOMAIN) && good;
    good = read_u16(r) == 1 && good;
    reading->validated = (flags & FLAG_AD) != 0;
    reading->answers = read_u16(r);
    reading->authorities = read_u16(r);
    (void)read_u16(r);
    dnsmessage_read_name(r, &name);
    good = read_u16(r) == question->type && good;
    good = read_u16(r) == RR_CLASS_IN && good;
    r->failed = r->failed || !good || !dname_equal(&name, &question->name);
}

bool stub_next(struct stub_reading *reading, struct stub_record *out)
{
    struct reader *r = &reading->reader;
    if (r->failed || reading->answers + reading->authorities == 0) {
        return false;
    }
    out->is_answer = reading->answers > 0;
    *(out->is_answer ? &reading->answers : &reading->authorities) -= 1;
    dnsmessage_read_name(r, &out->owner);
    out->type = read_u16(r);
    out->type = read_u16(r) == RR_CLASS_IN ? out->type : 0;
    out->ttl_s = read_u32(r);
    out->len = read_u16(r);
    out->rdata = read_octets(r, out->len);
    return !r->failed;
}
