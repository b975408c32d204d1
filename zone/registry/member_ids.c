#include "zone/registry/member_ids.h"

#include <stdlib.h>

#include "zone/base/array.h"
#include "zone/base/u64.h"

static enum result add(const struct member *member, void *arg)
{
    struct member_ids *ids = arg;
    ARRAY_PUSH(ids->list, ids->count, ids->room, member->id);
    return RESULT_OK;
}

enum result member_ids_read(struct member_ids *out, struct store_txn *registry)
{
    *out = (struct member_ids){ .count = 0 };
    TRY(registry_each(registry, add, out));
    if (out->count > 0) {
        qsort(out->list, out->count, sizeof(out->list[0]), u64_compare);
    }
    return RESULT_OK;
}

void member_ids_done(struct member_ids *ids)
{
    free(ids->list);
    *ids = (struct member_ids){ .count = 0 };
}

bool member_ids_have(const struct member_ids *ids, uint64_t id)
{
    return ids->count > 0 &&
           bsearch(&id, ids->list, ids->count, sizeof(ids->list[0]), u64_compare) != NULL;
}
