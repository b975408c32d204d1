/* A mail of plain text, as RFC 5322 wants it, for a program such as sendmail.
 *
 * Texts may come from the network. So only printable ASCII gets into a mail: of any other octet, a
 * question mark. No text can begin a header, end the mail by a line with a dot alone, or look like
 * the start of another mail: what comes from outside is in indented paragraphs. */
#ifndef TOOLS_MAIL_H
#define TOOLS_MAIL_H

#include <stdint.h>
#include <stdio.h>

#include "zone/registry/contact.h"

enum {
    MAIL_LINE = 78,     /* RFC 5322 2.1.1; a word that is longer makes a longer line */
    MAIL_WORD_MAX = 500 /* a longer word is cut in two; a line has at most 998 octets */
};

/* Start from `{ 0 }`, end with mail_done. */
struct mail {
    FILE *out;
    char *text; /* after mail_end */
    size_t len;
};

struct mail_head {
    const char *from, *to; /* for which contact_fits */
    const char *subject;
    const char *pool; /* the right half of the Message-ID */
    uint64_t now;     /* Unix seconds */
    uint64_t id;      /* tells the mails of a second apart */
};

void mail_begin(struct mail *mail, const struct mail_head *head);
/* Adds a paragraph, wrapped, each line indented by so many spaces. Spaces and line ends in the text
 * separate words. A text without words adds nothing. */
void mail_paragraph(struct mail *mail, unsigned indent, const char *text);
void mail_paragraphf(struct mail *mail, unsigned indent, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* An empty line. */
void mail_gap(struct mail *mail);
/* Now `text` has the mail. */
void mail_end(struct mail *mail);
void mail_done(struct mail *mail);

#endif
