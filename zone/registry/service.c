#include "zone/registry/service.h"

#define SERVICE   "_ntske"
#define TRANSPORT "_tcp"

enum result service_name(struct dname *out, const struct dname *parent)
{
    struct dname tcp;
    TRY(dname_prepend(&tcp, TRANSPORT, strlen(TRANSPORT), parent));
    return dname_prepend(out, SERVICE, strlen(SERVICE), &tcp);
}

/* Appends a label that is lower case and free of 00 and 01, so that it stands in a key as it is. */
static void append(struct dname_key *key, const char *label)
{
    size_t len = strlen(label) + 1;
    memcpy(key->octets + key->len, label, len);
    key->len = (uint16_t)(key->len + len);
}

struct dname_key service_key(const char *region_label)
{
    struct dname_key key = { .len = 0 };
    if (region_label != NULL) {
        append(&key, region_label);
    }
    append(&key, TRANSPORT);
    append(&key, SERVICE);
    return key;
}
