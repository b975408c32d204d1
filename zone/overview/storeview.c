#include "zone/overview/storeview.h"

enum {
    MAP_WARN_PERCENT = 70,
    READER_WARN_COMMITS = 1000
};

static void warn_of_usage(const struct storeview *view, const char *name, struct concerns *concerns)
{
    const struct store_usage *usage = &view->usage;
    if (usage->oldest_behind >= READER_WARN_COMMITS) {
        concern_add(concerns, CONCERN_STORE_READER, name, 0,
                    "process %ld has had state/%s open for %llu changes without looking again: the "
                    "file grows till it ends",
                    usage->oldest_pid, name, (unsigned long long)usage->oldest_behind);
    }
    if (view->used_percent >= MAP_WARN_PERCENT) {
        concern_add(concerns, CONCERN_MAP_FULL, name, 0,
                    "the map of state/%s is %u %% full: it grows with the next change; check the "
                    "space on the disk",
                    name, view->used_percent);
    }
}

bool storeview_applies(const struct storeview *view, enum store_kind kind)
{
    return kind != STORE_FLEET || view->readable || view->error.text[0] != 0;
}

static void look_at(struct storeview *out, const struct storeview_source *source,
                    const char *state_dir, enum store_kind kind, struct concerns *concerns)
{
    const char *name = store_kind_text(kind);
    char path[STORE_EXPOSED_ROOM];
    *out = (struct storeview){ .readable = source->txn != NULL, .error = source->error };
    if (!out->readable) {
        if (source->error.text[0] != 0) {
            concern_add(concerns, CONCERN_STORE_UNREADABLE, name, 0, "%s", source->error.text);
        }
        return;
    }
    store_usage(source->store, &out->usage);
    if (out->usage.map_bytes > 0) {
        out->used_percent = (unsigned)(out->usage.used_bytes * 100 / out->usage.map_bytes);
    }
    warn_of_usage(out, name, concerns);
    if (store_exposed(state_dir, kind, path)) {
        concern_add(concerns, CONCERN_STORE_EXPOSED, name, 0,
                    "every user of this machine can change state/%s: take the right to write %s "
                    "from others (chmod o-w)",
                    name, path);
    }
}

void storeview_read(struct storeview out[STORE_KINDS], const char *state_dir,
                    const struct storeview_source sources[STORE_KINDS], struct concerns *concerns)
{
    char path[STORE_EXPOSED_ROOM];
    for (unsigned kind = 0; kind < STORE_KINDS; kind++) {
        look_at(&out[kind], &sources[kind], state_dir, (enum store_kind)kind, concerns);
    }
    if (store_exchange_exposed(state_dir, path)) {
        concern_add(concerns, CONCERN_STORE_EXPOSED, NULL, 0,
                    "every user of this machine can change what goes between server and probe: "
                    "take the right to write %s from others (chmod o-w)",
                    path);
    }
}
