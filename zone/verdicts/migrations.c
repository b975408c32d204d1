/* Migrations from older schemas of all stores. */
#include "zone/registry/registry.h"
#include "zone/verdicts/health.h"

/* The present schema has more kinds of rows. Those that are there stay. */
static enum result add_rows(struct store_txn *, uint64_t, struct diag *)
{
    return RESULT_OK;
}

store_migration *const store_migrations[STORE_KINDS][STORE_SCHEMAS_MAX] = {
    [STORE_REGISTRY] = { [1] = registry_migrate_1,
                         [2] = registry_migrate_2,
                         [3] = add_rows,
                         [4] = add_rows },
    [STORE_HEALTH] = { [1] = health_migrate_1, [2] = health_migrate_2, [3] = add_rows },
    [STORE_TRAFFIC] = { [1] = add_rows },
    [STORE_HISTORY] = { [1] = add_rows },
};
