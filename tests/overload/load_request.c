/* load_request.c - see load_request.h. */
#include "overload/load_request.h"

#include "base/attributes.h"
#include "codec/wire.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 1200, BIG_ID = 1 << 30 /* and more: the sender is one of the large ones */ };

static struct Book {
    atomic_uchar *bits; /* one per span of the small requests */
    atomic_uint big[BIG_SENDERS];
    atomic_ullong spans;
} book;

void die(const char *what)
{
    fprintf(stderr, "overload: %s\n", what);
    exit(2);
}

/* ---- writing ---- */

static void put_u32(char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (char)(value >> (24 - 8 * i));
}

static uint32_t get_u32(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static void add_span(Buf *out, uint32_t sender, uint32_t number, uint32_t which)
{
    char text[TEXT_BYTES], id[16] = { 0 };
    memset(text, 'x', sizeof text);
    put_u32(id, sender + 1);
    put_u32(id + 4, number);
    put_u32(id + 8, which + 1);
    size_t span = wire_open(out, 2);
    wire_add_bytes(out, 1, (Str){ id, 16 });
    wire_add_bytes(out, 2, (Str){ id + 4, 8 });
    wire_add_bytes(out, 5, (Str){ text, sizeof text });
    wire_close(out, span);
}

static void check(const Buf *out)
{
    if (out->failed)
        die("no memory for a request");
}

void request_make(Buf *out, uint32_t sender, uint32_t number)
{
    size_t resource = wire_open(out, 1);
    size_t scope = wire_open(out, 2);
    for (uint32_t i = 0; i < SPANS; i++)
        add_span(out, sender, number, i);
    wire_close(out, scope);
    wire_close(out, resource);
    check(out);
}

void big_spans(Buf *out, uint32_t sender, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++)
        add_span(out, BIG_ID + sender, 0, i);
    check(out);
}

static size_t span_size(void)
{
    Buf span = BUF(2 * TEXT_BYTES);
    big_spans(&span, 0, 0, 1);
    size_t size = span.len;
    buf_free(&span);
    return size;
}

/* Field number and length of a message whose content follows. */
static void add_prefix(Buf *out, uint8_t field, size_t size)
{
    buf_add_byte(out, (char)(field << 3 | 2));
    for (; size > 127; size >>= 7)
        buf_add_byte(out, (char)(size | 128));
    buf_add_byte(out, (char)size);
}

void big_head(Buf *out)
{
    size_t spans = BIG_SPANS * span_size();
    Buf scope = BUF(16);
    add_prefix(&scope, 2, spans);
    add_prefix(out, 1, scope.len + spans);
    buf_add(out, buf_str(&scope));
    buf_free(&scope);
    check(out);
}

size_t big_size(void)
{
    Buf head = BUF(32);
    big_head(&head);
    size_t size = head.len + BIG_SPANS * span_size();
    buf_free(&head);
    return size;
}

/* ---- the book ---- */

void book_open(void)
{
    book.bits = calloc(1, ((size_t)SENDERS * NUMBERS_MAX + FLOOD_MAX) * SPANS / 8 + 1);
    if (!book.bits)
        die("no memory for the book");
}

static size_t bit_of(uint32_t sender, uint32_t number, uint32_t span)
{
    return ((size_t)sender * NUMBERS_MAX + number) * SPANS + span;
}

void book_note(const uint8_t trace_id[16])
{
    uint32_t sender = get_u32(trace_id) - 1, number = get_u32(trace_id + 4),
             span = get_u32(trace_id + 8) - 1;
    if (sender >= BIG_ID && sender - BIG_ID < BIG_SENDERS) {
        atomic_fetch_add(&book.big[sender - BIG_ID], 1);
    } else if (sender <= FLOOD && span < SPANS &&
               number < (uint32_t)(sender == FLOOD ? FLOOD_MAX : NUMBERS_MAX)) {
        size_t bit = bit_of(sender, number, span);
        atomic_fetch_or(&book.bits[bit / 8], (unsigned char)(1u << bit % 8));
        atomic_fetch_add(&book.spans, 1);
    } else {
        die("the far side got a span that nobody has sent");
    }
}

bool book_has(uint32_t sender, uint32_t number)
{
    for (uint32_t span = 0; span < SPANS; span++) {
        size_t bit = bit_of(sender, number, span);
        if (!(atomic_load(&book.bits[bit / 8]) & 1u << bit % 8))
            return false;
    }
    return true;
}

bool book_has_big(uint32_t sender)
{
    return atomic_load(&book.big[sender]) >= BIG_SPANS;
}

uint64_t book_spans(void)
{
    return atomic_load(&book.spans);
}
