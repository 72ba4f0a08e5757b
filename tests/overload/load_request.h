/* load_request.h - the requests of tests/overload, and the book of what has arrived of them.
 *
 * A request carries its sender and number in the trace ids of its spans, so the far side can tell
 * what it got: a bit for each span of the small ones, a count for the large. All spans have the
 * same size, so that a large request is written piece by piece and nobody ever holds it whole. Any
 * thread may use all of it.
 */
#ifndef TESTS_OVERLOAD_LOAD_REQUEST_H
#define TESTS_OVERLOAD_LOAD_REQUEST_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SENDERS = 16,     /* well behaved ones: half speak gRPC, half HTTP */
    BIG_SENDERS = 50, /* one request of 60 MiB each */
    FLOOD = SENDERS,  /* the number of the sender that never waits */
    SPANS = 50,       /* of a small request: 60 KB */
    BIG_SPANS = 51200,
    SMALL_MAX = 1 << 20, /* bytes: more than any small one has */
    NUMBERS_MAX = 20000, /* requests of one sender */
    FLOOD_MAX = 600000,  /* requests of the flood */
};

_Noreturn void die(const char *what); /* the test itself cannot go on */

void request_make(Buf *out, uint32_t sender, uint32_t number);

/* A large one: its head, then all of its spans in order. */
void big_head(Buf *out);
void big_spans(Buf *out, uint32_t sender, uint32_t first, uint32_t count);
size_t big_size(void);

void book_open(void);
void book_note(const uint8_t trace_id[16]); /* a span that has arrived */
bool book_has(uint32_t sender, uint32_t number);
bool book_has_big(uint32_t sender);
uint64_t book_spans(void); /* of small requests so far, repeated ones too */

#endif
