/* What a command notes for the audit trail (zone/registry/audit.h): by whom, from where, and by
 * which command line. */
#ifndef TOOLS_AUDITNOTE_H
#define TOOLS_AUDITNOTE_H

#include "tools/cli.h"
#include "zone/registry/audit.h"

enum {
    AUDITNOTES_MAX = 100 /* of one command; it then says how many more there were */
};

/* The notes of one command, until its change is committed. Starts from { 0 }. */
struct auditnotes {
    struct auditnote *list;
    size_t count, more;
};

/* Notes one change. */
void auditnote_add(struct auditnotes *notes, const char *subject, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Writes the notes into the registry's transaction, or the command line itself if there are
 * none. */
enum result auditnote_write(const struct auditnotes *notes, const struct cli *cli,
                            struct store_txn *registry);
void auditnote_done(struct auditnotes *notes);

/* After a change of another store than the registry: an entry of its own, with the command line if
 * `words` (which must hold no secret). The change is made already, so a failure is told on stderr
 * and is none of the command's. On a machine without a registry there is no trail. */
void auditnote_append(const struct cli *cli, bool words);

#endif
