#include "tools/check/check_expected.h"

#include <stdlib.h>

#include "tools/steerview.h"

/* What stands at a member's place in the list before it is sorted. */
struct reading {
    struct check_expected *expected;
    const struct steerview *view;
    long *candidate; /* by place: index of the candidate, or STEERVIEW_OUT */
};

/* What the pool's servers have at the member's name. */
static void take_records(struct expected_member *row, const struct member *member,
                         const struct settings *settings)
{
    uint8_t scratch[NODE_SCRATCH];
    struct node node = { .kind = NODE_MEMBER };
    struct rrset caa;
    row->own_name = member->target.len > 0;
    row->address_count = member->address_count;
    memcpy(row->addresses, member->addresses, sizeof(row->addresses));
    memcpy(node.accounturi, member->accounturi, sizeof(node.accounturi));
    if (node_rrset(&node, settings, RR_CAA, 0, scratch, &caa)) {
        check_digest(&caa, row->caa);
    }
}

/* The members come in the order of the view's list. */
static enum result take_member(const struct member *member, void *arg)
{
    struct reading *reading = arg;
    struct check_expected *expected = reading->expected;
    if (expected->count == reading->view->count) {
        return RESULT_OK;
    }
    const struct steered *seen = &reading->view->members[expected->count];
    struct expected_member *row = &expected->members[expected->count];
    member_target(&row->target, member, &reading->view->source.settings.apex);
    dname_lower(&row->target);
    row->port = member->port;
    row->in = seen->index != STEERVIEW_OUT;
    row->decided =
        member->suspended || member->capacity_mbit == 0 || member->override == OVERRIDE_INELIGIBLE;
    row->account = member->accounturi[0] != '\0' && member->target.len == 0;
    row->reason = seen->reason;
    take_records(row, member, &reading->view->source.settings);
    row->domain = row->in ? reading->view->candidates.inputs[seen->index].group : 0;
    reading->candidate[expected->count] = seen->index;
    expected->in += row->in;
    expected->count++;
    return RESULT_OK;
}

/* Which members the answers for a subnet may have. */
static void read_subnet(struct reading *reading, struct steerview *view, unsigned subnet,
                        const struct address *client)
{
    struct check_expected *expected = reading->expected;
    struct location location = locations_find(view->locations, client);
    struct allocation_list list =
        steering_list(&view->steering, steering_area(&view->steering, location.cell));
    bool *listed = xcalloc(view->candidates.count + 1, sizeof(*listed));
    for (size_t i = 0; i < list.count; i++) {
        listed[view->steering.list[i].member] = true;
    }
    for (size_t i = 0; i < expected->count; i++) {
        long candidate = reading->candidate[i];
        expected->allowed[subnet * expected->count + i] =
            candidate != STEERVIEW_OUT && listed[candidate];
    }
    expected->per_set[subnet] = (uint8_t)list.per_set;
    free(listed);
}

static int compare_members(const void *a, const void *b)
{
    const struct expected_member *left = a, *right = b;
    return dname_compare(&left->target, &right->target);
}

/* Sorts the members, and the columns of `allowed` with them. */
static void sort(struct check_expected *expected)
{
    size_t count = expected->count;
    struct expected_member *sorted = xcalloc(count + 1, sizeof(*sorted));
    bool *allowed = xcalloc(expected->subnet_count * count + 1, sizeof(*allowed));
    memcpy(sorted, expected->members, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare_members);
    for (size_t i = 0; i < count; i++) {
        const struct expected_member *at =
            bsearch(&expected->members[i], sorted, count, sizeof(*sorted), compare_members);
        size_t to = (size_t)(at - sorted);
        for (unsigned subnet = 0; subnet < expected->subnet_count; subnet++) {
            allowed[subnet * count + to] = expected->allowed[subnet * count + i];
        }
    }
    free(expected->members);
    free(expected->allowed);
    expected->members = sorted;
    expected->allowed = allowed;
}

enum result check_expected_read(struct check_expected **out, struct cli *cli,
                                const struct check_options *options)
{
    struct steerview view = { .count = 0 };
    struct check_expected *expected = xcalloc(1, sizeof(*expected));
    struct reading reading = { .expected = expected, .view = &view };
    enum result result = steerview_begin(&view, cli);
    if (result == RESULT_OK) {
        expected->members = xcalloc(view.count + 1, sizeof(*expected->members));
        reading.candidate = xcalloc(view.count + 1, sizeof(*reading.candidate));
        result = registry_each(view.session.txn[STORE_REGISTRY], take_member, &reading);
    }
    if (result == RESULT_OK) {
        expected->subnet_count = options->subnet_count;
        expected->allowed =
            xcalloc(options->subnet_count * expected->count + 1, sizeof(*expected->allowed));
        for (unsigned i = 0; i < options->subnet_count; i++) {
            read_subnet(&reading, &view, i, &options->subnets[i].address);
        }
        sort(expected);
    }
    steerview_done(&view);
    free(reading.candidate);
    if (result != RESULT_OK) {
        check_expected_free(expected);
        return result;
    }
    *out = expected;
    return RESULT_OK;
}

void check_expected_free(struct check_expected *expected)
{
    if (expected != NULL) {
        free(expected->members);
        free(expected->allowed);
        free(expected);
    }
}

size_t check_expected_find(const struct check_expected *expected, const struct dname *target)
{
    struct expected_member wanted = { .target = *target };
    dname_lower(&wanted.target);
    const struct expected_member *found =
        expected->count == 0 ? NULL
                             : bsearch(&wanted, expected->members, expected->count,
                                       sizeof(*expected->members), compare_members);
    return found == NULL ? SIZE_MAX : (size_t)(found - expected->members);
}
