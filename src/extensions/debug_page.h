/* debug_page.h - what zpages and pprof share: a port for people who look inside, and HTML for them.
 *
 * Such a port shows names of components and numbers to whoever reaches it, so Host and Origin are
 * checked against the loopback names and `allowed_hosts`, and listening beyond this machine is
 * warned of. Pages are without scripts, and everything that came from outside is escaped.
 */
#ifndef EXTENSIONS_DEBUG_PAGE_H
#define EXTENSIONS_DEBUG_PAGE_H

#include "config/field.h"
#include "net/server.h"
#include "pipe/listen_settings.h"

enum { DEBUG_PAGE_MAX = 4 << 20 };

/* Ready for routes; then debug_listen. */
CHECKED bool debug_open(Listener *listener, const ListenSettings *settings,
                        const TextList *allowed_hosts, Host *host, Err *err);
CHECKED bool debug_listen(Listener *listener, Err *err);

void html_text(Buf *out, Str text); /* escaped */
void html_begin(Buf *out, Str title);
void html_end(Buf *out);

/* Ends the request with a page, which is moved out, or with a sentence. */
void debug_answer_page(Request *request, Buf *page);
void debug_answer_text(Request *request, int status, Str sentence);

#endif
