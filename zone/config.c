#include "zone/config.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/locations.h"

enum {
    FILE_MAX = 64 * 1024,
    LISTEN_MAX = 64,
    REFERENCES_MAX = 8,
    VALUE_MAX = 4096
};

static const cyaml_schema_value_t list_entry = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, VALUE_MAX),
};

/* libcyaml's own boolean takes any text that is not a known "no" for "yes". */
static const cyaml_strval_t truth[] = {
    {.str = "false", .val = 0},
    { .str = "no",   .val = 0},
    { .str = "off",  .val = 0},
    { .str = "true", .val = 1},
    { .str = "yes",  .val = 1},
    { .str = "on",   .val = 1},
};

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define OPTIONAL_STRING(key, member)                                                               \
    CYAML_FIELD_STRING_PTR(key, OPTIONAL, struct loading, config.member, 1, VALUE_MAX)
#define OPTIONAL_LIST(key, member, max)                                                            \
    CYAML_FIELD_SEQUENCE(key, OPTIONAL, struct loading, config.member, &list_entry, 0, max)
#define OPTIONAL_TRUTH(key, member)                                                                \
    CYAML_FIELD_ENUM_PTR(key, OPTIONAL | CYAML_FLAG_STRICT, struct loading, config.member, truth,  \
                         sizeof truth / sizeof truth[0])

/* What is read into: locations are a list in the end, however they were given. */
struct loading {
    struct config config;
    char *location;
};

/* The schema knows no "one or a list", so there are two, which differ in this field. */
#define FIELDS(LOCATIONS)                                                                          \
    {                                                                                              \
        OPTIONAL_STRING("state", state), OPTIONAL_STRING("user", user),                            \
            OPTIONAL_STRING("seal-key", seal_key), OPTIONAL_LIST("listen", listen, LISTEN_MAX),    \
            CYAML_FIELD_UINT_PTR("workers", OPTIONAL, struct loading, config.workers),             \
            OPTIONAL_TRUTH("socket-affinity", socket_affinity), LOCATIONS,                         \
            OPTIONAL_STRING("nsid", nsid), OPTIONAL_STRING("version-text", version_text),          \
            OPTIONAL_STRING("interval", interval), OPTIONAL_STRING("trust", trust),                \
            OPTIONAL_STRING("id", id), OPTIONAL_LIST("reference", reference, REFERENCES_MAX),      \
            OPTIONAL_TRUTH("allow-private", allow_private), CYAML_FIELD_END,                       \
    }

static const cyaml_schema_field_t fields[] =
    FIELDS(OPTIONAL_LIST("locations", locations, LOCATIONS_FILES_MAX));
static const cyaml_schema_field_t fields_of_one[] =
    FIELDS(CYAML_FIELD_STRING_PTR("locations", OPTIONAL, struct loading, location, 1, VALUE_MAX));

static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct loading, fields),
};
static const cyaml_schema_value_t schema_of_one = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct loading, fields_of_one),
};

/* What libcyaml says about a failure comes in several lines: "Load: <reason>", "Load: Backtrace:", then where, innermost first. */
struct story {
    char text[400];
};

static void take_line(cyaml_log_t level, void *context, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
static void take_line(cyaml_log_t level, void *context, const char *format, va_list args)
{
    (void)level;
    struct story *story = context;
    size_t used = strlen(story->text);
    (void)vsnprintf(story->text + used, sizeof story->text - used, format, args);
}

static cyaml_config_t reader_config(struct story *story)
{
    return (cyaml_config_t){ .log_fn = story == NULL ? NULL : take_line,
                             .log_ctx = story,
                             .mem_fn = cyaml_mem,
                             .log_level = CYAML_LOG_ERROR,
                             .flags = CYAML_CFG_NO_ALIAS };
}

static enum result read_file(const char *path, char out[FILE_MAX + 1], size_t *len,
                             struct diag *diag)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return diag_fail(diag, RESULT_SYSTEM, "%s: cannot be opened: %s", path, strerror(errno));
    }
    errno = 0;
    size_t count = fread(out, 1, FILE_MAX + 1, file);
    int error = ferror(file) != 0 ? errno : 0;
    (void)fclose(file);
    if (error != 0) {
        return diag_fail(diag, RESULT_SYSTEM, "%s: cannot be read: %s", path, strerror(error));
    }
    if (count > FILE_MAX) {
        return diag_fail(diag, RESULT_TOO_LONG, "%s: is no configuration: longer than %d octets",
                         path, FILE_MAX);
    }
    *len = count;
    return RESULT_OK;
}

static const char *line_end(const char *line)
{
    const char *end = strchr(line, '\n');
    return end == NULL ? line + strlen(line) : end;
}

static bool is_blank(const char *line)
{
    line += strspn(line, " \t\r");
    return *line == '\n' || *line == '\0' || *line == '#';
}

/* The line of a second document, which libcyaml would not look at; 0 if there is none. `*empty` tells whether there is no line
 * with content, which libcyaml would refuse. */
static unsigned survey(const char *text, bool *empty)
{
    unsigned number = 1;
    *empty = true;
    for (const char *line = text; *line != '\0'; number++) {
        bool marker = strncmp(line, "---", 3) == 0 || strncmp(line, "...", 3) == 0;
        if (marker && !*empty) {
            return number;
        }
        *empty = *empty && is_blank(marker ? line + 3 : line);
        const char *end = line_end(line);
        line = *end == '\0' ? end : end + 1;
    }
    return 0;
}

/* The last line that begins with the key: libcyaml gives the place of what stands before an unknown or doubled key. */
static unsigned line_of_key(const char *text, const char *key, size_t key_len)
{
    unsigned number = 1, found = 0;
    for (const char *line = text; *line != '\0'; number++) {
        if (strncmp(line, key, key_len) == 0 &&
            line[key_len + strspn(line + key_len, " \t")] == ':') {
            found = number;
        }
        const char *end = line_end(line);
        line = *end == '\0' ? end : end + 1;
    }
    return found;
}

/* The field that a story is about, empty if it names none. */
static const char *field_of(const struct story *story, int *len)
{
    static const char mark[] = "in mapping field '";
    const char *field = strstr(story->text, mark);
    field = field == NULL ? "" : field + sizeof mark - 1;
    *len = (int)strcspn(field, "'\n");
    return field;
}

/* Makes libcyaml's story one line with the place in front. */
static enum result tell(struct diag *diag, const char *path, const char *text,
                        const struct story *story, cyaml_err_t error)
{
    const char *reason = story->text;
    if (strncmp(reason, "Load: ", 6) == 0 && strncmp(reason, "Load: Backtrace", 15) != 0) {
        reason += 6;
    } else {
        reason = cyaml_strerror(error);
    }
    int reason_len = (int)(line_end(reason) - reason), field_len = 0;
    const char *field = field_of(story, &field_len);
    const char *place = strstr(story->text, "(line: ");
    unsigned long line = place == NULL ? 0 : strtoul(place + 7, NULL, 10);
    if (error == CYAML_ERR_INVALID_KEY || strstr(reason, "already seen") != NULL) {
        const char *key = strstr(reason, ": ");
        if (key != NULL) {
            line = line_of_key(text, key + 2, (size_t)(line_end(key) - key - 2));
        }
        field_len = 0;
    }
    if (line == 0) {
        return diag_fail(diag, RESULT_INVALID, "%s: %.*s", path, reason_len, reason);
    }
    return diag_fail(diag, RESULT_INVALID, "%s:%lu: %.*s%s%.*s", path, line, field_len, field,
                     field_len > 0 ? ": " : "", reason_len, reason);
}

static cyaml_err_t read_yaml(struct loading **out, const char *text,
                             const cyaml_schema_value_t *how, struct story *story)
{
    story->text[0] = '\0';
    const cyaml_config_t reader = reader_config(story);
    return cyaml_load_data((const uint8_t *)text, strlen(text), &reader, how, (cyaml_data_t **)out,
                           NULL);
}

/* True if all that was wrong so far is that `locations` is one text. */
static bool is_one_location(const struct story *story)
{
    return strstr(story->text, "got event: SCALAR") != NULL &&
           strstr(story->text, "in mapping field 'locations'") != NULL &&
           strstr(story->text, "in sequence entry") == NULL;
}

static void make_list(struct loading *loading)
{
    if (loading->location != NULL) {
        loading->config.locations = xcalloc(1, sizeof loading->config.locations[0]);
        loading->config.locations[loading->config.locations_count++] = loading->location;
        loading->location = NULL;
    }
}

enum result config_load(struct config **out, const char *path, struct diag *diag)
{
    char text[FILE_MAX + 1] = "";
    size_t len = 0;
    if (path != NULL) {
        enum result result = read_file(path, text, &len, diag);
        if (result != RESULT_OK) {
            return result;
        }
        text[len] = '\0';
    }
    if (strlen(text) != len) {
        return diag_fail(diag, RESULT_INVALID, "%s: is no text", path);
    }
    bool empty = false;
    unsigned second = survey(text, &empty);
    if (second > 0) {
        return diag_fail(diag, RESULT_INVALID, "%s:%u: a configuration is one document", path,
                         second);
    }
    struct loading *loading = NULL;
    if (empty) {
        loading = xcalloc(1, sizeof *loading);
        *out = &loading->config;
        return RESULT_OK;
    }
    struct story story = { "" };
    cyaml_err_t error = read_yaml(&loading, text, &schema, &story);
    if (error != CYAML_OK && is_one_location(&story)) {
        error = read_yaml(&loading, text, &schema_of_one, &story);
    }
    if (error != CYAML_OK) {
        return tell(diag, path, text, &story, error);
    }
    make_list(loading);
    *out = &loading->config;
    return RESULT_OK;
}

void config_free(struct config *config)
{
    if (config != NULL) { /* the first of a struct loading */
        const cyaml_config_t reader = reader_config(NULL);
        (void)cyaml_free(&reader, &schema, config, 0);
    }
}
