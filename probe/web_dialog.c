#include "probe/web_dialog.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "probe/dialog.h"
#include "probe/limits.h"

struct web_dialog {
    struct dialog base;
    uv_tcp_t tcp;
    uv_connect_t connect;
    web_done *done; /* NULL: cancelled */
    void *arg;
    bool foreign;
    char detail[NTS_DETAIL_ROOM];
    size_t len;
    char head[WEB_HEAD_MAX];
};

bool web_serves_foreign(const char *head, size_t len, char *detail)
{
    static const char cookie[] = "\nset-cookie:";
    if (len < 12 || memcmp(head, "HTTP/1.", 7) != 0) {
        (void)snprintf(detail, NTS_DETAIL_ROOM, "no HTTP");
        return false;
    }
    (void)snprintf(detail, NTS_DETAIL_ROOM, "status %.3s", head + 9);
    bool foreign = memcmp(head + 8, " 200", 4) == 0;
    for (size_t i = 0; i + sizeof(cookie) - 1 <= len; i++) {
        if (memcmp(head + i, "\r\n\r\n", 4) == 0) {
            break;
        }
        if (strncasecmp(head + i, cookie, sizeof(cookie) - 1) == 0) {
            (void)snprintf(detail, NTS_DETAIL_ROOM, "status %.3s, with a cookie", head + 9);
            foreign = true;
        }
    }
    return foreign;
}

static void ended(void *own)
{
    struct web_dialog *dialog = own;
    if (dialog->done != NULL) {
        dialog->done(dialog->foreign, dialog->detail, dialog->arg);
    }
    free(dialog);
}

/* Judges the octets received; `otherwise` is the detail if there are none. */
static void finish(struct web_dialog *dialog, const char *otherwise)
{
    if (!dialog_end(&dialog->base)) {
        return;
    }
    if (dialog->len > 0) {
        dialog->foreign = web_serves_foreign(dialog->head, dialog->len, dialog->detail);
    } else {
        (void)snprintf(dialog->detail, sizeof(dialog->detail), "%s", otherwise);
    }
}

static void timed_out(void *own)
{
    finish(own, "no answer");
}

static void allocate(uv_handle_t *handle, size_t, uv_buf_t *buffer)
{
    struct web_dialog *dialog = handle->data;
    *buffer =
        uv_buf_init(dialog->head + dialog->len, (unsigned)(sizeof(dialog->head) - dialog->len));
}

static void octets_received(uv_stream_t *stream, ssize_t len, const uv_buf_t *)
{
    struct web_dialog *dialog = stream->data;
    dialog->len += len > 0 ? (size_t)len : 0;
    if (len < 0 || dialog->len == sizeof(dialog->head) ||
        memmem(dialog->head, dialog->len, "\r\n\r\n", 4) != NULL) {
        finish(dialog, "closed without an answer");
    }
}

static void connected(uv_connect_t *connect, int status)
{
    struct web_dialog *dialog = connect->data;
    if (dialog->base.over) {
        return;
    }
    /* a name that no member has (RFC 2606 2) */
    char request[] = "GET / HTTP/1.1\r\nHost: foreign.example\r\nConnection: close\r\n\r\n";
    uv_buf_t buffer = uv_buf_init(request, sizeof(request) - 1);
    if (status < 0 || uv_read_start((uv_stream_t *)&dialog->tcp, allocate, octets_received) < 0 ||
        uv_try_write((uv_stream_t *)&dialog->tcp, &buffer, 1) != (int)sizeof(request) - 1) {
        finish(dialog, "no web server");
    }
}

struct web_dialog *web_dialog_start(uv_loop_t *loop, const struct address *address, web_done *done,
                                    void *arg)
{
    struct web_dialog *dialog = xcalloc(1, sizeof(*dialog));
    struct sockaddr_storage to;
    const struct endpoint endpoint = { *address, WEB_PORT };
    dialog->done = done;
    dialog->arg = arg;
    dialog->connect.data = dialog;
    uv_tcp_init(loop, &dialog->tcp);
    dialog_begin(&dialog->base, loop, timed_out, ended);
    dialog_own_socket(&dialog->base, (uv_handle_t *)&dialog->tcp);
    dialog_set_limit(&dialog->base, LIMIT_WEB_MS);
    (void)endpoint_to_sockaddr(&endpoint, &to);
    if (uv_tcp_connect(&dialog->connect, &dialog->tcp, (const struct sockaddr *)&to, connected) <
        0) {
        finish(dialog, "no web server");
    }
    return dialog;
}

void web_dialog_cancel(struct web_dialog *dialog)
{
    dialog->done = NULL;
    dialog_end(&dialog->base);
}
