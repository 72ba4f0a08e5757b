/* h2_frames.h - HTTP/2 frames by hand, for peers that behave as no library would let them. */
#ifndef TESTS_SUPPORT_H2_FRAMES_H
#define TESTS_SUPPORT_H2_FRAMES_H

#include "base/buf.h"

enum {
    H2_DATA,
    H2_HEADERS,
    H2_PRIORITY,
    H2_RST_STREAM,
    H2_SETTINGS,
    H2_PUSH_PROMISE,
    H2_PING,
    H2_GOAWAY,
    H2_WINDOW_UPDATE,
    H2_CONTINUATION
};

enum { H2_END_STREAM = 1, H2_ACK = 1, H2_END_HEADERS = 4 };

#define H2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
/* HPACK without Huffman or dynamic table: GET / and POST /, authority x. */
#define H2_GET  "\x82\x86\x84\x01\x01x"
#define H2_POST "\x83\x86\x84\x01\x01x"

typedef struct H2Frame {
    uint8_t type, flags;
    uint32_t id;
} H2Frame;

void h2_add(Buf *out, H2Frame frame, Str payload);
void h2_add_start(Buf *out); /* the preface and an empty SETTINGS */
/* How many frames of that type are in what a server sent; the last one's payload in *last. */
size_t h2_count(Str bytes, uint8_t type, Str *last);

#endif
