/* A vantage point's journal: the reports that it has for its pool, in files that grow at the end.
 *
 * The files are <state>/probe/<name>.verdicts and, before it, <name>.verdicts.1. When the newer one
 * is long enough it takes the older one's place, and a new one begins with all that the vantage
 * point knows; so whoever reads both knows all, and whoever comes before the next turn misses
 * nothing. ntspool-probed writes them, and reads them to know what it knew. Everybody else only
 * reads, with read(2): the files belong to a user that the reader need not trust.
 *
 * A write that was cut short leaves a part of a report at the end; readers stop there, the writer
 * begins a new file. */
#ifndef ZONE_JOURNAL_H
#define ZONE_JOURNAL_H

#include <limits.h>
#include <sys/types.h>

#include "zone/verdicts/report.h"

#define JOURNAL_DIR "probe" /* in the state directory */

enum {
    JOURNAL_TURN = 4 << 20, /* octets after which a new file may begin, */
    JOURNAL_TURN_TIMES = 4  /* if the last one has grown to so many times what it began with */
};

/* -- the key -- */

enum {
    JOURNAL_KEY_TEXT = 45 /* a public key in base64, with its NUL */
};

/* Reads <state>/probe/<name>.key; makes it (and the directory), if there is none. The file is for
 * its owner alone. */
enum result journal_key(const char *state_dir, const char *vantage,
                        uint8_t secret[REPORT_SECRET_LEN], struct diag *diag);
/* The public key that a journal's reports say they are signed with. NOT_FOUND if there is no
 * report. */
enum result journal_claims(const char *state_dir, const char *vantage,
                           uint8_t key[VANTAGE_KEY_LEN]);
char *journal_key_text(const uint8_t key[VANTAGE_KEY_LEN], char out[JOURNAL_KEY_TEXT]);
enum result journal_key_parse(uint8_t key[VANTAGE_KEY_LEN], const char *text);

/* The vantage points that have a journal on this machine; returns how many. */
enum {
    JOURNALS_MAX = 64
};
unsigned journal_list(const char *state_dir, char names[JOURNALS_MAX][VANTAGE_ROOM]);

/* -- writing -- */

struct journal;

/* The journal of a vantage point for a registry, both of which `whose` has. Takes the key, makes
 * one where there is none, and goes on after the last report. Visits, in order, the items of all
 * reports for this registry. REFUSED while somebody else has it open. */
enum result journal_open(struct journal **out, const char *state_dir,
                         const struct report_head *whose, const struct report_visit *visit,
                         void *arg, struct diag *diag);
void journal_free(struct journal *journal);
/* VANTAGE_KEY_LEN octets. */
const uint8_t *journal_public(const struct journal *journal);
/* The next writing has to be of all that is known, not just of what is new. */
bool journal_wants_all(const struct journal *journal);
/* Begins a writing for the pool `apex`. */
void journal_begin(struct journal *journal, const struct dname *apex, uint64_t now);
void journal_self(struct journal *journal, const struct vantage *vantage);
void journal_verdict(struct journal *journal, const char *label,
                     const struct member_health *health);
void journal_sample(struct journal *journal, const char *label,
                    const struct history_subject *subject, const struct history_sample *sample);
void journal_event(struct journal *journal, const char *label, const struct history_event *event);
/* Ends it. After a failure nothing counts as written, and the next one has to be of all. */
enum result journal_end(struct journal *journal, struct diag *diag);

/* -- reading -- */

/* Follows a journal that somebody else writes. */
struct journal_reader {
    int fd; /* -1: none open */
    dev_t device;
    ino_t inode;
    off_t at;
    /* what stands at `at` is no report: nothing more is read before another file is there */
    bool bad;
    char path[PATH_MAX]; /* of the newer file */
};

enum result journal_reader_begin(struct journal_reader *reader, const char *state_dir,
                                 const char *vantage, struct diag *diag);
void journal_reader_end(struct journal_reader *reader);
/* The next whole report whose number is over `after`, in `room`, which has REPORT_MAX octets.
 * NOT_FOUND when there is none yet, DAMAGED (once for each file) where one can't be read. Never
 * waits, whatever stands in the file's place. `*budget`, in octets, is used up by what is read and
 * what is skipped; EXHAUSTED when it is. */
enum result journal_next(struct journal_reader *reader, uint64_t after, uint8_t *room, size_t *len,
                         size_t *budget);

#endif
