/* Verdicts are stored by members' numbers, which are valid in one registry only. So the health
 * store holds the id of its registry. If the registry is another one (copied here, or verdicts
 * restored from elsewhere), the verdicts are void. */
#include <string.h>

#include "zone/verdicts/intake.h"

#define OWNER_KEY "registry"

/* NOLINTNEXTLINE(readability-non-const-parameter): the store writes to `out` */
static enum result owner_of(struct store_txn *health, uint8_t out[REGISTRY_ID_LEN], bool *there)
{
    struct store_item item = { .data = out, .room = REGISTRY_ID_LEN };
    enum result result = store_get(health, TABLE_META, OWNER_KEY, strlen(OWNER_KEY), &item);
    *there = result == RESULT_OK && item.len == REGISTRY_ID_LEN;
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

bool intake_is_foreign(struct store_txn *registry, struct store_txn *health)
{
    uint8_t here[REGISTRY_ID_LEN], owner[REGISTRY_ID_LEN];
    bool there = false;
    return registry_id(registry, here, NULL) == RESULT_OK &&
           owner_of(health, owner, &there) == RESULT_OK && there &&
           memcmp(owner, here, REGISTRY_ID_LEN) != 0;
}

static enum result clear(struct store_txn *health)
{
    enum result result = RESULT_OK;
    while (result == RESULT_OK) {
        uint8_t key[STORE_KEY_MAX];
        struct store_item first = { .data = key, .room = sizeof(key) };
        result = store_find(health, TABLE_HEALTH, SEEK_FIRST, &first, NULL);
        if (result == RESULT_OK) {
            result = store_delete(health, TABLE_HEALTH, key, first.len);
        }
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

/* Reads the id of the registry; false if that fails, which others report. */
static bool id_here(const struct intake_stores *stores, uint8_t out[REGISTRY_ID_LEN])
{
    struct store_txn *txn = NULL;
    if (store_read(stores->registry, &txn, NULL) != RESULT_OK) {
        return false;
    }
    bool known = registry_id(txn, out, NULL) == RESULT_OK;
    store_abort(txn);
    return known;
}

static enum result change_owner(const struct intake_stores *stores, bool there,
                                const uint8_t id[REGISTRY_ID_LEN], struct diag *diag)
{
    struct store_txn *txn = NULL;
    TRY(store_write(stores->health, &txn, diag));
    enum result result = there ? clear(txn) : RESULT_OK;
    if (result == RESULT_OK) {
        result = store_put(txn, TABLE_META, OWNER_KEY, strlen(OWNER_KEY), id, REGISTRY_ID_LEN);
    }
    if (result == RESULT_OK) {
        return store_commit(txn, diag);
    }
    store_abort(txn);
    return diag_fail(diag, result, "the verdicts of another registry can't be deleted: %s",
                     result_text(result));
}

enum result intake_set_owner(const struct intake_stores *stores, struct diag *diag)
{
    uint8_t here[REGISTRY_ID_LEN], owner[REGISTRY_ID_LEN];
    struct store_txn *txn = NULL;
    bool there = false;
    if (!id_here(stores, here)) {
        return RESULT_OK;
    }
    TRY(store_read(stores->health, &txn, diag));
    enum result result = owner_of(txn, owner, &there);
    store_abort(txn);
    if (result != RESULT_OK) {
        return diag_fail(diag, result, "the owner of the verdicts can't be read: %s",
                         result_text(result));
    }
    return there && memcmp(owner, here, REGISTRY_ID_LEN) == 0
               ? RESULT_OK
               : change_owner(stores, there, here, diag);
}
