#include "probe/web_dialog.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "probe/limits.h"
#include "probe/stall.h"

struct web_dialog {
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_connect_t connect;
    unsigned open; /* handles */
    web_done *done;
    void *arg;
    bool over, again; /* see stall_look_again */
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

static void handle_closed(uv_handle_t *handle)
{
    struct web_dialog *dialog = handle->data;
    if (--dialog->open == 0) {
        if (dialog->done != NULL) {
            dialog->done(dialog->foreign, dialog->detail, dialog->arg);
        }
        free(dialog);
    }
}

static void finish(struct web_dialog *dialog, const char *words)
{
    if (dialog->over) {
        return;
    }
    dialog->over = true;
    if (words != NULL) {
        (void)snprintf(dialog->detail, sizeof(dialog->detail), "%s", words);
    } else {
        dialog->foreign = web_serves_foreign(dialog->head, dialog->len, dialog->detail);
    }
    uv_close((uv_handle_t *)&dialog->tcp, handle_closed);
    uv_close((uv_handle_t *)&dialog->timer, handle_closed);
}

static void timed_out(uv_timer_t *timer)
{
    struct web_dialog *dialog = timer->data;
    if (!stall_look_again(&dialog->again, timer, timed_out)) {
        finish(dialog, dialog->len > 0 ? NULL : "no answer");
    }
}

static void give_room(uv_handle_t *handle, size_t, uv_buf_t *buffer)
{
    struct web_dialog *dialog = handle->data;
    *buffer =
        uv_buf_init(dialog->head + dialog->len, (unsigned)(sizeof(dialog->head) - dialog->len));
}

static void octets_came(uv_stream_t *stream, ssize_t len, const uv_buf_t *)
{
    struct web_dialog *dialog = stream->data;
    dialog->len += len > 0 ? (size_t)len : 0;
    if (len < 0 || dialog->len == sizeof(dialog->head) ||
        memmem(dialog->head, dialog->len, "\r\n\r\n", 4) != NULL) {
        finish(dialog, dialog->len > 0 ? NULL : "closed without an answer");
    }
}

static void connected(uv_connect_t *connect, int status)
{
    struct web_dialog *dialog = connect->data;
    if (dialog->over) {
        return;
    }
    /* a name that no member has (RFC 2606) */
    char request[] = "GET / HTTP/1.1\r\nHost: foreign.example\r\nConnection: close\r\n\r\n";
    uv_buf_t buffer = uv_buf_init(request, sizeof(request) - 1);
    if (status < 0 || uv_read_start((uv_stream_t *)&dialog->tcp, give_room, octets_came) < 0 ||
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
    dialog->open = 2;
    dialog->tcp.data = dialog;
    dialog->timer.data = dialog;
    dialog->connect.data = dialog;
    uv_tcp_init(loop, &dialog->tcp);
    uv_timer_init(loop, &dialog->timer);
    uv_timer_start(&dialog->timer, timed_out, LIMIT_WEB_MS, 0);
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
    finish(dialog, "cancelled");
}
