#include "tools/auditnote.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/output.h"
#include "tools/session.h"

struct auditnote {
    char subject[AUDIT_SUBJECT_ROOM], change[AUDIT_CHANGE_ROOM];
};

/* The user; under sudo, the invoking user "as root". */
static void tell_who(char out[AUDIT_WHO_ROOM])
{
    const struct passwd *user = getpwuid(getuid());
    const char *invoked_by = getenv("SUDO_USER");
    if (user == NULL) {
        (void)snprintf(out, AUDIT_WHO_ROOM, "uid %u", (unsigned)getuid());
    } else if (getuid() == 0 && invoked_by != NULL && strcmp(invoked_by, user->pw_name) != 0) {
        (void)snprintf(out, AUDIT_WHO_ROOM, "%.40s as %.16s", invoked_by, user->pw_name);
    } else {
        (void)snprintf(out, AUDIT_WHO_ROOM, "%.60s", user->pw_name);
    }
}

/* The client's address of an ssh login, else the terminal. sudo removes the former. */
static void tell_from(char out[AUDIT_FROM_ROOM])
{
    const char *ssh = getenv("SSH_CONNECTION");
    const char *terminal = ttyname(STDIN_FILENO);
    if (ssh != NULL && ssh[0] != 0) {
        (void)snprintf(out, AUDIT_FROM_ROOM, "%.*s", (int)strcspn(ssh, " "), ssh);
    } else {
        (void)snprintf(out, AUDIT_FROM_ROOM, "%.60s", terminal != NULL ? terminal : "");
    }
}

static struct audit_entry entry_of(const struct cli *cli)
{
    struct audit_entry entry = { .at = session_now() };
    tell_who(entry.who);
    tell_from(entry.from);
    (void)snprintf(entry.command, sizeof entry.command, "%s", cli->command->name);
    return entry;
}

void auditnote_add(struct auditnotes *notes, const char *subject, const char *format, ...)
{
    if (notes->count == AUDITNOTES_MAX) {
        notes->more++;
        return;
    }
    if (notes->list == NULL) {
        notes->list = xcalloc(AUDITNOTES_MAX, sizeof *notes->list);
    }
    struct auditnote *note = &notes->list[notes->count++];
    (void)snprintf(note->subject, sizeof note->subject, "%s", subject);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(note->change, sizeof note->change, format, args);
    va_end(args);
}

static enum result write_words(const struct cli *cli, struct store_txn *registry)
{
    struct audit_entry entry = entry_of(cli);
    cli_words(cli, entry.change, sizeof entry.change);
    return audit_add(registry, &entry);
}

enum result auditnote_write(const struct auditnotes *notes, const struct cli *cli,
                            struct store_txn *registry)
{
    struct audit_entry entry = entry_of(cli);
    if (notes->count == 0) {
        return write_words(cli, registry);
    }
    for (size_t i = 0; i < notes->count; i++) {
        memcpy(entry.subject, notes->list[i].subject, sizeof entry.subject);
        memcpy(entry.change, notes->list[i].change, sizeof entry.change);
        TRY(audit_add(registry, &entry));
    }
    if (notes->more == 0) {
        return RESULT_OK;
    }
    entry.subject[0] = 0;
    (void)snprintf(entry.change, sizeof entry.change, "and %zu more", notes->more);
    return audit_add(registry, &entry);
}

void auditnote_done(struct auditnotes *notes)
{
    free(notes->list);
    *notes = (struct auditnotes){ .list = NULL };
}

void auditnote_append(const struct cli *cli, bool words)
{
    struct session session = { 0 };
    struct cli quiet = { .state_dir = cli->state_dir };
    struct audit_entry entry = entry_of(cli);
    if (words) {
        cli_words(cli, entry.change, sizeof entry.change);
    }
    enum result result = session_write_beside(&session, &quiet);
    bool none = result == RESULT_MISSING;
    if (result == RESULT_OK) {
        result = audit_add(session.txn[STORE_REGISTRY], &entry);
    }
    if (result == RESULT_OK) {
        session.txn[STORE_REGISTRY] = NULL;
        result = registry_commit_beside(&session.change);
    }
    session_done(&session);
    if (result != RESULT_OK && !none) {
        char safe[2 * sizeof quiet.diag.text];
        (void)fprintf(stderr, "ntspool: done, but the audit trail has no entry of it: %s\n",
                      quiet.diag.text[0] != 0 ? output_escape(safe, sizeof safe, quiet.diag.text)
                                              : result_text(result));
    }
}
