/* Any octets as a server's NTS-KE response. */
#include <stdlib.h>
#include <string.h>

#include "probe/nts_ke.h"
#include "zone/base/result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const uint8_t *data, size_t size, enum nts_ke_offer offer)
{
    struct nts_ke_answer answer;
    char detail[NTS_DETAIL_ROOM] = "";
    bool ended = nts_ke_ended(data, size);
    enum failure failure = nts_ke_parse(&answer, data, size, offer, detail);
    ASSERT(failure == FAILURE_NONE || detail[0] != '\0');
    ASSERT(failure != FAILURE_NONE || (ended && answer.cookie_count > 0 && answer.port != 0));
    ASSERT(failure != FAILURE_NONE || offer == NTS_KE_ALL || answer.aead == 15);
    ASSERT(answer.cookie_count <= NTS_COOKIES && answer.cookie_count <= answer.cookies_seen);
    ASSERT(memchr(answer.server, '\0', sizeof(answer.server)) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    judge(data, size, NTS_KE_REQUIRED);
    judge(data, size, NTS_KE_ALL);
    char words[64];
    nts_ke_describe(data, size, words, sizeof(words));
    ASSERT(memchr(words, '\0', sizeof(words)) != NULL);
    return 0;
}
