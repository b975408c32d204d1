/* Any octets as the subject and the text of a mail: it keeps its headers, and gets no others. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/notices/mail.h"
#include "zone/base/result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    HEADERS = 9,
    LINE_MAX_OCTETS = 998
};

/* Checks one line, at most LINE_MAX_OCTETS of printable ASCII. Returns its length. */
static size_t check_line(const char *line)
{
    size_t len = strcspn(line, "\n");
    ASSERT(len <= LINE_MAX_OCTETS && line[len] == '\n');
    for (size_t i = 0; i < len; i++) {
        ASSERT(line[i] >= ' ' && line[i] <= '~');
    }
    return len;
}

static void check(const char *text, const char *end)
{
    unsigned headers = 0;
    while (*text != '\n') {
        headers += *text != ' ';
        text += check_line(text) + 1;
    }
    ASSERT(headers == HEADERS);
    for (text++; text < end; text += check_line(text) + 1) {
        ASSERT(*text != '.' && strncmp(text, "From ", 5) != 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mail mail = { .out = NULL };
    char *text = xmalloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    const struct mail_head head = {
        .from = "a@example.net", .to = "b@example.net", .subject = text, .pool = text, .now = size
    };
    mail_begin(&mail, &head);
    mail_paragraph(&mail, 4, text);
    mail_paragraphf(&mail, 8, "Seen: %s", text);
    mail_end(&mail);
    ASSERT(strlen(mail.text) == mail.len);
    check(mail.text, mail.text + mail.len);
    mail_done(&mail);
    free(text);
    return 0;
}
