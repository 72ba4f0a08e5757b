/* trial.c - see trial.h. */
#include "compress/trial.h"

#include "base/mem.h"
#include "base/random.h"
#include "base/thread.h"
#include "net/encoding.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BOMB = 5000000, THREADS = 4, ROUNDS = 50 };

/* ---- making ---- */

Buf trial_sample(int kind, size_t size)
{
    static const char *const words[] = { "http.request.method", "GET", "service.name", "shop " };
    Random random;
    random_seed(&random, size);
    Buf out = BUF(PLENTY);
    while (kind == SAMPLE_TEXT && out.len < size)
        buf_add(&out, str_from(words[random_below(&random, COUNT_OF(words))]));
    while (kind == SAMPLE_NOISE && out.len < size)
        buf_add_byte(&out, (char)random_below(&random, 256));
    while (kind == SAMPLE_ZEROS && out.len < size)
        buf_add_byte(&out, 0);
    assert_false(out.failed);
    out.len = size;
    return out;
}

Buf trial_packed(const Coder *coder, Str plain)
{
    Err err = { 0 };
    Buf out = BUF(encoding_most(plain.len));
    assert_true(coder->compress(plain, &out, &err));
    return out;
}

void trial_expands(const Coder *coder, Str packed, Str plain)
{
    Err err = { 0 };
    Buf out = BUF(plain.len); /* exactly enough */
    if (!coder->expand(packed, &out, &err))
        fail_msg("%s", err.text);
    assert_true(str_eq(buf_str(&out), plain));
    buf_free(&out);
}

void trial_refused(const Coder *coder, Str packed, size_t ceiling, ErrKind kind)
{
    Err err = { 0 };
    Buf out = BUF(ceiling);
    assert_false(coder->expand(packed, &out, &err));
    if (err.kind != kind)
        fail_msg("%s, not %s: %s", err_kind_name(err.kind), err_kind_name(kind), err.text);
    assert_true(out.cap <= ceiling);
    buf_free(&out);
}

/* ---- the largest allocation ---- */

static size_t largest;

static void *watched_grow(void *context, void *old, size_t size)
{
    (void)context;
    largest = size > largest ? size : largest;
    return realloc(old, size);
}

static void watched_release(void *context, void *ptr)
{
    (void)context;
    free(ptr);
}

size_t trial_largest(const Coder *coder, Str packed, size_t ceiling)
{
    static const MemHook hook = { watched_grow, watched_release, NULL };
    Err err;
    Buf out = BUF(ceiling);
    coder->done();
    largest = 0;
    mem_set_hook(&hook);
    (void)!coder->expand(packed, &out, &err);
    buf_free(&out);
    coder->done();
    mem_set_hook(NULL);
    return largest;
}

/* ---- trials ---- */

void trial_both_ways(const Coder *coder)
{
    static const size_t sizes[] = { 0,     1,     2,     15,     16,     100,    1023,  1024,
                                    65535, 65536, 65537, 131072, 262144, 262145, 700000 };
    for (int kind = 0; kind < SAMPLE_KINDS; kind++) {
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            Buf plain = trial_sample(kind, sizes[i]);
            Buf packed = trial_packed(coder, buf_str(&plain));
            trial_expands(coder, buf_str(&packed), buf_str(&plain));
            if (plain.len > 0)
                trial_refused(coder, buf_str(&packed), plain.len - 1, ERR_LIMIT);
            buf_free(&packed);
            buf_free(&plain);
        }
    }
}

static void check_cut(const Coder *coder, Str packed, Str plain)
{
    Err err = { 0 };
    Buf out = BUF(PLENTY);
    bool ok = coder->expand(packed, &out, &err);
    if (ok) {
        assert_true(coder->open_end && out.len < plain.len);
        assert_true(str_eq(buf_str(&out), str_first(plain, out.len)));
    } else {
        assert_int_equal(err.kind, ERR_INPUT);
        assert_non_null(strstr(err.text, "byte "));
    }
    buf_free(&out);
}

void trial_every_cut(const Coder *coder)
{
    Buf plain = trial_sample(SAMPLE_TEXT, 3000), noise = trial_sample(SAMPLE_NOISE, 70000);
    Buf packed = trial_packed(coder, buf_str(&plain));
    for (size_t len = 0; len < packed.len; len++)
        check_cut(coder, str_first(buf_str(&packed), len), buf_str(&plain));
    buf_free(&packed);
    packed = trial_packed(coder, buf_str(&noise)); /* stored, and more than one block */
    for (size_t len = 0; len < packed.len; len += len < 100 || packed.len - len < 100 ? 1 : 97)
        check_cut(coder, str_first(buf_str(&packed), len), buf_str(&noise));
    buf_free(&packed);
    buf_free(&noise);
    buf_free(&plain);
}

static void check_flipped(const Coder *coder, Str packed, Str plain)
{
    Err err = { 0 };
    char *exact = malloc(packed.len); /* where the address sanitizer sees a step too far */
    assert_non_null(exact);
    memcpy(exact, packed.ptr, packed.len);
    Buf out = BUF(10000);
    bool ok = coder->expand((Str){ exact, packed.len }, &out, &err);
    if (ok && coder->checked && out.len) /* empty: a frame that became one to be skipped */
        assert_true(str_eq(buf_str(&out), plain));
    if (!ok)
        assert_true(err.kind == ERR_INPUT || err.kind == ERR_LIMIT);
    buf_free(&out);
    free(exact);
}

void trial_every_flip(const Coder *coder)
{
    static const unsigned char changes[] = { 1, 2, 4, 8, 16, 32, 64, 128, 255 };
    Buf plain = trial_sample(SAMPLE_TEXT, 2000);
    Buf packed = trial_packed(coder, buf_str(&plain));
    for (size_t at = 0; at < packed.len; at++) {
        for (size_t i = 0; i < COUNT_OF(changes); i++) {
            packed.ptr[at] = (char)(packed.ptr[at] ^ changes[i]);
            check_flipped(coder, buf_str(&packed), buf_str(&plain));
            packed.ptr[at] = (char)(packed.ptr[at] ^ changes[i]);
        }
    }
    buf_free(&packed);
    buf_free(&plain);
}

void trial_bombs(const Coder *coder)
{
    static const size_t ceilings[] = { 0, 1, 1000, 4096, 65536, 262144, 300000, 4000000, BOMB - 1 };
    Buf zeros = trial_sample(SAMPLE_ZEROS, BOMB);
    Buf bomb = trial_packed(coder, buf_str(&zeros));
    assert_true(bomb.len < BOMB / 15);
    for (size_t i = 0; i < COUNT_OF(ceilings); i++) {
        trial_refused(coder, buf_str(&bomb), ceilings[i], ERR_LIMIT);
        size_t most = ceilings[i] > coder->context ? ceilings[i] : coder->context;
        assert_true(trial_largest(coder, buf_str(&bomb), ceilings[i]) <= most);
    }
    trial_expands(coder, buf_str(&bomb), buf_str(&zeros));
    buf_free(&bomb);
    buf_free(&zeros);
}

void trial_small_room(const Coder *coder)
{
    static const size_t rooms[] = { 0, 1, 10, 1000, 60000 };
    Buf noise = trial_sample(SAMPLE_NOISE, 70000);
    for (size_t i = 0; i < COUNT_OF(rooms); i++) {
        Err err = { 0 };
        Buf out = BUF(rooms[i]);
        assert_false(coder->compress(buf_str(&noise), &out, &err));
        assert_int_equal(err.kind, ERR_LIMIT);
        assert_true(out.cap <= rooms[i]);
        buf_free(&out);
    }
    buf_free(&noise);
}

void trial_behind_others(const Coder *coder)
{
    Err err = { 0 };
    Buf plain = trial_sample(SAMPLE_TEXT, 100000), packed = BUF(PLENTY);
    buf_add(&packed, STR("head"));
    assert_true(coder->compress(buf_str(&plain), &packed, &err));
    assert_true(str_starts(buf_str(&packed), STR("head")));
    Str body = str_skip(buf_str(&packed), 4);
    Buf out = BUF(4 + plain.len), small = BUF(3 + plain.len);
    buf_add(&out, STR("more"));
    buf_add(&small, STR("more"));
    assert_true(coder->expand(body, &out, &err));
    assert_true(str_starts(buf_str(&out), STR("more")));
    assert_true(str_eq(str_skip(buf_str(&out), 4), buf_str(&plain)));
    assert_false(coder->expand(body, &small, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    buf_free(&small);
    buf_free(&out);
    buf_free(&packed);
    buf_free(&plain);
}

static const Coder *hungry;
static Buf food;

static bool there_and_back(const Coder *coder, Err *err)
{
    Buf packed = BUF(encoding_most(food.len)), out = BUF(food.len);
    bool ok =
        coder->compress(buf_str(&food), &packed, err) && coder->expand(buf_str(&packed), &out, err);
    bool same = str_eq(buf_str(&food), buf_str(&out));
    buf_free(&packed);
    buf_free(&out);
    return ok && same;
}

static void eat(void)
{
    Err err = { 0 };
    bool ok = there_and_back(hungry, &err);
    assert_int_equal(err.kind, ok ? ERR_NONE : ERR_MEMORY);
    hungry->done();
}

void trial_starved(const Coder *coder)
{
    coder->done();
    starve_after(-1);
    hungry = coder;
    food = trial_sample(SAMPLE_TEXT, 300000);
    assert_true(starve_every(eat) >= 2); /* both outputs; -1: something was left */
    buf_free(&food);
}

static void work(void *argument)
{
    for (size_t i = 0; i < ROUNDS; i++) {
        Err err;
        if (!there_and_back(argument, &err))
            abort();
    }
}

void trial_threads(const Coder *coder)
{
    Coder copy = *coder;
    Thread threads[THREADS] = { 0 };
    Err err = { 0 };
    food = trial_sample(SAMPLE_TEXT, 20000);
    for (size_t i = 0; i < THREADS; i++)
        assert_true(thread_start(&threads[i], "trial", work, &copy, &err));
    for (size_t i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    coder->done();
    buf_free(&food);
}
