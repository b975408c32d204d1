#include "tools/fleet/enginesetup.h"

#include <stdio.h>

enum {
    SETUP_WAIT_MS = 10000,
    KEY_ROOM = MEMBERSHIP_PREFIX_ROOM + MACHINE_ROOM + 8,
    ROLE_ROOM = MACHINE_ROOM + 8
};

static const char root[] = "root";

/* Makes the request and frees it. OK also for what is done already. */
static enum result ask(struct etcd *etcd, enum etcd_method method, struct protobuf *request,
                       enum result done, struct diag *diag)
{
    const struct etcd_plan plan = {
        .method = method, .request = request, .node = ETCD_ANY_NODE, .wait_ms = SETUP_WAIT_MS
    };
    struct etcd_call *call = etcd_call_start(etcd, &plan);
    enum result result = etcd_call_wait(call, diag);
    etcd_call_free(call);
    protobuf_free(request);
    return result == done ? RESULT_OK : result;
}

static enum result ask_name(struct etcd *etcd, enum etcd_method method, const char *name,
                            enum result done, struct diag *diag)
{
    struct protobuf request = { .data = NULL };
    etcdrequest_name(&request, name);
    return ask(etcd, method, &request, done, diag);
}

static enum result add_user(struct etcd *etcd, const char *name, struct diag *diag)
{
    struct protobuf request = { .data = NULL };
    etcdrequest_user(&request, name);
    return ask(etcd, ETCD_USER_ADD, &request, RESULT_EXISTS, diag);
}

static enum result give_role(struct etcd *etcd, const char *user, const char *role,
                             struct diag *diag)
{
    struct protobuf request = { .data = NULL };
    etcdrequest_user_role(&request, user, role);
    return ask(etcd, ETCD_USER_GRANT, &request, RESULT_OK, diag);
}

/* -- rights -- */

/* One right of a role: all keys that begin with `kind` and `name`, or that one key. */
struct right {
    enum etcdrequest_right what;
    const char *kind;
    bool prefix;
};

static enum result give_right(struct etcd *etcd, const struct membership *membership,
                              const char *role, const struct right *right, const char *name,
                              struct diag *diag)
{
    char key[KEY_ROOM];
    uint8_t end[KEY_ROOM];
    struct protobuf request = { .data = NULL };
    (void)snprintf(key, sizeof key, "%s%s%s%s", membership->prefix, right->kind, name,
                   right->prefix && *name != '\0' ? "/" : "");
    struct etcdrequest_keys keys = { .from = etcdrequest_text(key) };
    if (right->prefix) {
        keys = etcdrequest_prefix(keys.from, end);
    }
    etcdrequest_role_right(&request, role, right->what, &keys);
    return ask(etcd, ETCD_ROLE_GRANT, &request, RESULT_OK, diag);
}

struct role {
    const char *name;
    const struct right *rights;
    size_t count;
};

/* Makes the role, with its rights on the keys of a machine (""). */
static enum result make_role(struct etcd *etcd, const struct membership *membership,
                             const struct role *role, const char *machine, struct diag *diag)
{
    TRY(ask_name(etcd, ETCD_ROLE_ADD, role->name, RESULT_EXISTS, diag));
    for (size_t i = 0; i < role->count; i++) {
        TRY(give_right(etcd, membership, role->name, &role->rights[i], machine, diag));
    }
    return RESULT_OK;
}

static const struct right edge_rights[] = {
    { ETCDREQUEST_READ, "r/", true },
    { ETCDREQUEST_READ, "v/", true },
    { ETCDREQUEST_READ, "e/", true },
};
static const struct right vantage_rights[] = { { ETCDREQUEST_READ, "r/", true } };
static const struct right own_rights[] = {
    { ETCDREQUEST_READ_WRITE, "e/", true },
    { ETCDREQUEST_READ_WRITE, "v/", true },
    { ETCDREQUEST_READ_WRITE, "a/", false },
    { ETCDREQUEST_READ, "k/", false },
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* The role of one machine's own keys. No role of all machines has such a name. */
static void own_role(char out[ROLE_ROOM], const char *name)
{
    (void)snprintf(out, ROLE_ROOM, "own/%s", name);
}

enum result enginesetup_begin(struct etcd *etcd, const struct membership *membership,
                              struct diag *diag)
{
    struct protobuf nothing = { .data = NULL };
    const struct role roles[] = {
        { machine_role_text(MACHINE_EDGE), edge_rights, COUNT(edge_rights) },
        { machine_role_text(MACHINE_VANTAGE), vantage_rights, COUNT(vantage_rights) },
        { root, NULL, 0 },
    };
    for (size_t i = 0; i < COUNT(roles); i++) {
        TRY(make_role(etcd, membership, &roles[i], "", diag));
    }
    TRY(add_user(etcd, root, diag));
    TRY(give_role(etcd, root, root, diag));
    TRY(enginesetup_add(etcd, membership, membership->name, membership->role, diag));
    return ask(etcd, ETCD_AUTH_ENABLE, &nothing, RESULT_OK, diag);
}

enum result enginesetup_add(struct etcd *etcd, const struct membership *membership,
                            const char *name, enum machine_role role, struct diag *diag)
{
    char own[ROLE_ROOM];
    own_role(own, name);
    TRY(add_user(etcd, name, diag));
    if (role == MACHINE_ADMIN) {
        return give_role(etcd, name, root, diag);
    }
    const struct role role_of_own = { own, own_rights, COUNT(own_rights) };
    TRY(make_role(etcd, membership, &role_of_own, name, diag));
    TRY(give_role(etcd, name, own, diag));
    return give_role(etcd, name, machine_role_text(role), diag);
}

enum result enginesetup_remove(struct etcd *etcd, const char *name, struct diag *diag)
{
    char own[ROLE_ROOM];
    own_role(own, name);
    TRY(ask_name(etcd, ETCD_USER_DELETE, name, RESULT_NOT_FOUND, diag));
    return ask_name(etcd, ETCD_ROLE_DELETE, own, RESULT_NOT_FOUND, diag);
}
