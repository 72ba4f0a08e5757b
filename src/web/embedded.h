/* embedded.h - the web page's files, which the build put into the program.
 *
 * They were built by Vite (or are the one page that says there is none, CRYO_WITH_UI=OFF),
 * compressed once by gzip and linked in as read-only data: finding one costs a few comparisons, no
 * allocation and no file. Everything handed out lives as long as the program.
 */
#ifndef WEB_EMBEDDED_H
#define WEB_EMBEDDED_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct WebFile {
    Str path;          /* "/index.html" */
    Str content_type;  /* ready for the header */
    Str etag;          /* ready for the header; weak, as it stands for both encodings */
    Str cache_control; /* ready for the header: for ever, or to be asked again */
    Str gzip;          /* the bytes as they are stored */
    size_t size;       /* of the bytes once inflated */
} WebFile;

/* The file of exactly that path, without query or escapes; false when there is none. */
CHECKED bool web_find(Str path, WebFile *out);

/* The files in order of their paths, for whoever wants them all: false once i is past the last. */
CHECKED bool web_at(size_t i, WebFile *out);

#endif
