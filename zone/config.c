#include "zone/config.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FILE_MAX = 64 * 1024,
    LISTEN_MAX = 64,
    REFERENCES_MAX = 8,
    VALUE_MAX = 4096
};

static const cyaml_schema_value_t listen_entry = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, VALUE_MAX),
};

#define OPTIONAL_STRING(key, member)                                                               \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config, member,   \
                           1, VALUE_MAX)

/* libcyaml's own boolean takes any text that is not a known "no" for "yes". */
static const cyaml_strval_t truth[] = {
    {.str = "false", .val = 0},
    { .str = "no",   .val = 0},
    { .str = "off",  .val = 0},
    { .str = "true", .val = 1},
    { .str = "yes",  .val = 1},
    { .str = "on",   .val = 1},
};

static const cyaml_schema_field_t fields[] = {
    OPTIONAL_STRING("state", state),
    OPTIONAL_STRING("seal-key", seal_key),
    CYAML_FIELD_SEQUENCE("listen", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config, listen,
                         &listen_entry, 0, LISTEN_MAX),
    CYAML_FIELD_UINT_PTR("workers", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config,
                         workers),
    CYAML_FIELD_ENUM_PTR("socket-affinity",
                         CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT,
                         struct config, socket_affinity, truth, sizeof truth / sizeof truth[0]),
    OPTIONAL_STRING("locations", locations),
    OPTIONAL_STRING("nsid", nsid),
    OPTIONAL_STRING("version-text", version_text),
    OPTIONAL_STRING("interval", interval),
    OPTIONAL_STRING("trust", trust),
    OPTIONAL_STRING("id", id),
    CYAML_FIELD_SEQUENCE("reference", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config,
                         reference, &listen_entry, 0, REFERENCES_MAX),
    CYAML_FIELD_ENUM_PTR("allow-private",
                         CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT,
                         struct config, allow_private, truth, sizeof truth / sizeof truth[0]),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config, fields),
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
    int reason_len = (int)(line_end(reason) - reason);
    const char *place = strstr(story->text, "(line: ");
    unsigned long line = place == NULL ? 0 : strtoul(place + 7, NULL, 10);
    if (error == CYAML_ERR_INVALID_KEY || strstr(reason, "already seen") != NULL) {
        const char *key = strstr(reason, ": ");
        if (key != NULL) {
            line = line_of_key(text, key + 2, (size_t)(line_end(key) - key - 2));
        }
    }
    if (line == 0) {
        return diag_fail(diag, RESULT_INVALID, "%s: %.*s", path, reason_len, reason);
    }
    return diag_fail(diag, RESULT_INVALID, "%s:%lu: %.*s", path, line, reason_len, reason);
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
    struct config *config = NULL;
    if (empty) {
        *out = xcalloc(1, sizeof *config);
        return RESULT_OK;
    }
    struct story story = { "" };
    const cyaml_config_t reader = reader_config(&story);
    cyaml_err_t error = cyaml_load_data((const uint8_t *)text, len, &reader, &schema,
                                        (cyaml_data_t **)&config, NULL);
    if (error != CYAML_OK) {
        return tell(diag, path, text, &story, error);
    }
    *out = config;
    return RESULT_OK;
}

void config_free(struct config *config)
{
    if (config != NULL) {
        const cyaml_config_t reader = reader_config(NULL);
        (void)cyaml_free(&reader, &schema, config, 0);
    }
}
