#include "probe/ke_dialog.h"

#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "probe/dialog.h"
#include "probe/limits.h"
#include "zone/base/isotime.h"

enum phase {
    PHASE_CONNECT,
    PHASE_TLS,
    PHASE_ANSWER,
    PHASE_CLOSE /* the answer is complete; the server's close_notify is awaited */
};

enum {
    READ_ROOM = 4096
};

struct ke_dialog {
    struct dialog base;
    uv_tcp_t tcp;
    uv_connect_t connect;
    enum phase phase;
    bool judged; /* the certificate was */
    const struct stall *stall;
    uint64_t began_at_ms; /* stall_now */
    enum nts_ke_offer offer;
    struct tls_client *tls;
    struct trace *trace;
    ke_done *done; /* NULL: cancelled */
    void *arg;
    size_t received; /* octets from the network */
    struct ke_result result;
    size_t answer_len;
    uint8_t answer[NTS_KE_ANSWER_MAX + 1]; /* one more shows that it is too long */
    uint8_t in[READ_ROOM];
};

static void ended(void *own)
{
    struct ke_dialog *dialog = own;
    if (dialog->done != NULL) {
        dialog->done(&dialog->result, dialog->arg);
    }
    tls_client_free(dialog->tls);
    sodium_memzero(&dialog->result.keys, sizeof(dialog->result.keys));
    free(dialog);
}

static bool flush(struct ke_dialog *dialog)
{
    uint8_t out[READ_ROOM];
    for (;;) {
        size_t len = tls_client_take(dialog->tls, out, sizeof(out));
        if (len == 0) {
            return true;
        }
        /* all that we ever send fits the socket's buffer, so a short write means a broken
         * connection */
        uv_buf_t buffer = uv_buf_init((char *)out, (unsigned)len);
        if (uv_try_write((uv_stream_t *)&dialog->tcp, &buffer, 1) != (int)len) {
            return false;
        }
    }
}

static const char *step_name(const struct ke_dialog *dialog)
{
    switch (dialog->phase) {
    case PHASE_CONNECT:
        return "connect";
    case PHASE_TLS:
        return dialog->judged ? "certificate" : "tls";
    case PHASE_ANSWER:
        return "ke";
    case PHASE_CLOSE:
        break;
    }
    return "close";
}

static void finish(struct ke_dialog *dialog, enum failure failure)
{
    if (dialog->base.over) {
        return;
    }
    if (dialog->tls != NULL && dialog->phase > PHASE_CONNECT) {
        tls_client_finish(dialog->tls);
        (void)flush(dialog);
    }
    if (stall_may_explain(dialog->stall, failure, dialog->began_at_ms, stall_now())) {
        failure = FAILURE_INTERNAL;
        (void)snprintf(dialog->result.detail, sizeof(dialog->result.detail), STALL_TEXT);
    }
    dialog->result.step = step_name(dialog);
    dialog->result.failure = failure;
    dialog_end(&dialog->base);
}

static void fail(struct ke_dialog *dialog, enum failure failure, const char *detail)
{
    if (!dialog->base.over) {
        (void)snprintf(dialog->result.detail, sizeof(dialog->result.detail), "%s", detail);
        finish(dialog, failure);
    }
}

static enum failure parse_answer(struct ke_dialog *dialog)
{
    struct ke_result *result = &dialog->result;
    char records[TRACE_TEXT_ROOM];
    nts_ke_describe(dialog->answer, dialog->answer_len, records, sizeof(records));
    trace_add(dialog->trace, uv_hrtime(), "records", "%s", records[0] != '\0' ? records : "none");
    return nts_ke_parse(&result->answer, dialog->answer, dialog->answer_len, dialog->offer,
                        result->detail);
}

/* The answer will not be complete. The part that came may give a better reason, such as an Error
 * record. */
static void give_up(struct ke_dialog *dialog, enum failure failure, const char *detail)
{
    enum failure better = parse_answer(dialog);
    if (better != FAILURE_NONE && better != FAILURE_KE_CLOSED) {
        finish(dialog, better);
    } else {
        fail(dialog, failure, detail);
    }
}

static void timed_out(void *own)
{
    struct ke_dialog *dialog = own;
    switch (dialog->phase) {
    case PHASE_CONNECT:
        fail(dialog, FAILURE_CONNECT_TIMEOUT, "no answer to TCP");
        break;
    case PHASE_TLS:
        fail(dialog, FAILURE_TLS_TIMEOUT, "the handshake did not end");
        break;
    case PHASE_ANSWER:
        give_up(dialog, FAILURE_KE_TIMEOUT, "no End of Message");
        break;
    case PHASE_CLOSE:
        dialog->result.no_close = true;
        finish(dialog, FAILURE_NONE);
        break;
    }
}

static void enter(struct ke_dialog *dialog, enum phase phase, unsigned limit_ms)
{
    dialog->phase = phase;
    dialog_set_limit(&dialog->base, limit_ms);
}

static bool continue_handshake(struct ke_dialog *dialog)
{
    struct ke_result *result = &dialog->result;
    enum failure failure = FAILURE_NONE;
    switch (tls_client_handshake(dialog->tls, &failure, result->detail)) {
    case TLS_WAITING:
        return false;
    case TLS_DONE:
        break;
    case TLS_CLOSED:
    case TLS_FAILED:
        finish(dialog, failure);
        return false;
    }
    char cipher[NTS_DETAIL_ROOM];
    tls_client_describe(dialog->tls, cipher);
    trace_add(dialog->trace, uv_hrtime(), "tls", "%s, ALPN " NTS_KE_ALPN, cipher);
    dialog->judged = true;
    failure = tls_client_judge(dialog->tls, &result->certificate, result->detail);
    char time[ISOTIME_ROOM];
    trace_add(dialog->trace, uv_hrtime(), "certificate", "for %s, valid until %s",
              result->certificate.subject, isotime_text(result->certificate.not_after, time));
    if (failure != FAILURE_NONE) {
        finish(dialog, failure);
        return false;
    }
    if (result->detail[0] != '\0') {
        trace_add(dialog->trace, uv_hrtime(), "certificate", "%s", result->detail);
        result->detail[0] = '\0';
    }
    result->certified = true;
    uint8_t request[64];
    struct writer w = writer_of(request, sizeof(request));
    nts_ke_request(&w, dialog->offer);
    if (!tls_client_write(dialog->tls, request, w.at)) {
        fail(dialog, FAILURE_INTERNAL, "the request can't be encrypted");
        return false;
    }
    enter(dialog, PHASE_ANSWER, LIMIT_KE_MS);
    return true;
}

/* The answer is complete, or the server will send no more. */
static bool judge_answer(struct ke_dialog *dialog)
{
    struct ke_result *result = &dialog->result;
    enum failure failure = parse_answer(dialog);
    if (failure != FAILURE_NONE) {
        finish(dialog, failure);
        return false;
    }
    if (!tls_client_keys(dialog->tls, result->answer.aead, &result->keys)) {
        fail(dialog, FAILURE_INTERNAL, "the keys can't be exported");
        return false;
    }
    const struct nts_ke_answer *answer = &result->answer;
    trace_add(dialog->trace, uv_hrtime(), "ke",
              "AEAD %u, %u cookies of %u octets, NTP at %s port %u", answer->aead,
              answer->cookies_seen, answer->cookies[0].len,
              answer->server[0] != '\0' ? answer->server : "the same address", answer->port);
    return true;
}

static bool continue_answer(struct ke_dialog *dialog)
{
    for (;;) {
        size_t got = 0;
        enum tls_progress progress =
            tls_client_read(dialog->tls, dialog->answer + dialog->answer_len,
                            sizeof(dialog->answer) - dialog->answer_len, &got);
        dialog->answer_len += got;
        bool closed = progress == TLS_CLOSED || progress == TLS_FAILED;
        const char *error = tls_client_error(dialog->tls);
        if (progress == TLS_FAILED && dialog->answer_len == 0 && error != NULL) {
            /* such as the alert of a server that requires client certificates, which comes after
             * the handshake (RFC 8446 4.4.2.4) */
            fail(dialog, FAILURE_TLS_HANDSHAKE, error);
            return false;
        }
        if (closed || dialog->answer_len > NTS_KE_ANSWER_MAX ||
            (progress == TLS_WAITING && nts_ke_ended(dialog->answer, dialog->answer_len))) {
            if (!judge_answer(dialog)) {
                return false;
            }
            dialog->result.no_close = progress == TLS_FAILED;
            if (closed) {
                finish(dialog, FAILURE_NONE);
                return false;
            }
            tls_client_finish(dialog->tls);
            enter(dialog, PHASE_CLOSE, LIMIT_CLOSE_MS);
            return true;
        }
        if (progress == TLS_WAITING) {
            return false;
        }
    }
}

static bool continue_close(struct ke_dialog *dialog)
{
    uint8_t octet[1];
    size_t got = 0;
    switch (tls_client_read(dialog->tls, octet, sizeof(octet), &got)) {
    case TLS_WAITING:
        break;
    case TLS_DONE:
        fail(dialog, FAILURE_KE_MALFORMED, "octets after End of Message");
        break;
    case TLS_CLOSED:
        finish(dialog, FAILURE_NONE);
        break;
    case TLS_FAILED:
        dialog->result.no_close = true;
        finish(dialog, FAILURE_NONE);
        break;
    }
    return false;
}

/* The server closed the TCP connection, or it broke. */
static void peer_gone(struct ke_dialog *dialog, int status)
{
    const char *detail =
        status == UV_EOF ? "the server closed the connection" : uv_strerror(status);
    switch (dialog->phase) {
    case PHASE_TLS:
        fail(dialog, FAILURE_TLS_HANDSHAKE, detail);
        break;
    case PHASE_ANSWER:
        give_up(dialog, FAILURE_KE_CLOSED, detail);
        break;
    case PHASE_CLOSE:
        dialog->result.no_close = true;
        finish(dialog, FAILURE_NONE);
        break;
    case PHASE_CONNECT:
        break;
    }
}

/* Goes as far as the octets received so far allow. */
static void proceed(struct ke_dialog *dialog)
{
    bool more = true;
    while (more) {
        switch (dialog->phase) {
        case PHASE_TLS:
            more = continue_handshake(dialog);
            break;
        case PHASE_ANSWER:
            more = continue_answer(dialog);
            break;
        case PHASE_CLOSE:
            more = continue_close(dialog);
            break;
        case PHASE_CONNECT:
            more = false;
            break;
        }
    }
    if (!dialog->base.over && !flush(dialog)) {
        peer_gone(dialog, UV_ECONNRESET);
    }
}

static void allocate(uv_handle_t *handle, size_t, uv_buf_t *buffer)
{
    struct ke_dialog *dialog = handle->data;
    *buffer = uv_buf_init((char *)dialog->in, sizeof(dialog->in));
}

static void octets_received(uv_stream_t *stream, ssize_t len, const uv_buf_t *buffer)
{
    struct ke_dialog *dialog = stream->data;
    if (len < 0) {
        peer_gone(dialog, (int)len);
        return;
    }
    dialog->received += (size_t)len;
    if (dialog->received > LIMIT_TLS_OCTETS) {
        fail(dialog, dialog->phase == PHASE_TLS ? FAILURE_TLS_HANDSHAKE : FAILURE_KE_TOO_LONG,
             "the server sends without end");
        return;
    }
    if (!tls_client_put(dialog->tls, (const uint8_t *)buffer->base, (size_t)len)) {
        fail(dialog, FAILURE_INTERNAL, "no room for TLS");
        return;
    }
    proceed(dialog);
}

static void connected(uv_connect_t *connect, int status)
{
    struct ke_dialog *dialog = connect->data;
    if (dialog->base.over) {
        return;
    }
    if (status == UV_ECONNRESET) {
        /* the connection was open, and is closed already */
        dialog->phase = PHASE_TLS;
        peer_gone(dialog, status);
        return;
    }
    if (status < 0) {
        enum failure failure = status == UV_ECONNREFUSED ? FAILURE_CONNECT_REFUSED
                               : status == UV_ETIMEDOUT  ? FAILURE_CONNECT_TIMEOUT
                                                         : FAILURE_CONNECT_ERROR;
        fail(dialog, failure, uv_strerror(status));
        return;
    }
    trace_add(dialog->trace, uv_hrtime(), "connect", "TCP is open");
    enter(dialog, PHASE_TLS, LIMIT_TLS_MS);
    if (uv_read_start((uv_stream_t *)&dialog->tcp, allocate, octets_received) < 0) {
        fail(dialog, FAILURE_INTERNAL, "the socket can't be read");
        return;
    }
    proceed(dialog);
}

/* If connecting fails before anything is sent, the fault is ours: no route for the family, or no
 * descriptor. */
static void begin(struct ke_dialog *dialog, const struct ke_request *request)
{
    const char *special = address_special(&request->endpoint.address);
    if (special != NULL && !request->allow_private) {
        fail(dialog, FAILURE_ADDRESS, special);
        return;
    }
    if (dialog->tls == NULL) {
        fail(dialog, FAILURE_INTERNAL, "TLS can't be set up");
        return;
    }
    struct sockaddr_storage to;
    (void)endpoint_to_sockaddr(&request->endpoint, &to);
    enter(dialog, PHASE_CONNECT, LIMIT_CONNECT_MS);
    int status =
        uv_tcp_connect(&dialog->connect, &dialog->tcp, (const struct sockaddr *)&to, connected);
    if (status < 0) {
        fail(dialog, FAILURE_INTERNAL, uv_strerror(status));
    }
}

struct ke_dialog *ke_dialog_start(uv_loop_t *loop, const struct ke_request *request,
                                  struct trace *trace, ke_done *done, void *arg)
{
    struct ke_dialog *dialog = xcalloc(1, sizeof(*dialog));
    dialog->done = done;
    dialog->arg = arg;
    dialog->trace = trace;
    dialog->offer = request->offer;
    dialog->stall = request->stall;
    dialog->began_at_ms = stall_now();
    dialog->connect.data = dialog;
    uv_tcp_init(loop, &dialog->tcp);
    dialog_begin(&dialog->base, loop, timed_out, ended);
    dialog_own_socket(&dialog->base, (uv_handle_t *)&dialog->tcp);
    dialog->tls = tls_client_new(request->trust, request->name);
    begin(dialog, request);
    return dialog;
}

void ke_dialog_cancel(struct ke_dialog *dialog)
{
    dialog->done = NULL;
    finish(dialog, FAILURE_INTERNAL);
}
