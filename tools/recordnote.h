/* Changes static records and notes the change for the audit trail. */
#ifndef TOOLS_RECORDNOTE_H
#define TOOLS_RECORDNOTE_H

#include "tools/session.h"

/* registry_record_set in the session's registry. Notes the RRset before and after, if it changes.
 * Errors are in `diag`. */
enum result recordnote_set(struct session *session, const struct dname *owner,
                           const struct rrset *set, struct diag *diag);

#endif
