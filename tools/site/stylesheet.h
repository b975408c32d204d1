/* The stylesheet of the site, tools/site/style.css, which the build makes a C string. */
#ifndef TOOLS_STYLESHEET_H
#define TOOLS_STYLESHEET_H

extern const char style_css[];

#endif
