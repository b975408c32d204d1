#include "tools/fleet/grpc.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "zone/base/array.h"
#include "zone/base/printable.h"

void grpc_frame(struct protobuf *out, const struct protobuf *message)
{
    *out = (struct protobuf){ .data = xmalloc(GRPC_PREFIX + message->len),
                              .len = GRPC_PREFIX + message->len,
                              .room = GRPC_PREFIX + message->len };
    out->data[0] = 0; /* not compressed */
    wire_put_u32(out->data + 1, (uint32_t)message->len);
    if (message->len > 0) {
        memcpy(out->data + GRPC_PREFIX, message->data, message->len);
    }
}

static unsigned hex_digit(char c)
{
    return isdigit((unsigned char)c) ? (unsigned)(c - '0') : (unsigned)(tolower(c) - 'a' + 10);
}

/* grpc-message is percent-encoded. */
static void set_text(struct grpc_outcome *outcome, const char *value, size_t len)
{
    char plain[GRPC_TEXT_ROOM];
    size_t at = 0;
    for (size_t i = 0; i < len && at < sizeof(plain) - 1; i++) {
        char c = value[i];
        if (c == '%' && len - i > 2 && isxdigit((unsigned char)value[i + 1]) &&
            isxdigit((unsigned char)value[i + 2])) {
            c = (char)(hex_digit(value[i + 1]) << 4 | hex_digit(value[i + 2]));
            i += 2;
        }
        if (c != '\0') {
            plain[at++] = c;
        }
    }
    plain[at] = '\0';
    printable_escape(outcome->text, sizeof(outcome->text), plain);
}

static void set_code(struct grpc_outcome *outcome, const char *value, size_t len)
{
    unsigned code = 0;
    size_t digits = 0;
    while (digits < len && digits < 3 && isdigit((unsigned char)value[digits])) {
        code = code * 10 + (unsigned)(value[digits++] - '0');
    }
    outcome->ended = digits > 0 && digits == len;
    outcome->code = code;
}

static bool has_name(const char *line, size_t len, const char *name)
{
    return len == strlen(name) && strncasecmp(line, name, len) == 0;
}

void grpc_header(struct grpc_outcome *outcome, const char *line, size_t len)
{
    static const char type[] = "application/grpc";
    while (len > 0 && isspace((unsigned char)line[len - 1])) {
        len--;
    }
    if (len > 5 && strncmp(line, "HTTP/", 5) == 0) {
        *outcome = (struct grpc_outcome){ .ended = false };
        return;
    }
    const char *colon = len > 0 ? memchr(line, ':', len) : NULL;
    if (colon == NULL) {
        return;
    }
    size_t name = (size_t)(colon - line), skip = name + 1;
    while (skip < len && line[skip] == ' ') {
        skip++;
    }
    const char *value = line + skip;
    len -= skip;
    if (has_name(line, name, "content-type")) {
        outcome->is_grpc =
            len >= sizeof(type) - 1 && strncasecmp(value, type, sizeof(type) - 1) == 0;
    } else if (has_name(line, name, "grpc-status")) {
        set_code(outcome, value, len);
    } else if (has_name(line, name, "grpc-message")) {
        set_text(outcome, value, len);
    }
}

void grpc_add(struct grpc_inbox *inbox, const void *data, size_t len)
{
    if (inbox->at > 0) { /* what was taken goes */
        memmove(inbox->data, inbox->data + inbox->at, inbox->len - inbox->at);
        inbox->len -= inbox->at;
        inbox->at = 0;
    }
    ARRAY_RESERVE(inbox->data, inbox->room, inbox->len + len);
    if (len > 0) {
        memcpy(inbox->data + inbox->len, data, len);
    }
    inbox->len += len;
}

enum result grpc_look(const struct grpc_inbox *inbox, struct octets *out, struct diag *diag)
{
    if (grpc_waiting(inbox) < GRPC_PREFIX) {
        return RESULT_EXHAUSTED;
    }
    struct reader r = reader_of(inbox->data + inbox->at, inbox->len - inbox->at);
    uint8_t flag = read_u8(&r);
    size_t len = read_u32(&r);
    if (flag != 0) {
        return diag_fail(diag, RESULT_INVALID, "what it sends is no plain message of gRPC");
    }
    if (len > inbox->message_max) {
        return diag_fail(diag, RESULT_TOO_LONG,
                         "it sends a message of %zu octets, but the limit is %zu", len,
                         inbox->message_max);
    }
    if (reader_left(&r) < len) {
        return RESULT_EXHAUSTED;
    }
    *out = (struct octets){ read_octets(&r, len), len };
    return RESULT_OK;
}

enum result grpc_take(struct grpc_inbox *inbox, struct octets *out, struct diag *diag)
{
    struct octets message = { .len = 0 };
    TRY(grpc_look(inbox, &message, diag));
    inbox->at += GRPC_PREFIX + message.len;
    *out = message;
    return RESULT_OK;
}

size_t grpc_waiting(const struct grpc_inbox *inbox)
{
    return inbox->len - inbox->at;
}

void grpc_inbox_clear(struct grpc_inbox *inbox)
{
    free(inbox->data);
    *inbox = (struct grpc_inbox){ .message_max = inbox->message_max };
}
