/* What the process may still do once it faces members: their answers are hostile input, so whoever takes it over shall find no key. */
#ifndef PROBE_RIGHTS_H
#define PROBE_RIGHTS_H

#include "zone/result.h"

/* From now on files can be opened only where the probe needs them: its stores in state_dir, the directory of `trust_file` (NULL: none) and
 * what the C library, TLS and the resolver read of the system; nothing can be executed, no set-user-id gains anything. The stores must be
 * there. Without Landlock in the kernel (Linux 5.13) the file rights alone hold: RESULT_MISSING, which is no reason to stop. */
enum result rights_confine(const char *state_dir, const char *trust_file, struct diag *diag);

#endif
