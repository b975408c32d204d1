#include "zone/registry/config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "zone/base/suggest.h"
#include "zone/places/locations.h"

enum {
    FILE_MAX = 64 * 1024,
    LISTEN_MAX = 64,
    METRICS_MAX = 4,
    XDP_MAX = 64,
    REFERENCES_MAX = 8,
    VALUE_MAX = 4096
};

/* How a key's value is read. */
enum kind {
    KIND_TEXT,
    KIND_LIST, /* of texts, or one */
    KIND_NUMBER,
    KIND_TRUTH
};

struct key {
    const char *name;
    enum kind kind;
    size_t field, count; /* offsets in struct config; `count` is a list's */
    unsigned max;        /* values of a list */
};

#define AT(field) offsetof(struct config, field)
#define LIST(name, field, max)                                                                     \
    {                                                                                              \
        name, KIND_LIST, AT(field), AT(field##_count), max                                         \
    }

static const struct key keys[] = {
    { "state", KIND_TEXT, AT(state), 0, 0 },
    { "user", KIND_TEXT, AT(user), 0, 0 },
    { "log-level", KIND_TEXT, AT(log_level), 0, 0 },
    { "seal-key", KIND_TEXT, AT(seal_key), 0, 0 },
    LIST("listen", listen, LISTEN_MAX),
    { "workers", KIND_NUMBER, AT(workers), 0, 0 },
    { "socket-affinity", KIND_TRUTH, AT(socket_affinity), 0, 0 },
    LIST("locations", locations, LOCATIONS_FILES_MAX),
    LIST("metrics", metrics, METRICS_MAX),
    LIST("xdp", xdp, XDP_MAX),
    { "nsid", KIND_TEXT, AT(nsid), 0, 0 },
    { "version-text", KIND_TEXT, AT(version_text), 0, 0 },
    { "dnstap", KIND_TEXT, AT(dnstap), 0, 0 },
    { "dnstap-sample", KIND_NUMBER, AT(dnstap_sample), 0, 0 },
    { "interval", KIND_TEXT, AT(interval), 0, 0 },
    { "trust", KIND_TEXT, AT(trust), 0, 0 },
    { "id", KIND_TEXT, AT(id), 0, 0 },
    LIST("reference", reference, REFERENCES_MAX),
    { "allow-private", KIND_TRUTH, AT(allow_private), 0, 0 },
};
enum {
    KEYS = sizeof keys / sizeof keys[0]
};

/* The state of reading a file. */
struct reading {
    yaml_parser_t parser;
    yaml_event_t event; /* the last one */
    const char *path;
    struct config *config;
    bool seen[KEYS];
    struct diag *diag;
};

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

/* The line number of the last event. */
static size_t line_of(const struct reading *reading)
{
    return reading->event.start_mark.line + 1;
}

static enum result refuse(const struct reading *reading, const char *name, const char *reason)
{
    return diag_fail(reading->diag, RESULT_INVALID, "%s:%zu: %s %s", reading->path,
                     line_of(reading), name, reason);
}

/* Frees the last event and reads the next one. */
static enum result next_event(struct reading *reading)
{
    yaml_event_delete(&reading->event);
    if (yaml_parser_parse(&reading->parser, &reading->event) != 0) {
        return RESULT_OK;
    }
    memset(&reading->event, 0, sizeof reading->event);
    const yaml_parser_t *parser = &reading->parser;
    return diag_fail(reading->diag, RESULT_INVALID, "%s:%zu: is no YAML: %s", reading->path,
                     parser->problem_mark.line + 1,
                     parser->problem != NULL ? parser->problem : "can't be read");
}

/* The text of the last event. */
static const char *scalar(const struct reading *reading)
{
    return (const char *)reading->event.data.scalar.value;
}

/* Checks that the last event is a text of a valid length, without NUL. */
static enum result check_scalar(const struct reading *reading, const struct key *key)
{
    switch (reading->event.type) {
    case YAML_SCALAR_EVENT:
        break;
    case YAML_ALIAS_EVENT:
        return refuse(reading, key->name, "is an alias, which a configuration can't have");
    case YAML_SEQUENCE_START_EVENT:
        return refuse(reading, key->name,
                      key->kind == KIND_LIST ? "is a list, and can't hold another"
                                             : "takes one value, not a list");
    default:
        return refuse(reading, key->name, "takes no keys of its own");
    }
    size_t len = reading->event.data.scalar.length;
    if (len == 0) {
        return refuse(reading, key->name, "has no value");
    }
    if (len > VALUE_MAX || strlen(scalar(reading)) != len) {
        return refuse(reading, key->name, len > VALUE_MAX ? "is too long" : "is no text");
    }
    return RESULT_OK;
}

static enum result put_number(struct reading *reading, const struct key *key, unsigned **field)
{
    const char *text = scalar(reading);
    char *end = NULL;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (text[strspn(text, "0123456789")] != '\0' || errno != 0 || number > UINT_MAX) {
        return diag_fail(reading->diag, RESULT_INVALID, "%s:%zu: %s takes a number, not \"%.80s\"",
                         reading->path, line_of(reading), key->name, text);
    }
    *field = xcalloc(1, sizeof **field);
    **field = (unsigned)number;
    return RESULT_OK;
}

static enum result put_truth(struct reading *reading, const struct key *key, bool **field)
{
    static const char *const texts[] = { "no", "yes", "false", "true", "off", "on" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcasecmp(scalar(reading), texts[i]) == 0) {
            *field = xcalloc(1, sizeof **field);
            **field = i % 2 == 1;
            return RESULT_OK;
        }
    }
    return diag_fail(reading->diag, RESULT_INVALID, "%s:%zu: %s takes yes or no, not \"%.80s\"",
                     reading->path, line_of(reading), key->name, scalar(reading));
}

static enum result add_to_list(struct reading *reading, const struct key *key)
{
    char *config = (char *)reading->config;
    char ***list = (char ***)(void *)(config + key->field);
    unsigned *count = (unsigned *)(void *)(config + key->count);
    TRY(check_scalar(reading, key));
    if (*count == key->max) {
        return diag_fail(reading->diag, RESULT_INVALID, "%s:%zu: %s has more than %u values",
                         reading->path, line_of(reading), key->name, key->max);
    }
    *list = *list != NULL ? *list : xcalloc(key->max, sizeof **list);
    (*list)[(*count)++] = xstrdup(scalar(reading));
    return RESULT_OK;
}

/* A list, or a single value as a list of one. */
static enum result read_list(struct reading *reading, const struct key *key)
{
    if (reading->event.type != YAML_SEQUENCE_START_EVENT) {
        return add_to_list(reading, key);
    }
    TRY(next_event(reading));
    while (reading->event.type != YAML_SEQUENCE_END_EVENT) {
        TRY(add_to_list(reading, key));
        TRY(next_event(reading));
    }
    return RESULT_OK;
}

static enum result read_value(struct reading *reading, const struct key *key)
{
    void *field = (char *)reading->config + key->field;
    if (key->kind == KIND_LIST) {
        return read_list(reading, key);
    }
    TRY(check_scalar(reading, key));
    if (key->kind == KIND_NUMBER) {
        return put_number(reading, key, field);
    }
    if (key->kind == KIND_TRUTH) {
        return put_truth(reading, key, field);
    }
    *(char **)field = xstrdup(scalar(reading));
    return RESULT_OK;
}

/* The key that the last event names. */
static enum result find_key(struct reading *reading, const struct key **out)
{
    if (reading->event.type != YAML_SCALAR_EVENT) {
        return refuse(reading, "a key", "is a name");
    }
    const char *name = scalar(reading);
    struct suggest near = suggest_begin(name);
    for (size_t i = 0; i < KEYS; i++) {
        if (strcmp(keys[i].name, name) == 0 && reading->seen[i]) {
            return refuse(reading, name, "is given twice");
        }
        if (strcmp(keys[i].name, name) == 0) {
            reading->seen[i] = true;
            *out = &keys[i];
            return RESULT_OK;
        }
        suggest_candidate(&near, keys[i].name);
    }
    char hint[SUGGEST_ROOM];
    return diag_fail(reading->diag, RESULT_INVALID, "%s:%zu: unknown key '%.80s'%s", reading->path,
                     line_of(reading), name, suggest_text(&near, hint));
}

/* Reads the keys up to the end of the document. */
static enum result read_keys(struct reading *reading)
{
    TRY(next_event(reading));
    while (reading->event.type != YAML_MAPPING_END_EVENT) {
        const struct key *key = NULL;
        TRY(find_key(reading, &key));
        ASSERT(key != NULL);
        TRY(next_event(reading));
        TRY(read_value(reading, key));
        TRY(next_event(reading));
    }
    return next_event(reading);
}

static bool is_nothing(const yaml_event_t *event)
{
    return event->type == YAML_SCALAR_EVENT && event->data.scalar.length == 0 &&
           event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static enum result read_document(struct reading *reading)
{
    TRY(next_event(reading));
    if (is_nothing(&reading->event)) {
        return next_event(reading);
    }
    if (reading->event.type != YAML_MAPPING_START_EVENT) {
        return refuse(reading, "a configuration", "is keys with values: `state: DIR`");
    }
    return read_keys(reading);
}

static enum result read_stream(struct reading *reading)
{
    bool had = false;
    TRY(next_event(reading));
    while (reading->event.type != YAML_STREAM_END_EVENT) {
        if (reading->event.type == YAML_DOCUMENT_START_EVENT) {
            TRY(had ? refuse(reading, "a configuration", "is one document")
                    : read_document(reading));
            had = true;
        }
        TRY(next_event(reading));
    }
    return RESULT_OK;
}

enum result config_load(struct config **out, const char *path, struct diag *diag)
{
    char text[FILE_MAX + 1] = "";
    size_t len = 0;
    if (path != NULL) {
        TRY(read_file(path, text, &len, diag));
    }
    struct reading reading = { .path = path, .diag = diag };
    reading.config = xcalloc(1, sizeof *reading.config);
    CHECK(yaml_parser_initialize(&reading.parser) != 0);
    yaml_parser_set_input_string(&reading.parser, (const unsigned char *)text, len);
    enum result result = read_stream(&reading);
    yaml_event_delete(&reading.event);
    yaml_parser_delete(&reading.parser);
    if (result != RESULT_OK) {
        config_free(reading.config);
        return result;
    }
    *out = reading.config;
    return RESULT_OK;
}

void config_free(struct config *config)
{
    for (size_t i = 0; config != NULL && i < KEYS; i++) {
        void **field = (void **)(void *)((char *)config + keys[i].field);
        const unsigned *count = (const unsigned *)(const void *)((char *)config + keys[i].count);
        for (unsigned k = 0; keys[i].kind == KIND_LIST && k < *count; k++) {
            free(((char **)*field)[k]);
        }
        free(*field);
    }
    free(config);
}
