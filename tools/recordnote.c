#include "tools/recordnote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/names/rdata.h"

/* "300 192.0.2.1; 192.0.2.2", "-" for an empty set. The caller frees the text. */
static char *set_text(const struct rrset *set)
{
    char *text = NULL;
    size_t len = 0, at = 0;
    const uint8_t *rdata;
    uint16_t rdata_len;
    FILE *file = open_memstream(&text, &len);
    if (file == NULL) {
        return xstrdup("?");
    }
    if (set->count == 0) {
        (void)fputc('-', file);
    } else if (set->ttl != 0 && set->ttl <= INT32_MAX) {
        (void)fprintf(file, "%u ", set->ttl);
    }
    for (unsigned i = 0; set->count > 0 && rrset_next(set, &at, &rdata, &rdata_len); i++) {
        (void)fputs(i > 0 ? "; " : "", file);
        rdata_print(file, set->type, rdata, rdata_len);
    }
    (void)fclose(file);
    return text;
}

/* Reads the current RRset of the type into `buffer` (NODE_ENCODED_MAX); empty if there is none. */
static struct rrset set_now(struct store_txn *txn, const struct dname *owner, uint16_t type,
                            uint8_t *buffer)
{
    struct settings settings;
    struct dname_key key;
    struct node node;
    struct dname lower = *owner;
    dname_lower(&lower);
    if (registry_settings(txn, &settings, NULL) == RESULT_OK &&
        dname_under(&lower, &settings.apex)) {
        dname_key_of(&key, &lower, &settings.apex);
        bool there = registry_node(txn, &key, buffer, &node) == RESULT_OK;
        for (unsigned i = 0; there && i < node.rrset_count; i++) {
            if (node.rrsets[i].type == type) {
                return node.rrsets[i];
            }
        }
    }
    return (struct rrset){ .type = type };
}

enum result recordnote_set(struct session *session, const struct dname *owner,
                           const struct rrset *set, struct diag *diag)
{
    uint8_t buffer[NODE_ENCODED_MAX];
    char name[DNAME_TEXT_MAX], type[RDATA_TYPE_ROOM], subject[DNAME_TEXT_MAX + RDATA_TYPE_ROOM + 1];
    const struct rrset old = set_now(session->txn[STORE_REGISTRY], owner, set->type, buffer);
    char *before = set_text(&old), *after = set_text(set);
    struct diag *own = session->change.diag;
    session->change.diag = diag;
    enum result result = registry_record_set(&session->change, owner, set);
    session->change.diag = own;
    if (result == RESULT_OK && strcmp(before, after) != 0) {
        (void)snprintf(subject, sizeof subject, "%s %s", dname_text(owner, name),
                       rdata_type_text(set->type, type));
        auditnote_add(&session->notes, subject, "%s -> %s", before, after);
    }
    free(before);
    free(after);
    return result;
}
