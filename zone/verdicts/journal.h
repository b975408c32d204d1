/* A vantage point's journal: its reports to the pool, in files that grow at the end.
 *
 * The files are <state>/probe/<name>.verdicts and, with older reports, <name>.verdicts.1. A newer
 * file that is long enough is renamed to the older one, and a new file starts with all that the
 * vantage point knows. So a reader of both files misses nothing if it reads before the next
 * rotation. ntspool-probed writes the files, and reads them at start to restore its state. All
 * other programs read only, with read(2): the files belong to a user that the reader need not
 * trust.
 *
 * An interrupted write leaves part of a report at the end: readers stop there, the writer starts a
 * new file. */
#ifndef ZONE_JOURNAL_H
#define ZONE_JOURNAL_H

#include <limits.h>
#include <sys/types.h>

#include "zone/verdicts/report.h"

#define JOURNAL_DIR "probe" /* in the state directory */

enum {
    JOURNAL_ROTATE_LEN = 4 << 20, /* a new file starts when the last one has this many octets */
    JOURNAL_ROTATE_TIMES = 4      /* and this many times the octets it started with */
};

/* -- the key -- */

enum {
    JOURNAL_KEY_TEXT = 45 /* a public key in base64, with NUL */
};

/* Reads <state>/probe/<name>.key; creates it (and the directory) if there is none. Only the owner
 * may read the file. */
enum result journal_key(const char *state_dir, const char *vantage,
                        uint8_t secret[REPORT_SECRET_LEN], struct diag *diag);
/* The public key that the journal's reports claim. NOT_FOUND if there is no report. */
enum result journal_claimed_key(const char *state_dir, const char *vantage,
                                uint8_t key[VANTAGE_KEY_LEN]);
char *journal_key_text(const uint8_t key[VANTAGE_KEY_LEN], char out[JOURNAL_KEY_TEXT]);
enum result journal_key_parse(uint8_t key[VANTAGE_KEY_LEN], const char *text);

/* Lists the vantage points with a journal on this machine. Returns their number. */
enum {
    JOURNALS_MAX = 64
};
unsigned journal_list(const char *state_dir, char names[JOURNALS_MAX][VANTAGE_ROOM]);

/* -- writing -- */

struct journal;

/* Opens the journal of the vantage point and registry in `whose`. Reads or creates the key and
 * continues after the last report. Visits, in order, the items of all reports for this registry.
 * REFUSED while another process has it open. */
enum result journal_open(struct journal **out, const char *state_dir,
                         const struct report_head *whose, const struct report_visit *visit,
                         void *arg, struct diag *diag);
void journal_free(struct journal *journal);
/* The public key, VANTAGE_KEY_LEN octets. */
const uint8_t *journal_public(const struct journal *journal);
/* True if the next report must have everything known, not just the changes. */
bool journal_wants_all(const struct journal *journal);
/* Begins a writing for the pool `apex`. The calls below add to it. */
void journal_begin(struct journal *journal, const struct dname *apex, uint64_t now);
void journal_self(struct journal *journal, const struct vantage *vantage);
void journal_verdict(struct journal *journal, const char *label,
                     const struct member_health *health);
void journal_sample(struct journal *journal, const char *label,
                    const struct history_subject *subject, const struct history_sample *sample);
void journal_event(struct journal *journal, const char *label, const struct history_event *event);
/* What is added from here on goes into another report. */
void journal_cut(struct journal *journal);
/* Ends a writing. After a failure nothing counts as written, and the next writing must have all. */
enum result journal_end(struct journal *journal, struct diag *diag);

/* -- reading -- */

/* Follows a journal that another process writes. */
struct journal_reader {
    int fd; /* -1: no file open */
    dev_t device;
    ino_t inode;
    off_t at;
    /* no report at `at`: nothing more is read until the file is replaced */
    bool bad;
    char path[PATH_MAX]; /* of the newer file */
};

enum result journal_reader_begin(struct journal_reader *reader, const char *state_dir,
                                 const char *vantage, struct diag *diag);
void journal_reader_end(struct journal_reader *reader);
/* Reads the next whole report with a number above `after` into `room`, which has REPORT_MAX octets.
 * NOT_FOUND if there is none yet, DAMAGED (once per file) if one can't be read. Never blocks,
 * whatever kind of file it is. What is read or skipped is taken off `*budget`, in octets; EXHAUSTED
 * when that is used up. */
enum result journal_next(struct journal_reader *reader, uint64_t after, uint8_t *room, size_t *len,
                         size_t *budget);

#endif
