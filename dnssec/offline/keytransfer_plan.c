/* What a package without the private keys of KSKs has in their place: signed slices, so that a
 * machine that hears nothing more goes on in step with the others. As octets: u64 made_at, u64
 * begin_at, u8 count; for each slice: u64 from, u64 inception, u64 expiration, u32 ttl_s, u32 key
 * bits of its aim (DNSKEY, DS, wanted), u32 key bits of its signers, and their signatures. */
#include "dnssec/offline/keytransfer_private.h"
#include "dnssec/offline/offline_plan.h"
#include "dnssec/offline/presign.h"
#include "dnssec/signing/rrsig.h"

static size_t count_bits(uint32_t bits)
{
    size_t count = 0;
    for (; bits != 0; bits &= bits - 1) {
        count++;
    }
    return count;
}

static void write_slice(struct writer *w, const struct slice *slice)
{
    write_u64(w, slice->from);
    write_u64(w, slice->inception);
    write_u64(w, slice->expiration);
    write_u32(w, slice->ttl_s);
    write_u32(w, slice->aim.dnskey);
    write_u32(w, slice->aim.ds);
    write_u32(w, slice->aim.wanted);
    write_u32(w, slice->signed_by);
    write_octets(w, slice->signatures, count_bits(slice->signed_by) * sizeof slice->signatures[0]);
}

static struct slice read_slice(struct reader *r)
{
    struct slice slice = { .from = read_u64(r) };
    slice.inception = read_u64(r);
    slice.expiration = read_u64(r);
    slice.ttl_s = read_u32(r);
    slice.aim.dnskey = read_u32(r);
    slice.aim.ds = read_u32(r);
    slice.aim.wanted = read_u32(r);
    slice.signed_by = read_u32(r);
    size_t signers = count_bits(slice.signed_by);
    r->failed = r->failed || signers > SLICE_SIGNERS_MAX ||
                ((slice.aim.dnskey | slice.aim.ds | slice.aim.wanted | slice.signed_by) >>
                 KEYSTORE_MAX) != 0;
    if (!r->failed) {
        read_into(r, slice.signatures, signers * sizeof slice.signatures[0]);
    }
    return slice;
}

void keytransfer_write_slices(struct writer *w, const struct slices *slices)
{
    size_t count = slices->count < KEYTRANSFER_SLICES_MAX ? slices->count : KEYTRANSFER_SLICES_MAX;
    write_u64(w, slices->made_at);
    write_u64(w, slices->begin_at);
    write_u8(w, (uint8_t)count);
    for (size_t i = 0; i < count; i++) {
        write_slice(w, &slices->list[i]);
    }
}

void keytransfer_read_slices(struct reader *r, struct slices *out)
{
    out->made_at = read_u64(r);
    out->begin_at = read_u64(r);
    size_t count = read_u8(r);
    r->failed = r->failed || count > KEYTRANSFER_SLICES_MAX;
    for (size_t i = 0; i < count && !r->failed; i++) {
        const struct slice slice = read_slice(r);
        r->failed = r->failed || (i > 0 && slice.from <= out->list[i - 1].from);
        CHECK(slices_add(out, &slice));
    }
}

/* The bundle's slices that have not expired. */
static enum result of_bundle(struct slices *out, const struct key_timeline *timeline,
                             struct store_txn *keys, uint64_t now, struct diag *diag)
{
    struct slices bundle = { .count = 0 };
    for (size_t i = 0; i < timeline->keys.count; i++) {
        const struct key_record *key = &timeline->keys.list[i];
        if ((key->role & KEY_KSK) != 0 && !key->offline) {
            return diag_fail(diag, RESULT_REFUSED,
                             "the KSK %u is here and another one is offline: bring this one away "
                             "(`ntspool key offline`), or the other one back",
                             key->tag);
        }
    }
    TRY(slices_read(&bundle, keys, &timeline->keys, diag));
    out->made_at = bundle.made_at;
    out->begin_at = bundle.begin_at;
    for (size_t i = 0; i < bundle.count; i++) {
        if (bundle.list[i].expiration > now) {
            CHECK(slices_add(out, &bundle.list[i]));
        }
    }
    slices_done(&bundle);
    return out->count > 0 ? RESULT_OK
                          : diag_fail(diag, RESULT_REFUSED,
                                      "the signatures of the offline KSK have ended: bring the "
                                      "next bundle first (`ntspool key request`)");
}

/* Signs all slices that have key `i`. Keys must come in ascending order. */
static enum result sign_all(struct slices *slices, const struct key_timeline *timeline, size_t i,
                            const struct seal *seal, const struct dname *apex, struct diag *diag)
{
    struct key *key = NULL;
    TRY(keystore_unseal(&key, &timeline->keys.list[i], seal, diag));
    enum result result = RESULT_OK;
    for (size_t s = 0; s < slices->count && result == RESULT_OK; s++) {
        if (key_bits_have(slices->list[s].aim.dnskey, i)) {
            result = presign_slice(&slices->list[s], &timeline->keys, i, key, apex);
        }
    }
    key_free(key);
    return result == RESULT_OK ? result
                               : diag_fail(diag, result, "the KSK's signatures can't be made");
}

static enum result check_roles(const struct key_timeline *timeline, struct diag *diag)
{
    for (size_t i = 0; i < timeline->keys.count; i++) {
        if (timeline->keys.list[i].role == KEY_CSK) {
            return diag_fail(diag, RESULT_REFUSED,
                             "the zone has one key for both roles: `ntspool key roll split` makes "
                             "two of it");
        }
    }
    return RESULT_OK;
}

enum result keytransfer_plan(struct slices *out, struct store_txn *keys, const struct seal *seal,
                             const struct settings *settings, const struct package_options *options,
                             struct diag *diag)
{
    struct key_timeline timeline;
    const struct slices none = { .count = 0 };
    const struct offline_period period = { .now = options->now,
                                           .from = options->now,
                                           .until = options->now + KEYTRANSFER_REACH_S,
                                           .may_end = true,
                                           .held = options->held,
                                           .roll_after = options->roll_after };
    TRY(key_timeline_read(&timeline, keys, diag));
    TRY(check_roles(&timeline, diag));
    if (rollover_has_offline_ksk(&timeline.keys)) {
        return of_bundle(out, &timeline, keys, options->now, diag);
    }
    TRY(offline_plan_make(out, &timeline, settings, &none, &period, diag));
    for (size_t i = 0; i < timeline.keys.count; i++) {
        if (timeline.keys.list[i].role == KEY_KSK) {
            TRY(sign_all(out, &timeline, i, seal, &settings->apex, diag));
        }
    }
    return RESULT_OK;
}

enum result keytransfer_plan_ahead(struct store_txn *keys, const struct seal *seal,
                                   const struct settings *settings, uint64_t now, struct diag *diag)
{
    const struct slices none = { .count = 0 };
    const struct offline_period period = { .now = now,
                                           .from = now,
                                           .until = now + KEYTRANSFER_REACH_S };
    for (;;) {
        struct key_timeline timeline;
        struct slices slices = { .count = 0 };
        TRY(key_timeline_read(&timeline, keys, diag));
        const struct key_record *zsk = rollover_current(&timeline.keys, KEY_ZSK);
        if (zsk == NULL || zsk->role != KEY_ZSK || rollover_has_offline_ksk(&timeline.keys) ||
            timeline.keys.count + KEYTRANSFER_SPARE_KEYS >= KEYSTORE_MAX) {
            return RESULT_OK;
        }
        enum result result = offline_plan_make(&slices, &timeline, settings, &none, &period, diag);
        slices_done(&slices);
        if (result != RESULT_NOT_FOUND) {
            return result;
        }
        const struct key_spec spec = { zsk->algorithm, KEY_ZSK, { .planned = true } };
        TRY(key_timeline_make_key(keys, seal, &spec, now, diag));
    }
}

enum slices_step keytransfer_catch_up(struct key_timeline *timeline, const struct slices *slices,
                                      const struct package_taken *taken,
                                      const struct settings *settings, uint64_t now)
{
    struct rollover_timing timing = key_timeline_timing(timeline, settings);
    timing.held = taken->held;
    return timing.offline_ksk
               ? slices_catch_up(slices, &timeline->keys, timing, taken->made_at, now + 1)
               : SLICES_UNCHANGED;
}
