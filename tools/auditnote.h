/* Entries of a command for the audit trail (zone/registry/audit.h): who ran it, from where, and
 * what it changed. */
#ifndef TOOLS_AUDITNOTE_H
#define TOOLS_AUDITNOTE_H

#include "tools/cli.h"
#include "zone/registry/audit.h"

enum {
    AUDITNOTES_MAX = 100 /* of one command; a last entry gives the number of all further ones */
};

/* The notes of one command, until its change is committed. Start from `{ 0 }`. */
struct auditnotes {
    struct auditnote *list;
    size_t count, more;
};

/* Notes one change. */
void auditnote_add(struct auditnotes *notes, const char *subject, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Writes the notes in the registry's transaction. Without notes, writes the command line. */
enum result auditnote_write(const struct auditnotes *notes, const struct cli *cli,
                            struct store_txn *registry);
void auditnote_done(struct auditnotes *notes);

/* Appends an entry after a change of a store other than the registry. With `words`, the entry has
 * the command line, which must not contain a secret. The change is made by now, so a failure is
 * printed on stderr and does not fail the command. A machine without a registry has no trail. */
void auditnote_append(const struct cli *cli, bool words);

#endif
