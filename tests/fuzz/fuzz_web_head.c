/* Any octets as the head of a web server's response to a foreign Host. */
#include "probe/web_dialog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char detail[NTS_DETAIL_ROOM];
    memset(detail, 'x', sizeof(detail));
    if (web_serves_foreign((const char *)data, size, detail)) {
        size_t len = strnlen(detail, sizeof(detail));
        ASSERT(len > 0 && len < sizeof(detail) && detail[0] != 'x');
    }
    return 0;
}
