#include "tools/fleet/followstart.h"

enum followstart followstart_of(const struct ledgerhead *before,
                                const struct ledgerhead_position *mine,
                                const struct ledgerhead_position *found)
{
    enum ledgerhead_relation then = ledgerhead_relate(before, &found->head);
    switch (ledgerhead_relate(&mine->head, &found->head)) {
    case LEDGERHEAD_SAME: /* so nothing has happened since, whatever the history still has */
        return FOLLOWSTART_LEVEL;
    case LEDGERHEAD_NEXT:
    case LEDGERHEAD_AHEAD:
        return mine->cluster == found->cluster && mine->revision < found->revision
                   ? FOLLOWSTART_RESUME
                   : FOLLOWSTART_JOIN;
    case LEDGERHEAD_NEW_EPOCH:
        return FOLLOWSTART_JOIN;
    default:
        return then == LEDGERHEAD_BEHIND || then == LEDGERHEAD_FORKED ? FOLLOWSTART_LOST
                                                                      : FOLLOWSTART_LOOK_AGAIN;
    }
}
