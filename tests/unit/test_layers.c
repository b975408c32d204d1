/* Checks on the source tree: which folder and room includes which, that each third-party header has
 * one owner, and the length of files. */
#include <fts.h>
#include <stdbool.h>

#include "tests/unit/unit.h"

enum {
    FILES_MAX = 1600,
    LINES_MAX = 500,
    NAME_ROOM = 128
};

struct source {
    char path[NAME_ROOM]; /* path from the root: "zone/store/store.c" */
    char folder[NAME_ROOM];
    unsigned lines;
};

static struct source sources[FILES_MAX];
static unsigned source_count;
static unsigned faults;
static bool quiet; /* the test breaks rules on purpose */

static void fault(const char *path, unsigned line, const char *what, const char *detail)
{
    if (!quiet) {
        print_error("%s:%u: %s %s\n", path, line, what, detail);
    }
    faults++;
}

/* Calls `visit` for each line of each source, with the header that the line includes, or NULL. */
typedef void line_visit(const struct source *source, unsigned line, const char *included);

static const char *included_by(char *line)
{
    char *p = line + strspn(line, " \t");
    if (*p != '#') {
        return NULL;
    }
    p += 1 + strspn(p + 1, " \t");
    if (strncmp(p, "include", 7) != 0) {
        return NULL;
    }
    p += 7 + strspn(p + 7, " \t");
    char *end = *p == '<' ? strchr(p, '>') : *p == '"' ? strchr(p + 1, '"') : NULL;
    if (end == NULL) {
        return NULL;
    }
    end[1] = '\0';
    return p; /* with its delimiters */
}

static void each_line(line_visit *visit)
{
    for (unsigned i = 0; i < source_count; i++) {
        char path[512], text[1024];
        unsigned line = 0;
        (void)snprintf(path, sizeof(path), "%s/%s", SOURCE_DIR, sources[i].path);
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        while (fgets(text, sizeof(text), file) != NULL) {
            line++;
            visit(&sources[i], line, included_by(text));
        }
        (void)fclose(file);
        sources[i].lines = line;
    }
}

/* The folder of one library. */
static void folder_of(char out[NAME_ROOM], const char *path)
{
    bool fleet = strncmp(path, "tools/fleet/", strlen("tools/fleet/")) == 0;
    (void)snprintf(out, NAME_ROOM, "%.*s", (int)strcspn(path, "/"), path);
    if (fleet) {
        (void)snprintf(out, NAME_ROOM, "tools/fleet");
    }
}

static void add_source(const char *path)
{
    const char *relative = path + strlen(SOURCE_DIR) + 1;
    const char *dot = strrchr(relative, '.');
    if (dot == NULL || (strcmp(dot, ".c") != 0 && strcmp(dot, ".h") != 0)) {
        return;
    }
    assert_true(source_count < FILES_MAX && strlen(relative) < NAME_ROOM);
    struct source *source = &sources[source_count++];
    (void)snprintf(source->path, NAME_ROOM, "%s", relative);
    folder_of(source->folder, relative);
}

static int read_tree(void **)
{
    static char folders[][sizeof(SOURCE_DIR) + 16] = {
        SOURCE_DIR "/zone",  SOURCE_DIR "/dnssec", SOURCE_DIR "/server",
        SOURCE_DIR "/probe", SOURCE_DIR "/tools",  SOURCE_DIR "/tests",
    };
    char *roots[] = {
        folders[0], folders[1], folders[2], folders[3], folders[4], folders[5], NULL
    };
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (tree == NULL) {
        return -1;
    }
    for (const FTSENT *entry = fts_read(tree); entry != NULL; entry = fts_read(tree)) {
        if (entry->fts_info == FTS_F) {
            add_source(entry->fts_path);
        }
    }
    return fts_close(tree);
}

static bool is_one_of(const char *word, const char *const *list)
{
    while (*list != NULL && strcmp(word, *list) != 0) {
        list++;
    }
    return *list != NULL;
}

/* The arrows: which folder may include which. */
static const struct {
    const char *folder, *may[5];
} arrows[] = {
    { "zone", { "zone" } },
    { "dnssec", { "dnssec", "zone" } },
    { "server", { "server", "dnssec", "zone" } },
    { "probe", { "probe", "zone" } },
    { "tools/fleet", { "tools/fleet", "zone" } },
    { "tools", { "tools", "dnssec", "probe", "tools/fleet", "zone" } },
};

static void check_arrow(const struct source *source, unsigned line, const char *included)
{
    if (included == NULL || *included != '"' || strcmp(source->folder, "tests") == 0) {
        return; /* tests may include everything, and share headers within their own folder */
    }
    char folder[NAME_ROOM];
    const char *slash = strchr(included, '/');
    if (slash == NULL) {
        fault(source->path, line, "includes are written from the root, not as", included);
        return;
    }
    folder_of(folder, included + 1);
    for (size_t i = 0; i < sizeof(arrows) / sizeof(arrows[0]); i++) {
        if (strcmp(source->folder, arrows[i].folder) == 0 && !is_one_of(folder, arrows[i].may)) {
            fault(source->path, line, "against the arrows of ARCHITECTURE.md:", included);
        }
    }
}

/* The rooms of a folder, lowest first: each may include itself and the rooms before it. Files of
 * the folder itself may include all of them. */
enum {
    ROOMS_MAX = 12
};

static const struct {
    const char *folder, *rooms[ROOMS_MAX];
} floors[] = {
    { "zone",
      { "base", "names", "stub", "places", "store", "ledger", "registry", "verdicts", "steering",
        "fleet", "overview" } },
    { "dnssec", { "keys", "rollover", "signing", "offline", "overview" } },
    { "server", { "state", "answering", "dnstap", "io", "upkeep", "keys", "metrics" } },
};

/* The floor of a file in that folder, from 0; ROOMS_MAX: above the rooms; -1: its room is not
 * listed. */
static int floor_of(size_t folder, const char *path)
{
    const char *room = path + strlen(floors[folder].folder) + 1;
    size_t len = strcspn(room, "/");
    if (room[len] == '\0') {
        return ROOMS_MAX;
    }
    for (int i = 0; i < ROOMS_MAX && floors[folder].rooms[i] != NULL; i++) {
        if (strlen(floors[folder].rooms[i]) == len &&
            strncmp(floors[folder].rooms[i], room, len) == 0) {
            return i;
        }
    }
    return -1;
}

static bool is_within(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    return strncmp(path, folder, len) == 0 && path[len] == '/';
}

static void check_room(const struct source *source, unsigned line, const char *included)
{
    for (size_t i = 0; i < sizeof(floors) / sizeof(floors[0]); i++) {
        if (!is_within(source->path, floors[i].folder)) {
            continue;
        }
        int own = floor_of(i, source->path);
        if (own < 0) {
            fault(source->path, line, "is in a room that is not listed", "");
        }
        if (included != NULL && is_within(included + 1, floors[i].folder) &&
            floor_of(i, included + 1) > own) {
            fault(source->path, line, "a room below includes", included);
        }
    }
}

static void rooms_follow_their_order(void **)
{
    faults = 0;
    each_line(check_room);
    assert_int_equal(faults, 0);
}

/* A module is a .c file and its header. The modules of these folders include each other in one
 * direction only. */
static const char *const without_circles[] = { "zone/", "dnssec/", "server/", "probe/",
                                               "tools/fleet/" };

enum {
    UNSEEN,
    ON_THE_WAY,
    DONE
};

static bool includes[FILES_MAX]
                    [FILES_MAX]; /* [from][to], by the index of the module's first file */
static char seen[FILES_MAX];

/* The length of a path up to its suffix. A private header belongs to its module. */
static size_t module_len(const char *path)
{
    static const char private[] = "_private";
    size_t len = strcspn(path, "."), end = sizeof(private) - 1; /* no folder has a dot */
    return len > end && strncmp(path + len - end, private, end) == 0 ? len - end : len;
}

static bool is_same_module(const char *a, const char *b)
{
    size_t len = module_len(a);
    return len == module_len(b) && strncmp(a, b, len) == 0;
}

/* The index that stands for a path's module; source_count if there is none. */
static unsigned module_of(const char *path)
{
    unsigned i = 0;
    while (i < source_count && !is_same_module(sources[i].path, path)) {
        i++;
    }
    return i;
}

static void note_include(const struct source *source, unsigned, const char *included)
{
    for (size_t i = 0; i < sizeof(without_circles) / sizeof(without_circles[0]); i++) {
        size_t len = strlen(without_circles[i]);
        if (included != NULL && strncmp(source->path, without_circles[i], len) == 0 &&
            strncmp(included + 1, without_circles[i], len) == 0) {
            unsigned from = module_of(source->path), to = module_of(included + 1);
            assert_true(to < source_count);
            includes[from][to] = from != to;
        }
    }
}

/* Follows all includes from a module on. */
/* NOLINTNEXTLINE(misc-no-recursion): as deep as there are modules */
static void find_circles(unsigned module)
{
    seen[module] = ON_THE_WAY;
    for (unsigned next = 0; next < source_count; next++) {
        if (!includes[module][next] || seen[next] == DONE) {
            continue;
        }
        if (seen[next] == ON_THE_WAY) {
            fault(sources[module].path, 0, "closes a circle of includes with", sources[next].path);
        } else {
            find_circles(next);
        }
    }
    seen[module] = DONE;
}

static void modules_include_each_other_in_one_direction(void **)
{
    unsigned server = module_of("server/ntspoold.c"), wire = module_of("server/state/records.h");
    unsigned tcp = module_of("server/io/tcp.h");
    faults = 0;
    each_line(note_include);
    assert_true(includes[server][module_of("server/upkeep/refresh.h")]);
    for (unsigned i = 0; i < source_count; i++) {
        if (seen[i] == UNSEEN) {
            find_circles(i);
        }
    }
    assert_int_equal(faults, 0);
    memset(seen, UNSEEN, sizeof(seen));
    note_include(&sources[wire], 1,
                 "\"server/io/tcp.h\""); /* a breach that is three modules away */
    quiet = true;
    find_circles(tcp);
    quiet = false;
    assert_true(faults > 0);
}

static void includes_follow_the_arrows(void **)
{
    faults = 0;
    each_line(check_arrow);
    assert_int_equal(faults, 0);
}

/* Third-party headers by the start of their name, and the owner of each: a file, or a folder (ends
 * with a slash). */
static const struct {
    const char *header, *owners[4];
} owned[] = {
    { "<lmdb.h", { "zone/store/store_private.h" } },
    { "<seccomp", { "zone/base/syscalls.c" } },
    { "<yaml", { "zone/registry/config.c" } },
    { "<ares", { "probe/lookup.c" } },
    { "<curl/", { "tools/fleet/etcd_private.h" } },
    { "<uv.h", { "server/", "probe/" } },
    { "<uv/", { "server/", "probe/" } },
    { "<microhttpd", { "server/metrics/metrics.c" } },
    { "<jansson", { "tools/" } },
    { "<unbound", { "tools/check/check_chain.c" } },
    { "<fstrm", { "server/dnstap/frame_stream.c" } },
    { "<openssl/", { "dnssec/", "probe/", "tools/fleet/certify.c" } },
};

static bool is_owner(const char *path, const char *const owners[4])
{
    for (unsigned i = 0; i < 4 && owners[i] != NULL; i++) {
        size_t len = strlen(owners[i]);
        bool folder = owners[i][len - 1] == '/';
        if (folder ? strncmp(path, owners[i], len) == 0 : strcmp(path, owners[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* "zone/store/store_private.h" belongs to the files whose path starts with "zone/store". */
static void check_private(const struct source *source, unsigned line, const char *included)
{
    const char *end = strstr(included, "_private.h");
    size_t len = end == NULL ? 0 : (size_t)(end - included - 1);
    if (end != NULL && strncmp(source->path, included + 1, len) != 0) {
        fault(source->path, line, "includes another module's inside:", included);
    }
}

static void check_owner(const struct source *source, unsigned line, const char *included)
{
    if (included == NULL || strcmp(source->folder, "tests") == 0) {
        return;
    }
    check_private(source, line, included);
    for (size_t i = 0; i < sizeof(owned) / sizeof(owned[0]); i++) {
        if (strncmp(included, owned[i].header, strlen(owned[i].header)) == 0 &&
            !is_owner(source->path, owned[i].owners)) {
            fault(source->path, line, "is not the owner of", included);
        }
    }
}

static void third_party_headers_have_one_owner(void **)
{
    faults = 0;
    each_line(check_owner);
    assert_int_equal(faults, 0);
}

static char ldns_owner[sizeof(arrows) / sizeof(arrows[0])][NAME_ROOM];

static void check_ldns(const struct source *source, unsigned line, const char *included)
{
    for (size_t i = 0; i < sizeof(arrows) / sizeof(arrows[0]); i++) {
        if (included == NULL || strncmp(included, "<ldns", 5) != 0 ||
            strcmp(source->folder, arrows[i].folder) != 0) {
            continue;
        }
        if (ldns_owner[i][0] == '\0') {
            (void)snprintf(ldns_owner[i], NAME_ROOM, "%s", source->path);
        }
        if (strcmp(ldns_owner[i], source->path) != 0) {
            fault(source->path, line, "ldns is known already by", ldns_owner[i]);
        }
    }
}

static void ldns_is_known_to_one_file_a_folder(void **)
{
    faults = 0;
    each_line(check_ldns);
    assert_int_equal(faults, 0);
}

static void ignore(const struct source *, unsigned, const char *)
{
}

static void no_file_is_too_long(void **)
{
    faults = 0;
    each_line(ignore);
    for (unsigned i = 0; i < source_count; i++) {
        if (sources[i].lines > LINES_MAX) {
            fault(sources[i].path, sources[i].lines, "is longer than a file should be", "");
        }
    }
    assert_int_equal(faults, 0);
}

static const char *file_name(const struct source *source)
{
    return strrchr(source->path, '/') + 1;
}

static void stems_are_unique(void **)
{
    faults = 0;
    for (unsigned i = 0; i < source_count; i++) {
        for (unsigned j = 0; j < i; j++) {
            if (strcmp(file_name(&sources[i]), file_name(&sources[j])) == 0) {
                fault(sources[i].path, 0, "has the name of", sources[j].path);
            }
        }
    }
    assert_int_equal(faults, 0);
}

/* Makes sure that the tests above have read something. */
static void whole_tree_was_read(void **)
{
    static const char *const known[] = {
        "zone/store/store_private.h", "dnssec/keys/key.h", "server/ntspoold.c",
        "probe/ntspool-probed.c",     "tools/ntspool.c",   "tests/unit/test_layers.c"
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        bool found = false;
        for (unsigned j = 0; j < source_count; j++) {
            found = found || strcmp(sources[j].path, known[i]) == 0;
        }
        assert_true(found);
    }
    char line[] = "#  include \"zone/names/dname.h\" /* why */\n",
         other[] = "/* #include <lmdb.h> */\n";
    assert_string_equal(included_by(line), "\"zone/names/dname.h\"");
    assert_null(included_by(other));
}

/* The rules detect breaches. */
static void breaches_are_seen(void **)
{
    static const struct source zone = { .path = "zone/names/dname.c", .folder = "zone" };
    static const struct source server = { .path = "server/answering/answer.c", .folder = "server" };
    static const struct source stray = { .path = "zone/attic/dname.c", .folder = "zone" };
    faults = 0;
    quiet = true;
    check_arrow(&zone, 1, "\"dnssec/keys/key.h\"");
    check_arrow(&server, 2, "\"probe/score.h\"");
    check_arrow(&server, 3, "\"answer.h\"");
    check_owner(&zone, 4, "<lmdb.h>");
    check_owner(&zone, 5, "\"zone/store/store_private.h\"");
    check_owner(&zone, 6, "<uv.h>");
    check_room(&zone, 7, "\"zone/store/store.h\"");
    check_room(&server, 8, "\"server/options.h\"");
    check_room(&stray, 9, NULL);
    assert_int_equal(faults, 9);
    check_room(&zone, 10, "\"zone/base/wire.h\"");
    check_room(&server, 11, "\"server/state/zone_state.h\"");
    check_arrow(&server, 7, "\"dnssec/keys/key.h\"");
    check_owner(&server, 8, "<uv.h>");
    quiet = false;
    assert_int_equal(faults, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_tree_was_read),
        cmocka_unit_test(includes_follow_the_arrows),
        cmocka_unit_test(rooms_follow_their_order),
        cmocka_unit_test(modules_include_each_other_in_one_direction),
        cmocka_unit_test(third_party_headers_have_one_owner),
        cmocka_unit_test(ldns_is_known_to_one_file_a_folder),
        cmocka_unit_test(no_file_is_too_long),
        cmocka_unit_test(stems_are_unique),
        cmocka_unit_test(breaches_are_seen),
    };
    return cmocka_run_group_tests(tests, read_tree, NULL);
}
