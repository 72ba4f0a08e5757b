/* trial.h - what every pair of functions of room compress must stand, whatever its format. */
#ifndef TESTS_COMPRESS_TRIAL_H
#define TESTS_COMPRESS_TRIAL_H

#include "base/buf.h"

typedef struct Coder {
    bool (*expand)(Str in, Buf *out, Err *err);
    bool (*compress)(Str in, Buf *out, Err *err);
    void (*done)(void);
    bool checked;   /* a checksum stands over the content: no flipped bit goes unnoticed */
    bool open_end;  /* a cut at the end of a chunk is not seen */
    size_t context; /* the largest allocation of a context */
} Coder;

enum { SAMPLE_TEXT, SAMPLE_NOISE, SAMPLE_ZEROS, SAMPLE_KINDS, PLENTY = 100 << 20 };

Buf trial_sample(int kind, size_t size);
Buf trial_packed(const Coder *coder, Str plain);
/* Expands `packed` under a ceiling and wants this kind of error; memory is given back. */
void trial_refused(const Coder *coder, Str packed, size_t ceiling, ErrKind kind);
void trial_expands(const Coder *coder, Str packed, Str plain);
/* The largest single allocation while expanding, whatever comes of it. */
size_t trial_largest(const Coder *coder, Str packed, size_t ceiling);

void trial_both_ways(const Coder *coder);     /* sizes and kinds, ceilings that just fit */
void trial_every_cut(const Coder *coder);     /* each prefix is an error with its place */
void trial_every_flip(const Coder *coder);    /* each byte changed in several ways */
void trial_bombs(const Coder *coder);         /* zeros against ceilings, and no block above one */
void trial_small_room(const Coder *coder);    /* compressing into too little */
void trial_behind_others(const Coder *coder); /* appends, and counts what was there */
void trial_starved(const Coder *coder);       /* the n-th allocation fails */
void trial_threads(const Coder *coder);       /* several at once */

#endif
