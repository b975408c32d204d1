/* What ntspoold and ntspool-feedd tell each other of keys, in files below state/packages. Only
 * ntspoold can open the seal; so it makes packages of keys, and ntspool-feedd carries them.
 *
 *   identity   the identity of this machine's seal, and u64, the package that it has
 *   NAME.box   for the machine NAME: u64, its number, the identity that it is boxed for, the box */
#ifndef ZONE_KEYFILES_H
#define ZONE_KEYFILES_H

#include "zone/fleet/hello.h"
#include "zone/fleet/letter.h"

#define KEYFILES_DIR      "packages"
#define KEYFILES_IDENTITY "identity"
#define KEYFILES_SUFFIX   ".box"

enum {
    KEYFILES_IDENTITY_LEN = HELLO_IDENTITY + 8,
    KEYFILES_HEAD = 8 + HELLO_IDENTITY,
    KEYFILES_BOX_MAX = KEYFILES_HEAD + LETTER_TEXT_MAX
};

/* Opens the directory, which it makes if it is not there. ntspool-feedd is told at its start what
 * it may read: so it must be there then. TOO_LONG, SYSTEM. */
enum result keyfiles_open_dir(const char *state_dir, int *out, struct diag *diag);

#endif
