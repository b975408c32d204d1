#include "zone/base/version.h"

const char *version_text(void)
{
    return NTSPOOL_COMMIT[0] != '\0' ? NTSPOOL_VERSION " (" NTSPOOL_COMMIT ")" : NTSPOOL_VERSION;
}
