#include "dnssec/overview/keyview.h"

static void look_at_slices(struct keyview *out, const struct key_timeline *timeline,
                           const struct slices *slices, uint64_t now)
{
    out->offline = rollover_has_offline_ksk(&timeline->keys);
    if (out->offline) {
        out->signed_until = slices_signed_until(slices, &timeline->keys, now);
        out->bundle_ends = slices_end(slices);
        out->next_change = slices_next_change(slices, &timeline->keys, now);
    }
}

static void count_keys(struct keyview *out, const struct key_set *keys, uint64_t now)
{
    for (size_t i = 0; i < keys->count; i++) {
        out->keys[keys->list[i].role][keystate_of(&keys->list[i], now)]++;
    }
    out->asked_at = rollover_asked_at(keys);
}

static void warn_of_seal(const struct key_timeline *timeline, const struct keyview_source *source,
                         struct concerns *concerns)
{
    struct diag diag = { "" };
    const char *why = source->unsealable;
    if (source->seal != NULL && key_timeline_open_all(timeline, source->seal, &diag) != RESULT_OK) {
        why = diag.text;
    }
    if (why != NULL) {
        concern_add(concerns, CONCERN_SEAL_UNUSABLE, NULL, 0, "%s", why);
    }
}

void keyview_read(struct keyview *out, const struct keyview_source *source,
                  struct concerns *concerns)
{
    struct key_timeline timeline;
    struct slices slices = { .count = 0 };
    struct diag diag = { "" };
    *out = (struct keyview){ .known = source->keys != NULL };
    out->count = out->known ? store_count(source->keys, TABLE_KEYS) : 0;
    if (out->known && key_timeline_read(&timeline, source->keys, &diag) == RESULT_OK &&
        slices_read(&slices, source->keys, &timeline.keys, &diag) == RESULT_OK) {
        if (timeline.memory.follows || fleetkeys_get(source->keys, &out->fleet) != RESULT_OK) {
            out->fleet = (struct fleetkeys){ .number = 0 };
        }
        out->follows = timeline.memory.follows;
        out->as_of = timeline.memory.seen_at;
        count_keys(out, &timeline.keys, source->now);
        look_at_slices(out, &timeline, &slices, source->now);
        keyhealth_warn(concerns, &timeline, &slices, &out->fleet, source->now);
        warn_of_seal(&timeline, source, concerns);
        slices_done(&slices);
    } else if (out->known) {
        concern_add(concerns, CONCERN_STORE_UNREADABLE, store_kind_text(STORE_KEYS), 0, "%s",
                    diag.text);
        out->failed = true;
    }
}
