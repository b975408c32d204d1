/* A program that takes a mail at its standard input, such as `sendmail -t`. It runs without a
 * shell, in a process group of its own, and is ended when it takes too long. */
#ifndef TOOLS_MAILER_H
#define TOOLS_MAILER_H

#include <stddef.h>

#include "zone/base/result.h"

enum {
    MAILER_WORDS = 16,
    MAILER_ROOM = 512
};

struct mailer {
    char text[MAILER_ROOM];
    char *words[MAILER_WORDS + 1];
    unsigned wait_s; /* then it is ended */
};

/* Splits the command at its spaces. USAGE if it has no word, or too many. */
enum result mailer_init(struct mailer *out, const char *command, unsigned wait_s,
                        struct diag *diag);
/* Runs it. OK if it exits with 0; EXHAUSTED if it was ended; SYSTEM if it can't be run; REFUSED if
 * it exits otherwise. What it prints goes to standard error. */
enum result mailer_send(const struct mailer *mailer, const char *mail, size_t len,
                        struct diag *diag);

#endif
