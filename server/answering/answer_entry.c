#include "server/answering/answer_entry.h"

#include <stddef.h>

static size_t patches_len(const struct answer_entry *entry)
{
    return entry->patch_count[1] * sizeof(uint16_t);
}

bool answer_entry_draft(struct answer_draft *out, const struct answer_cache_key *key,
                        const struct cached_answer_parts *parts, const struct dname *apex)
{
    size_t key_len = key->name->len, next_len = parts->next == NULL ? 0 : parts->next->len;
    out->key = key;
    out->parts = parts;
    if (key_len > UINT8_MAX || next_len > UINT8_MAX ||
        !block_make(&out->block, out->wire, sizeof(out->wire), apex, &parts->block) ||
        out->block.count[1] > UINT8_MAX) {
        return false;
    }
    size_t len = offsetof(struct answer_entry, octets) +
                 out->block.patch_count[1] * sizeof(uint16_t) + key_len + next_len +
                 out->block.len[1];
    out->lines = (unsigned)((len + ANSWER_HEAP_LINE - 1) / ANSWER_HEAP_LINE);
    return out->lines <= ANSWER_HEAP_LINES;
}

static uint8_t left_out_of(const struct zone_state *zone, uint64_t member_id)
{
    return member_id == 0 ? 0 : candidates_left_out(&zone->deal->candidates, member_id);
}

/* Keys and records. */
static void fill_octets(struct answer_entry *entry, const struct answer_draft *draft)
{
    const struct dname_key *name = draft->key->name, *next = draft->parts->next;
    uint8_t *at = entry->octets;
    memcpy(at, draft->block.patches, patches_len(entry));
    at += patches_len(entry);
    memcpy(at, name->octets, entry->key_len);
    at += entry->key_len;
    if (entry->next_len > 0) {
        memcpy(at, next->octets, entry->next_len);
        at += entry->next_len;
    }
    memcpy(at, draft->wire, entry->len[1]);
}

void answer_entry_fill(struct answer_entry *entry, const struct answer_draft *draft,
                       const struct answer_times *times)
{
    const struct zone_state *zone = times->zone;
    const struct cached_answer_parts *parts = draft->parts;
    entry->style = (uint32_t)zone->style;
    entry->version = times->version;
    entry->member_id = parts->member_id;
    entry->made_at = (uint32_t)times->now;
    atomic_store_explicit(&entry->checked_in, (uint32_t)zone->number, memory_order_relaxed);
    atomic_store_explicit(&entry->used_at, answer_entry_time(times->now), memory_order_relaxed);
    entry->lifetime =
        (uint8_t)(zone_state_lifetime_s(draft->key->hash) / ANSWER_ENTRY_LIFETIME_UNIT);
    entry->type = draft->key->type;
    entry->left_out = left_out_of(zone, parts->member_id);
    entry->key_len = (uint8_t)draft->key->name->len;
    entry->next_len = (uint8_t)(parts->next == NULL ? 0 : parts->next->len);
    for (unsigned i = 0; i < 2; i++) {
        entry->len[i] = draft->block.len[i];
        entry->count[i] = (uint8_t)draft->block.count[i];
        entry->patch_count[i] = draft->block.patch_count[i];
    }
    fill_octets(entry, draft);
}

bool answer_entry_is(const struct answer_entry *entry, const struct answer_cache_key *key)
{
    return entry->type == key->type && entry->key_len == key->name->len &&
           memcmp(entry->octets + patches_len(entry), key->name->octets, entry->key_len) == 0;
}

void answer_entry_show(const struct answer_entry *entry, struct cached_answer *out)
{
    size_t patches = patches_len(entry);
    out->next = entry->octets + patches + entry->key_len;
    out->next_len = entry->next_len;
    out->block.wire = out->next + entry->next_len;
    for (unsigned i = 0; i < 2; i++) {
        out->block.len[i] = entry->len[i];
        out->block.count[i] = entry->count[i];
        out->block.patch_count[i] = entry->patch_count[i];
    }
    /* In whole words: what follows the patches is longer than one. */
    _Static_assert(sizeof(out->block.patches) % sizeof(uint64_t) == 0, "rounding up stays inside");
    for (size_t i = 0; i < patches; i += sizeof(uint64_t)) {
        memcpy((uint8_t *)out->block.patches + i, entry->octets + i, sizeof(uint64_t));
    }
}

bool answer_entry_suits(struct answer_entry *entry, const struct zone_state *zone)
{
    uint32_t number = (uint32_t)zone->number;
    uint32_t checked_in = atomic_load_explicit(&entry->checked_in, memory_order_relaxed);
    if (checked_in == number) {
        return true;
    }
    if (entry->style != (uint32_t)zone->style ||
        entry->left_out != left_out_of(zone, entry->member_id)) {
        return false;
    }
    if ((int32_t)(number - checked_in) > 0) {
        atomic_store_explicit(&entry->checked_in, number, memory_order_relaxed);
    }
    return true;
}
