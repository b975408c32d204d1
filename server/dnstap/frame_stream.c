#include "server/dnstap/frame_stream.h"

#ifdef NTSPOOL_DNSTAP

#    include <errno.h>
#    include <fstrm.h>
#    include <poll.h>
#    include <stdlib.h>
#    include <string.h>
#    include <sys/socket.h>
#    include <unistd.h>

#    include "zone/base/unixsocket.h"

struct frame_stream {
    struct fstrm_writer *writer;
    struct frame_stream_owner owner;
    struct sockaddr_un address;
    int fd;
    int error; /* errno of the last failure; 0: the reader broke the protocol */
};

bool frame_stream_is_built(void)
{
    return true;
}

/* False: the owner does not go on. */
static bool wait_for(struct frame_stream *stream, short events)
{
    struct pollfd wanted = { .fd = stream->fd, .events = events };
    while (poll(&wanted, 1, STREAM_LOOK_MS) == 0) {
        if (!stream->owner.goes_on(stream->owner.arg)) {
            stream->error = ETIMEDOUT;
            return false;
        }
    }
    return true;
}

/* True if the last call only has to be made again; the socket is ready for it now. */
static bool try_again(struct frame_stream *stream, short events)
{
    stream->error = errno == EINTR || errno == EAGAIN ? 0 : errno;
    return stream->error == 0 && wait_for(stream, events);
}

static fstrm_res on_open(void *arg)
{
    struct frame_stream *stream = arg;
    stream->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (stream->fd >= 0 && connect(stream->fd, (const struct sockaddr *)&stream->address,
                                   sizeof(stream->address)) == 0) {
        return fstrm_res_success;
    }
    stream->error = errno;
    return fstrm_res_failure;
}

static fstrm_res on_read(void *arg, void *data, size_t count)
{
    struct frame_stream *stream = arg;
    uint8_t *at = data;
    while (count > 0) {
        ssize_t got = recv(stream->fd, at, count, MSG_DONTWAIT);
        if (got == 0) {
            stream->error = ECONNRESET;
            return fstrm_res_stop;
        }
        if (got < 0 && !try_again(stream, POLLIN)) {
            return fstrm_res_failure;
        }
        at += got > 0 ? got : 0;
        count -= got > 0 ? (size_t)got : 0;
    }
    return fstrm_res_success;
}

/* Leaves what comes after the first `sent` octets of a vector. */
static void skip(struct msghdr *message, size_t sent)
{
    while (message->msg_iovlen > 0 && sent >= message->msg_iov->iov_len) {
        sent -= message->msg_iov->iov_len;
        message->msg_iov++;
        message->msg_iovlen--;
    }
    if (message->msg_iovlen > 0) {
        message->msg_iov->iov_base = (uint8_t *)message->msg_iov->iov_base + sent;
        message->msg_iov->iov_len -= sent;
    }
}

static fstrm_res on_write(void *arg, const struct iovec *parts, int count)
{
    struct frame_stream *stream = arg;
    struct iovec left[2 * STREAM_FRAMES]; /* a frame is its length and its octets */
    ASSERT(count >= 0 && count <= 2 * STREAM_FRAMES);
    memcpy(left, parts, (size_t)count * sizeof(*parts));
    struct msghdr message = { .msg_iov = left, .msg_iovlen = (size_t)count };
    while (message.msg_iovlen > 0) {
        ssize_t sent = sendmsg(stream->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && !try_again(stream, POLLOUT)) {
            return fstrm_res_failure;
        }
        skip(&message, sent > 0 ? (size_t)sent : 0);
    }
    return fstrm_res_success;
}

static fstrm_res on_close(void *arg)
{
    struct frame_stream *stream = arg;
    if (stream->fd >= 0) {
        (void)close(stream->fd);
        stream->fd = -1;
    }
    return fstrm_res_success;
}

static struct fstrm_writer *make_writer(struct frame_stream *stream)
{
    static const char content[] = "protobuf:dnstap.Dnstap";
    struct fstrm_writer_options *options = fstrm_writer_options_init();
    struct fstrm_rdwr *socket = fstrm_rdwr_init(stream);
    fstrm_rdwr_set_open(socket, on_open);
    fstrm_rdwr_set_read(socket, on_read);
    fstrm_rdwr_set_write(socket, on_write);
    fstrm_rdwr_set_close(socket, on_close);
    fstrm_rdwr_set_destroy(socket, on_close);
    CHECK(fstrm_writer_options_add_content_type(options, content, sizeof(content) - 1) ==
          fstrm_res_success);
    struct fstrm_writer *writer = fstrm_writer_init(options, &socket);
    fstrm_writer_options_destroy(&options);
    ASSERT(writer != NULL);
    return writer;
}

enum result frame_stream_open(struct frame_stream **out, const char *path,
                              const struct frame_stream_owner *owner, struct diag *diag)
{
    struct sockaddr_un address;
    TRY(unixsocket_address(&address, path, diag));
    struct frame_stream *stream = xcalloc(1, sizeof(*stream));
    *stream = (struct frame_stream){ .owner = *owner, .address = address, .fd = -1 };
    stream->writer = make_writer(stream);
    if (fstrm_writer_open(stream->writer) != fstrm_res_success) {
        const char *why = stream->error != 0 ? strerror(stream->error) : "no reader of dnstap";
        enum result result = diag_fail(diag, RESULT_SYSTEM, "%.200s: %s", path, why);
        frame_stream_close(stream);
        return result;
    }
    *out = stream;
    return RESULT_OK;
}

bool frame_stream_write(struct frame_stream *stream, const struct iovec *frames, unsigned count)
{
    return fstrm_writer_writev(stream->writer, frames, (int)count) == fstrm_res_success;
}

bool frame_stream_has_ended(const struct frame_stream *stream)
{
    struct pollfd end = { .fd = stream->fd, .events = POLLRDHUP };
    return poll(&end, 1, 0) > 0;
}

void frame_stream_close(struct frame_stream *stream)
{
    if (stream != NULL) {
        (void)fstrm_writer_destroy(&stream->writer);
        free(stream);
    }
}

#else

bool frame_stream_is_built(void)
{
    return false;
}

enum result frame_stream_open(struct frame_stream **, const char *,
                              const struct frame_stream_owner *, struct diag *diag)
{
    return diag_fail(diag, RESULT_SYSTEM, "this build has no dnstap");
}

bool frame_stream_write(struct frame_stream *, const struct iovec *, unsigned)
{
    return false;
}

bool frame_stream_has_ended(const struct frame_stream *)
{
    return true;
}

void frame_stream_close(struct frame_stream *)
{
}

#endif
