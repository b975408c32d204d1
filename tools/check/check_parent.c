/* The group "parent": the delegation, as every server of the parent zone has it. */
#include "tools/check/check.h"

void check_parent(struct check *check)
{
    if (check->parents.count > 0) {
        check_done(check, CHECK_DELEGATION, "%u servers of the parent", check->parents.count);
    }
}
