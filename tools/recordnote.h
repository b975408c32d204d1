/* A change of static records, with its entry of the audit trail. */
#ifndef TOOLS_RECORDNOTE_H
#define TOOLS_RECORDNOTE_H

#include "tools/session.h"

/* registry_record_set in the session's registry, and from what to what. Nothing is noted where
 * nothing changes. */
enum result recordnote_set(struct session *session, const struct dname *owner,
                           const struct rrset *set, struct diag *diag);

#endif
