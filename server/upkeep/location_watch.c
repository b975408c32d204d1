#include "server/upkeep/location_watch.h"

#include <errno.h>
#include <stdio.h>

/* Compares everything that changes when a file is replaced by a rename or overwritten. */
static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Looks at all files. `another` is true if one has changed. */
static enum result find_others(struct location_watch *watch, bool *another, struct diag *diag)
{
    struct stat found[LOCATIONS_FILES_MAX];
    *another = false;
    for (size_t i = 0; i < watch->count; i++) {
        if (stat(watch->paths[i], &found[i]) != 0) {
            return diag_fail(diag, RESULT_SYSTEM, "%s: cannot be opened: %s", watch->paths[i],
                             strerror(errno));
        }
        *another = *another || !same_file(&found[i], &watch->seen[i]);
    }
    memcpy(watch->seen, found, watch->count * sizeof(found[0]));
    return RESULT_OK;
}

static enum result read_files(struct location_watch *watch)
{
    struct locations *locations = NULL;
    enum result result =
        locations_load(&locations, watch->paths, watch->count, watch->state, &watch->diag);
    watch->read = result == RESULT_OK ? places_new(locations) : NULL;
    return result;
}

/* Without the tables the next start takes longer; nothing else is lost. */
static void keep(struct location_watch *watch, const struct places *places)
{
    struct diag diag = { "" };
    if (watch->state != NULL &&
        locations_keep(places->locations, watch->state, &diag) != RESULT_OK) {
        log_say(watch->log, LOG_WARNING, "%.400s: the next start compiles the location files again",
                diag.text);
    }
}

enum result location_watch_begin(struct location_watch *watch, struct places **out,
                                 struct diag *diag)
{
    bool another = false;
    thread_init(&watch->reader);
    if (watch->count == 0) {
        return RESULT_OK;
    }
    TRY(find_others(watch, &another, diag));
    enum result result = read_files(watch);
    if (result != RESULT_OK) {
        return diag_fail(diag, result, "%s", watch->diag.text);
    }
    *out = watch->read;
    watch->unkept = watch->state == NULL ? NULL : places_ref(watch->read);
    return RESULT_OK;
}

static void tell_trouble(struct location_watch *watch, const struct diag *diag)
{
    log_once(&watch->trouble, watch->log, LOG_WARNING, NULL,
             "%.400s; the locations read before stay in use", diag->text);
}

static void tell_over(struct location_watch *watch)
{
    if (!watch->refused) {
        log_once_over(&watch->trouble, watch->log, "the location files are there again");
    }
}

static void tell_new(struct location_watch *watch, const struct places *places)
{
    struct diag line;
    size_t cells = 0;
    (void)locations_cells(places->locations, &cells);
    (void)diag_fail(&line, RESULT_OK, "new location files are in use: %zu cells", cells);
    log_once_news(&watch->trouble, watch->log, line.text);
}

static void *run(void *arg)
{
    struct location_watch *watch = arg;
    if (watch->keeping) {
        keep(watch, watch->unkept);
    } else if (read_files(watch) == RESULT_OK) {
        keep(watch, watch->read);
    }
    atomic_store(&watch->finished, true);
    return NULL;
}

static void start_reader(struct location_watch *watch, bool keeping)
{
    struct diag diag;
    atomic_store(&watch->finished, false);
    watch->keeping = keeping;
    if (thread_start(&watch->reader, run, watch, &diag) != RESULT_OK) {
        memset(watch->seen, 0, sizeof(watch->seen)); /* as if the files had not been seen yet */
        tell_trouble(watch, &diag);
    }
}

static void drop_unkept(struct location_watch *watch)
{
    places_unref(watch->unkept);
    watch->unkept = NULL;
}

/* The tables of the reader, which has finished, if it succeeded. */
static struct places *take(struct location_watch *watch)
{
    watch->refused = watch->read == NULL;
    if (watch->refused) {
        tell_trouble(watch, &watch->diag);
    } else {
        tell_new(watch, watch->read);
    }
    return watch->read;
}

static void look_at_files(struct location_watch *watch)
{
    struct diag diag = { "" };
    bool another = false;
    if (find_others(watch, &another, &diag) != RESULT_OK) {
        tell_trouble(watch, &diag);
    } else if (another) {
        drop_unkept(watch); /* the next start has the new files */
        start_reader(watch, false);
    } else if (watch->unkept != NULL) {
        start_reader(watch, true);
    } else {
        tell_over(watch);
    }
}

struct places *location_watch_look(struct location_watch *watch)
{
    if (watch->reader.running) {
        if (!atomic_load(&watch->finished)) {
            return NULL;
        }
        thread_end(&watch->reader);
        if (!watch->keeping) {
            return take(watch);
        }
        drop_unkept(watch);
    }
    look_at_files(watch);
    return NULL;
}

void location_watch_end(struct location_watch *watch)
{
    if (watch->reader.running) {
        thread_end(&watch->reader);
        places_unref(watch->keeping ? NULL : watch->read);
    }
    drop_unkept(watch);
    thread_done(&watch->reader);
}
