/* backup: copies the stores while the programs run. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/commands.h"
#include "tools/outfile.h"
#include "tools/output.h"
#include "tools/session.h"
#include "zone/base/user.h"
#include "zone/overview/supplies.h"

enum {
    BACKUP_MODE = 0700
};

/* Makes the directory. An empty one that exists is fine. */
static enum result make_directory(const char *path, bool *made, struct diag *diag)
{
    *made = mkdir(path, BACKUP_MODE) == 0;
    if (*made) {
        return RESULT_OK;
    }
    if (errno != EEXIST) {
        return diag_fail(diag, RESULT_SYSTEM, "can't make the directory %s: %s", path,
                         strerror(errno));
    }
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return diag_fail(diag, RESULT_SYSTEM, "can't use %s: %s", path, strerror(errno));
    }
    bool empty = true;
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        empty = empty && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0);
    }
    (void)closedir(dir);
    return empty ? RESULT_OK
                 : diag_fail(diag, RESULT_REFUSED, "%s is not empty: give a new directory", path);
}

static enum result backup_store(struct cli *cli, enum store_kind kind, const char *dir)
{
    struct store *store = NULL;
    enum result result = store_open(&store, cli->state_dir, kind, false, &cli->diag);
    if (result == RESULT_OK) {
        result = store_backup(store, dir, &cli->diag);
        store_close(store);
    }
    return result;
}

/* Removes an incomplete backup: the stores before `count`. */
static void remove_backup(const char *dir, enum store_kind count, bool made)
{
    char path[PATH_MAX];
    for (enum store_kind kind = 0; kind < count; kind++) {
        const char *name = store_kind_text(kind);
        (void)snprintf(path, sizeof path, "%s/%s/data.mdb", dir, name);
        (void)unlink(path);
        (void)snprintf(path, sizeof path, "%s/%s", dir, name);
        (void)rmdir(path);
    }
    if (made) {
        (void)rmdir(dir);
    }
}

/* The time, by which `status` knows how old the last backup is. A failure is told, but the backup
 * is good. */
static void note_backup(const struct cli *cli)
{
    char path[PATH_MAX], at[ISOTIME_ROOM];
    struct outfile file;
    struct diag diag = { "" };
    (void)snprintf(path, sizeof path, "%s/" SUPPLIES_BACKUP_FILE, cli->state_dir);
    enum result result = outfile_begin(&file, path, &diag);
    if (result == RESULT_OK) {
        (void)user_hand_over_fd(fileno(file.file), AT_FDCWD, cli->state_dir);
        (void)fprintf(file.file, "%s\n", isotime_text(session_now(), at));
        result = outfile_end(&file, true, &diag);
    }
    if (result != RESULT_OK) {
        (void)fprintf(stderr, "ntspool: the backup is made, but status does not know it: %s\n",
                      diag.text);
    }
}

int cmd_backup(struct cli *cli, int, char **argv)
{
    bool made = false;
    enum store_kind kind = 0;
    enum result result = make_directory(argv[0], &made, &cli->diag);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    while (kind < STORE_KINDS_ALONE && result == RESULT_OK) {
        result = backup_store(cli, kind, argv[0]);
        kind += result == RESULT_OK;
    }
    if (result != RESULT_OK) {
        remove_backup(argv[0], kind, made);
        return cli_fail(cli, result);
    }
    note_backup(cli);
    if (cli->json) {
        json_print(
            json_pack("{s:o, s:i}", "backup", json_text(argv[0]), "stores", STORE_KINDS_ALONE));
    } else {
        printf("%s holds a copy of the registry, health, keys, traffic and history; ntspool "
               "restore puts them back.\n"
               "The seal (seal.key) is not in it, so that the copy alone opens no key: keep the "
               "seal in another place.\n",
               argv[0]);
    }
    return CLI_DONE;
}
