#include "server/startcheck.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dnssec/signing/keyring.h"
#include "server/io/listen.h"
#include "server/keys/keywait.h"
#include "server/upkeep/stores.h"
#include "zone/base/preflight.h"
#include "zone/base/unixsocket.h"
#include "zone/base/user.h"
#include "zone/registry/registry.h"

/* Whether the process may write `name` in the store's directory; NULL: the directory, or the state
 * if there is none. */
static bool is_writable(const char *state, enum store_kind kind, const char *name)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s%s%s", state, store_kind_text(kind),
                   name != NULL ? "/" : "", name != NULL ? name : "");
    return access(path, W_OK) == 0 || (name == NULL && errno == ENOENT && access(state, W_OK) == 0);
}

/* True if the store can be opened to read without any change to it. */
static bool check_store(struct preflight *preflight, const char *state, const struct store_use *use)
{
    struct diag diag = { "" }, line;
    bool as_is = false;
    enum result result = store_inspect(state, use->kind, &as_is, &diag);
    bool bad = result == RESULT_MISSING || result == RESULT_DAMAGED || result == RESULT_FOREIGN;
    if (result == RESULT_OK && use->without != NULL && !is_writable(state, use->kind, "data.mdb")) {
        (void)diag_fail(&line, RESULT_OK, "%s: state/%s can't be written", use->without,
                        store_kind_text(use->kind));
        preflight_warning(preflight, line.text);
    } else if (bad && use->made && is_writable(state, use->kind, NULL)) {
        preflight_warning(preflight, diag.text);
    } else if (result != RESULT_OK && !use->needed) {
        (void)diag_fail(&line, RESULT_OK, "%s: %s", use->without, diag.text);
        preflight_warning(preflight, line.text);
    } else {
        preflight_judge(preflight, result, &diag);
    }
    return result == RESULT_OK && as_is;
}

static enum result read_settings(struct store_txn *registry, const struct seal *, struct diag *diag)
{
    struct settings settings;
    return registry_settings(registry, &settings, diag);
}

/* Opens every key that is in use. */
static enum result read_keys(struct store_txn *keys, const struct seal *seal, struct diag *diag)
{
    struct keyring *keyring = NULL;
    if (seal == NULL || keywait_is_needed(keys)) {
        return RESULT_OK; /* a problem already; or it waits for keys */
    }
    TRY(keyring_load(&keyring, keys, seal, diag));
    keyring_unref(keyring);
    return RESULT_OK;
}

typedef enum result read_rows(struct store_txn *txn, const struct seal *seal, struct diag *diag);

static enum result read_store(const char *state, enum store_kind kind, read_rows *rows,
                              const struct seal *seal, struct diag *diag)
{
    struct store *store = NULL;
    struct store_txn *txn = NULL;
    TRY(store_open_unread(&store, state, kind, diag)); /* store_inspect has just read it */
    enum result result = store_read(store, &txn, diag);
    if (result == RESULT_OK) {
        result = rows(txn, seal, diag);
        store_abort(txn);
    }
    store_close(store);
    return result;
}

static void check_stores(struct preflight *preflight, const char *state, const struct seal *seal)
{
    for (size_t i = 0; i < STORE_KINDS_ALONE; i++) {
        struct diag diag = { "" };
        const enum store_kind kind = stores_uses[i].kind;
        read_rows *rows = kind == STORE_REGISTRY ? read_settings
                          : kind == STORE_KEYS   ? read_keys
                                                 : NULL;
        if (check_store(preflight, state, &stores_uses[i]) && rows != NULL) {
            preflight_judge(preflight, read_store(state, kind, rows, seal, &diag), &diag);
        }
    }
}

static void check_listen(struct preflight *preflight, const struct endpoint *endpoint)
{
    char text[ADDRESS_TEXT_MAX];
    struct diag line;
    (void)address_text(&endpoint->address, text);
    if (!address_is_ipv4(&endpoint->address) && !listen_has_ipv6()) {
        (void)diag_fail(&line, RESULT_OK, "can't listen on %s@%u: the kernel has no IPv6", text,
                        endpoint->port);
        preflight_problem(preflight, line.text);
    } else if (!listen_is_here(endpoint)) {
        (void)diag_fail(&line, RESULT_OK,
                        "%s is not on this machine: it is served as soon as the machine has it",
                        text);
        preflight_warning(preflight, line.text);
    }
}

/* Each file by itself, so that all faults are named. */
static void check_locations(struct preflight *preflight, const char *path)
{
    struct locations *locations = NULL;
    struct diag diag = { "" };
    preflight_judge(preflight, locations_load(&locations, &path, 1, NULL, &diag), &diag);
    locations_free(locations);
}

/* The directory of a UNIX socket is not made at a start. */
static void check_metrics(struct preflight *preflight, const char *place)
{
    const char *path = unixsocket_path(place);
    char directory[PATH_MAX];
    struct stat st;
    struct diag line;
    if (path == NULL) {
        return;
    }
    (void)snprintf(directory, sizeof(directory), "%s", path);
    *(strrchr(directory, '/') + 1) = '\0'; /* metrics_socket_check: the path is absolute */
    if (stat(directory, &st) != 0) {
        (void)diag_fail(&line, RESULT_OK, "no socket for metrics can be made in %s: %s", directory,
                        strerror(errno));
        preflight_problem(preflight, line.text);
    }
}

static void check_xdp(struct preflight *preflight, const struct xdp_place *place)
{
    struct xdp_interface interface;
    struct diag why, line;
    if (xdp_interface_look(&interface, place, &why) != RESULT_OK) {
        (void)diag_fail(&line, RESULT_OK, "sockets answer the queries of %s, not XDP: %s",
                        place->interface, why.text);
        preflight_warning(preflight, line.text);
    }
}

static void check_state(struct preflight *preflight, const char *state, const struct seal *seal)
{
    struct stat st;
    struct diag line;
    if (stat(state, &st) == 0 && S_ISDIR(st.st_mode)) {
        check_stores(preflight, state, seal);
        return;
    }
    (void)diag_fail(&line, RESULT_MISSING,
                    "no state at %s: check --state, or make it with ntspool init", state);
    preflight_problem(preflight, line.text);
}

bool startcheck(const struct options *options, log_sink *log)
{
    struct preflight preflight = { .log = log };
    struct diag diag = { "" };
    struct seal *seal = NULL;
    for (size_t i = 0; i < options->listen_count; i++) {
        check_listen(&preflight, &options->listen[i]);
    }
    preflight_judge(&preflight, seal_open(&seal, options->state, options->seal_key, &diag), &diag);
    if (options->user != NULL) {
        preflight_judge(&preflight, user_become(options->user, &diag), &diag);
    }
    check_state(&preflight, options->state, seal);
    for (size_t i = 0; i < options->location_count; i++) {
        check_locations(&preflight, options->locations[i]);
    }
    for (size_t i = 0; i < options->metrics_count; i++) {
        check_metrics(&preflight, options->metrics[i]);
    }
    for (size_t i = 0; i < options->xdp_count; i++) {
        check_xdp(&preflight, &options->xdp[i]);
    }
    seal_free(seal);
    return preflight_done(&preflight);
}
