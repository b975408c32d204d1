/* The contents of slices, and how keys enter them. */
#include "dnssec/signing/key_rrset.h"
#include "dnssec/signing/slices.h"
#include "zone/base/u64.h"

const uint16_t slice_types[SLICE_TYPES] = { RR_DNSKEY, RR_CDS, RR_CDNSKEY };

bool slice_rrset(const struct slice *slice, const struct key_set *keys, const struct dname *apex,
                 uint16_t type, uint8_t *scratch, struct rrset *out)
{
    uint32_t set = type == RR_DNSKEY ? slice->aim.dnskey : slice->aim.ds;
    struct rrset_builder b;
    rrset_begin(&b, type, slice->ttl_s, scratch, SLICES_RRSET_ROOM);
    for (size_t i = 0; i < keys->count; i++) {
        uint8_t dnskey[KEY_DNSKEY_MAX];
        if (key_bits_have(set, i)) {
            key_rrset_add(&b, apex, dnskey, key_record_dnskey(&keys->list[i], dnskey));
        }
    }
    return key_rrset_end(&b, out);
}

/* The index of key `i` among the slice's signers. */
static size_t signer_of(const struct slice *slice, size_t i)
{
    size_t before = 0;
    for (size_t k = 0; k < i; k++) {
        before += key_bits_have(slice->signed_by, k);
    }
    return before;
}

const uint8_t *slice_signature(const struct slice *slice, size_t i, size_t type)
{
    return key_bits_have(slice->signed_by, i) ? slice->signatures[signer_of(slice, i)][type] : NULL;
}

uint8_t *slice_sign(struct slice *slice, size_t i, size_t type)
{
    size_t signer = signer_of(slice, i);
    if (signer >= SLICE_SIGNERS_MAX) {
        return NULL;
    }
    slice->signed_by |= key_bit(i);
    return slice->signatures[signer][type];
}

static bool is_valid(const struct slice *slice, uint64_t now, uint64_t margin_s)
{
    return slice->inception <= now && slice->expiration > now + margin_s;
}

ptrdiff_t slices_due(const struct slices *slices, uint64_t now)
{
    ptrdiff_t due = (ptrdiff_t)slices->count - 1;
    while (due >= 0 && slices->list[due].from > now) {
        due--;
    }
    return due;
}

/* Of the slices that are served and valid now the one that expires last; NULL: there is none. */
static const struct slice *served_slice(const struct slices *slices,
                                        const struct rollover_aim *served, uint64_t now)
{
    const struct slice *found = NULL;
    for (size_t i = 0; i < slices->count; i++) {
        const struct slice *slice = &slices->list[i];
        if (slice_is_served(slice, served) && is_valid(slice, now, 0) &&
            (found == NULL || slice->expiration > found->expiration)) {
            found = slice;
        }
    }
    return found;
}

uint64_t slices_signed_until(const struct slices *slices, const struct key_set *keys, uint64_t now)
{
    const struct rollover_aim served = rollover_as_is(keys);
    const struct slice *slice = served_slice(slices, &served, now);
    return slice == NULL ? 0 : slice->expiration;
}

uint32_t slices_ttl(const struct slices *slices, const struct key_set *keys, uint64_t now)
{
    const struct rollover_aim served = rollover_as_is(keys);
    const struct slice *slice = served_slice(slices, &served, now);
    return slice == NULL ? 0 : slice->ttl_s;
}

uint64_t slices_end(const struct slices *slices)
{
    uint64_t end = 0;
    for (size_t i = 0; i < slices->count; i++) {
        end = u64_max(end, slices->list[i].expiration);
    }
    return end;
}

uint64_t slices_covered(const struct slices *slices, uint64_t from)
{
    uint64_t until = 0;
    for (size_t i = 0; i < slices->count; i++) {
        until = slices->list[i].from < from ? slices->list[i].expiration : until;
    }
    return until;
}

uint64_t slices_next_change(const struct slices *slices, const struct key_set *keys, uint64_t now)
{
    const struct rollover_aim served = rollover_as_is(keys);
    ptrdiff_t due = slices_due(slices, now);
    for (size_t i = due < 0 ? 0 : (size_t)due; i < slices->count; i++) {
        if (!slice_is_served(&slices->list[i], &served)) {
            return slices->list[i].from > now ? slices->list[i].from : now;
        }
    }
    return 0;
}

/* The last slice up to `due` that is served; -1: none. */
static ptrdiff_t entered(const struct slices *slices, const struct rollover_aim *served,
                         ptrdiff_t due)
{
    while (due >= 0 && !slice_is_served(&slices->list[due], served)) {
        due--;
    }
    return due;
}

enum slices_step slices_advance(const struct slices *slices, struct key_set *keys,
                                const struct rollover_timing *timing, uint64_t now)
{
    const struct rollover_aim served = rollover_as_is(keys);
    ptrdiff_t due = slices_due(slices, now);
    ptrdiff_t at = entered(slices, &served, due);
    if (due < 0 || at == due) {
        return SLICES_UNCHANGED;
    }
    for (ptrdiff_t i = at + 1; i <= due; i++) {
        const struct slice *slice = &slices->list[i];
        if (!slice_is_served(slice, &served) && is_valid(slice, now, SLICES_MARGIN_S) &&
            rollover_apply(keys, &slice->aim, timing, false, now)) {
            return SLICES_ENTERED;
        }
    }
    const struct slice *last = served_slice(slices, &served, now);
    if (is_valid(&slices->list[due], now, 0) &&
        (last == NULL || last->expiration <= now + SLICES_MARGIN_S) &&
        rollover_apply(keys, &slices->list[due].aim, timing, true, now)) {
        return SLICES_FORCED;
    }
    return SLICES_UNCHANGED;
}

uint64_t slices_next_moment(const struct slices *slices, const struct key_set *keys, uint64_t now,
                            uint64_t to)
{
    uint64_t next = u64_sooner(to, rollover_next_moment(keys, now), now);
    for (size_t i = 0; i < slices->count; i++) {
        next = u64_sooner(next, slices->list[i].from, now);
        next = u64_sooner(next, slices->list[i].expiration - SLICES_MARGIN_S, now);
    }
    return next;
}

enum slices_step slices_catch_up(const struct slices *slices, struct key_set *keys,
                                 struct rollover_timing timing, uint64_t from, uint64_t to)
{
    enum slices_step all = SLICES_UNCHANGED;
    timing.offline_ksk = true;
    uint64_t last = rollover_last_step_at(keys);
    uint64_t now = last >= from ? last + 1 : from;
    while (now < to) {
        enum slices_step step = slices_advance(slices, keys, &timing, now);
        bool moved = rollover_advance(keys, &timing, now);
        step = step == SLICES_UNCHANGED && moved ? SLICES_ENTERED : step;
        all = step > all ? step : all;
        now = step != SLICES_UNCHANGED ? now + 1 : slices_next_moment(slices, keys, now, to);
    }
    return all;
}

bool slices_replay(const struct slices *slices, struct key_set *keys, struct rollover_timing timing,
                   uint64_t from, uint64_t to)
{
    return slices_catch_up(slices, keys, timing, from, to) != SLICES_FORCED;
}
