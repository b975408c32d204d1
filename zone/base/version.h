/* The version of the programs. */
#ifndef ZONE_VERSION_H
#define ZONE_VERSION_H

/* "0.1.0 (a36eb09)": the release, and the commit if the build knows it. */
const char *version_text(void);

#endif
