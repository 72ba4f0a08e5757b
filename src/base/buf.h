/* buf.h - owned bytes that grow up to a ceiling.
 *
 * Failure is sticky: append freely and ask buf_ok() once at the end. A Buf that failed keeps what
 * it had before and takes nothing more.
 *
 * A Buf with a purse (budget.h) charges its capacity there before it takes the memory, and gives it
 * back when it is freed. What is charged travels with the struct: who moves the Buf moves the
 * charge.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/attributes.h"
#include "base/budget.h"
#include "base/err.h"
#include "base/str.h"

#include <stdarg.h>

typedef struct Buf {
    char *ptr;
    size_t len, cap, max;
    Purse *purse;     /* NULL: charged to nobody */
    bool forced;      /* grows whatever the budget says: for what is held already */
    bool failed;      /* sticky */
    bool over_max;    /* why it failed: the ceiling; */
    bool over_budget; /* the budget; neither: the allocator */
} Buf;

#define BUF(ceiling) ((Buf){ .max = (ceiling) })

void buf_add(Buf *buf, Str s);
void buf_add_byte(Buf *buf, char byte);
void buf_addf(Buf *buf, const char *format, ...) PRINTF(2, 3);
void buf_addv(Buf *buf, const char *format, va_list args) PRINTF(2, 0);
void buf_add_utf8(Buf *buf, uint32_t code); /* what is no code point: U+FFFD */
void buf_add_hex(Buf *buf, const void *bytes, size_t count);

/* Room for `extra` more bytes at ptr + len, or NULL (and failed). The caller then raises len. */
char *buf_reserve(Buf *buf, size_t extra);

/* The same, without the spare room that growing adds: where the size is known or a good guess. */
char *buf_reserve_exact(Buf *buf, size_t extra);

void buf_drop_front(Buf *buf, size_t count); /* moves the rest down */
void buf_clear(Buf *buf);                    /* len 0, not failed, memory kept */
void buf_shrink(Buf *buf);                   /* gives memory back when more than half is unused */
void buf_free(Buf *buf);                     /* back to an empty Buf, same ceiling and purse */

/* From now on charged to that purse instead of the one before, which may be NULL, as may purse.
 * False: the budget has no room, and nothing has changed; within one budget there always is. */
CHECKED bool buf_charge(Buf *buf, Purse *purse);
void buf_charge_forced(Buf *buf, Purse *purse); /* the same, whatever the budget says */

Str buf_str(const Buf *buf);
CHECKED bool buf_ok(const Buf *buf, Err *err);

/* Adds a zero byte behind the text (not counted in len) and returns it; NULL when failed. */
const char *buf_text(Buf *buf);

#endif
