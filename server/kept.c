#include "server/kept.h"

static uint64_t member_id_of(const struct kept_key *key)
{
    struct reader r = reader_of(key->row, key->row_len);
    return read_u8(&r) == NODE_MEMBER ? read_u64(&r) : 0;
}

struct kept *kept_place(struct kept *table, const struct kept_key *key)
{
    unsigned kind = key->type == RR_A ? 0 : key->type == RR_AAAA ? 1 : 2;
    uint64_t member_id = member_id_of(key);
    if (member_id == 0 || key->row_len > KEPT_ROW_MAX || (kind == 2 && key->type != RR_CAA)) {
        return NULL;
    }
    /* Ids are dense, so members meet in one place only when there are more than a quarter of KEPT_ENTRIES. */
    return &table[(member_id * 4 + kind) % KEPT_ENTRIES];
}

bool kept_holds(const struct kept *kept, const struct kept_key *key)
{
    return kept->style == key->view->style && kept->type == key->type &&
           kept->made_at <= key->now && key->now - kept->made_at < VIEW_AGE_MAX_S &&
           kept->row_len == key->row_len && memcmp(kept->row, key->row, key->row_len) == 0 &&
           kept->left_out == roster_left_out(&key->view->deal->roster, member_id_of(key));
}

bool kept_fill(struct kept *kept, const struct kept_key *key, const struct dname *owner,
               const struct rrset *set, struct signer *signer)
{
    uint8_t scratch[SIGNER_SCRATCH];
    struct rrset signatures;
    const struct block_parts parts = { NULL, set, &signatures, 0 };
    kept->style = 0;
    if (set->rdata_len > KEPT_RDATA_MAX ||
        signer_sign(signer, owner, set, key->now, scratch, &signatures) != RESULT_OK ||
        !block_make(&kept->block, kept->wire, sizeof(kept->wire), &key->view->settings.apex,
                    &parts)) {
        return false;
    }
    kept->set = *set;
    memcpy(kept->rdata, set->rdata, set->rdata_len);
    kept->set.rdata = kept->rdata;
    kept->type = key->type;
    kept->left_out = roster_left_out(&key->view->deal->roster, member_id_of(key));
    memcpy(kept->row, key->row, key->row_len);
    kept->row_len = (uint8_t)key->row_len;
    kept->made_at = key->now;
    kept->style = key->view->style;
    return true;
}
