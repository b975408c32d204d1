/* Which program this is. */
#ifndef ZONE_VERSION_H
#define ZONE_VERSION_H

/* "0.1.0 (a36eb09)": the release, and the commit that it was built from where that is known. */
const char *version_text(void);

#endif
