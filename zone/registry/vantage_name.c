#include "zone/registry/vantage_name.h"

#include <string.h>

bool vantage_name_fine(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len < VANTAGE_ROOM && name[0] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}
