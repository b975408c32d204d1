/* Any octets as a zone file: accepted rdata is valid for its type, and its text form reads back as
 * the same rdata. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/names/rdata.h"
#include "zone/names/zonefile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static FILE *open_text(void *text, size_t len)
{
    FILE *file = fmemopen(text, len, "r");
    ASSERT(file != NULL);
    return file;
}

static struct zonefile_source source_of(FILE *file)
{
    struct zonefile_source from = { .file = file, .path = "fuzz", .default_ttl = 300 };
    ASSERT(dname_parse(&from.origin, "pool.test.", NULL) == RESULT_OK);
    return from;
}

static enum result compare(const struct zonefile_record *again, void *arg, struct diag *)
{
    const struct zonefile_record **record = arg;
    ASSERT(*record != NULL && dname_equal(&again->owner, &(*record)->owner));
    ASSERT(again->type == (*record)->type && again->ttl == (*record)->ttl);
    ASSERT(again->rdata_len == (*record)->rdata_len);
    ASSERT(memcmp(again->rdata, (*record)->rdata, again->rdata_len) == 0);
    *record = NULL;
    return RESULT_OK;
}

static enum result check(const struct zonefile_record *record, void *, struct diag *diag)
{
    uint8_t *packed = xmalloc(record->rdata_len + 2);
    struct rrset_builder builder;
    struct rrset set;
    char *text = NULL;
    size_t len = 0;
    ASSERT(record->ttl <= RDATA_TTL_MAX &&
           rdata_check(record->type, record->rdata, record->rdata_len));
    rrset_begin(&builder, record->type, record->ttl, packed, record->rdata_len + 2);
    rrset_add(&builder, record->rdata, record->rdata_len);
    ASSERT(rrset_end(&builder, &set));
    FILE *out = open_memstream(&text, &len);
    ASSERT(out != NULL && zonefile_print(out, &record->owner, &set) == RESULT_OK &&
           fclose(out) == 0);
    FILE *in = open_text(text, len);
    const struct zonefile_source from = source_of(in);
    ASSERT(zonefile_read(&from, compare, &record, diag) == RESULT_OK && record == NULL);
    (void)fclose(in);
    free(text);
    free(packed);
    return RESULT_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diag diag = { 0 };
    if (size == 0) {
        return 0;
    }
    char *copy = xmalloc(size);
    memcpy(copy, data, size);
    FILE *file = open_text(copy, size);
    const struct zonefile_source from = source_of(file);
    enum result result = zonefile_read(&from, check, NULL, &diag);
    ASSERT(result == RESULT_OK || (result == RESULT_INVALID && diag.text[0] != 0));
    (void)fclose(file);
    free(copy);
    return 0;
}
