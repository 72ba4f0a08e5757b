/* value.h - text, values and attributes: small structs on the caller's stack.
 *
 * An attribute is a key and a value: text, a truth value, a 64-bit integer, a double, bytes, an
 * array of one of the first four, or an array or a map of any values. Write a list of them as keys
 * and values in turn,
 *
 *     cryo_span_set(span, CRYO_ATTRS("http.request.method", method, "retries", 3));
 *
 * Each value's C type decides (_Generic): char * is text up to its zero byte, CryoString is text
 * with a length, bool is a truth value, every integer type is an integer (an unsigned one beyond
 * INT64_MAX wraps), float and double are doubles. Two traps of C17: `true` and `a == b` are of type
 * int, so write CRYO_BOOL(a == b); and a list takes at most 16 pairs. The macros are C's: C++ fills
 * in arrays of CryoAttr with cryo_text(), cryo_integer() and so on.
 *
 * Maps and mixed arrays nest:
 *
 *     CRYO_MAP_OF("id", 5, "lines", CRYO_ARRAY_OF("tea", 2, CRYO_MAP_OF("price", 3.5)))
 *
 * up to CRYO_DEPTH_MAX of them in one another, with at most CRYO_MAP_MAX pairs in each map (a key
 * again replaces its value; it may be empty). They cost more than the plain values, and the macros
 * grow with each level: deep ones are better built with cryo_map() and cryo_values(). A metric's
 * attributes cannot be such values: there they are left out and counted.
 *
 * Nothing here owns memory or allocates. A call that takes attributes copies what it keeps, so all
 * of it need only live until that call returns; a pointer may be NULL where its length is 0. Keys
 * must not be empty (such a pair is dropped and counted) and hold at most CRYO_KEY_MAX bytes. Text
 * should be UTF-8; what is not is repaired when it is sent. A value takes at most 1 MiB: longer
 * text is cut, longer bytes, arrays and maps are dropped and counted, and so is, as a whole, what
 * nests too deep or has too many pairs.
 * (OpenTelemetry specification: Common, "Attribute".)
 */
#ifndef CRYOSTORM_VALUE_H
#define CRYOSTORM_VALUE_H

#include <cryostorm/attributes.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

CRYO_BEGIN

enum { CRYO_KEY_MAX = 255, CRYO_DEPTH_MAX = 16, CRYO_MAP_MAX = 256 };

typedef struct CryoString {
    const char *ptr; /* no zero byte needed at the end */
    size_t len;
} CryoString;

typedef enum CryoType {
    CRYO_EMPTY,
    CRYO_STRING,
    CRYO_BOOLEAN,
    CRYO_INTEGER,
    CRYO_DOUBLE,
    CRYO_BYTES,
    CRYO_STRING_ARRAY,
    CRYO_BOOLEAN_ARRAY,
    CRYO_INTEGER_ARRAY,
    CRYO_DOUBLE_ARRAY,
    CRYO_VALUE_ARRAY, /* of any values */
    CRYO_MAP,
} CryoType;

typedef struct CryoAttr CryoAttr;

typedef struct CryoAttrs {
    const CryoAttr *ptr;
    size_t count;
} CryoAttrs;

typedef struct CryoValue {
    CryoType type;
    uint32_t reserved; /* 0 */
    union {
        bool boolean;
        int64_t integer;
        double real;
        CryoString string; /* CRYO_STRING, CRYO_BYTES */
        struct {
            const void *ptr; /* CryoString, bool, int64_t, double or CryoValue elements */
            size_t count;
        } array;
        CryoAttrs map;
    } as;
} CryoValue;

struct CryoAttr {
    CryoString key;
    CryoValue value;
};

static inline CryoString cryo_str(const char *zero_terminated) /* NULL: empty */
{
    CryoString text = { zero_terminated, zero_terminated ? strlen(zero_terminated) : 0 };
    return text;
}

/* Filled in one piece where the language can say so: a struct that is written twice costs the
 * caller more than all the rest of a call. */
#ifdef __cplusplus
#define CRYO_MAKE_VALUE_(name, type, member, what) \
    CryoValue name = { type, 0, { false } };       \
    name.as.member = what
#else
#define CRYO_MAKE_VALUE_(name, type, member, what) \
    const CryoValue name = { type, 0, { .member = what } }
#endif

static inline CryoValue cryo_string(CryoString text)
{
    CRYO_MAKE_VALUE_(value, CRYO_STRING, string, text);
    return value;
}
static inline CryoValue cryo_text(const char *zero_terminated)
{
    return cryo_string(cryo_str(zero_terminated));
}
static inline CryoValue cryo_boolean(bool truth)
{
    CRYO_MAKE_VALUE_(value, CRYO_BOOLEAN, boolean, truth);
    return value;
}
static inline CryoValue cryo_integer(int64_t integer)
{
    CRYO_MAKE_VALUE_(value, CRYO_INTEGER, integer, integer);
    return value;
}
static inline CryoValue cryo_unsigned(uint64_t integer)
{
    return cryo_integer((int64_t)integer);
}
static inline CryoValue cryo_double(double real)
{
    CRYO_MAKE_VALUE_(value, CRYO_DOUBLE, real, real);
    return value;
}
static inline CryoValue cryo_bytes(const void *ptr, size_t len)
{
    CryoValue value = { CRYO_BYTES, 0, { false } };
    value.as.string.ptr = (const char *)ptr;
    value.as.string.len = len;
    return value;
}
static inline CryoValue cryo_array(CryoType type, const void *ptr, size_t count)
{
    CryoValue value = { type, 0, { false } };
    value.as.array.ptr = ptr;
    value.as.array.count = count;
    return value;
}
static inline CryoValue cryo_strings(const CryoString *ptr, size_t count)
{
    return cryo_array(CRYO_STRING_ARRAY, ptr, count);
}
static inline CryoValue cryo_booleans(const bool *ptr, size_t count)
{
    return cryo_array(CRYO_BOOLEAN_ARRAY, ptr, count);
}
static inline CryoValue cryo_integers(const int64_t *ptr, size_t count)
{
    return cryo_array(CRYO_INTEGER_ARRAY, ptr, count);
}
static inline CryoValue cryo_doubles(const double *ptr, size_t count)
{
    return cryo_array(CRYO_DOUBLE_ARRAY, ptr, count);
}
static inline CryoValue cryo_values(const CryoValue *ptr, size_t count) /* of any types */
{
    return cryo_array(CRYO_VALUE_ARRAY, ptr, count);
}
static inline CryoValue cryo_map(CryoAttrs pairs)
{
    CRYO_MAKE_VALUE_(value, CRYO_MAP, map, pairs);
    return value;
}
static inline CryoValue cryo_same(CryoValue value)
{
    return value;
}

CRYO_END

#define CRYO_BOOL(x) ((bool)(x))

#ifndef __cplusplus
#define CRYO_STR(literal) ((CryoString){ "" literal "", sizeof(literal) - 1 })

/* clang-format off */
#define CRYO_VALUE(x) _Generic((x),                                                                \
    bool: cryo_boolean, char: cryo_integer, signed char: cryo_integer,                             \
    unsigned char: cryo_integer, short: cryo_integer, unsigned short: cryo_integer,                \
    int: cryo_integer, unsigned: cryo_integer, long: cryo_integer, unsigned long: cryo_unsigned,   \
    long long: cryo_integer, unsigned long long: cryo_unsigned, float: cryo_double,                \
    double: cryo_double, char *: cryo_text, const char *: cryo_text, CryoString: cryo_string,      \
    CryoValue: cryo_same, CryoAttrs: cryo_map)(x)

/* An array value of a CryoString, bool, int64_t or double array (not of a pointer to one). */
#define CRYO_ARRAY(a) _Generic((a)[0],                                                             \
    CryoString: cryo_strings, bool: cryo_booleans, int64_t: cryo_integers, double: cryo_doubles)(  \
    (a), sizeof(a) / sizeof((a)[0]))

/* A list of attributes; it lives until the end of the enclosing block. */
#define CRYO_ATTRS(...)                                                                            \
    ((CryoAttrs){ (const CryoAttr[]){ CRYO_PASTE(CRYO_P_, CRYO_ARGS_(__VA_ARGS__))(__VA_ARGS__) }, \
                  CRYO_ARGS_(__VA_ARGS__) / 2 })

/* A map as a value, and an array of 1 to 16 values of any types; they live as long. */
#define CRYO_MAP_OF(...) cryo_map(CRYO_ATTRS(__VA_ARGS__))
#define CRYO_ARRAY_OF(...)                                                                         \
    cryo_values(                                                                                   \
        (const CryoValue[]){ CRYO_PASTE(CRYO_V_, CRYO_ARGS_(__VA_ARGS__))(__VA_ARGS__) },          \
        CRYO_ARGS_(__VA_ARGS__))

/* How that is spelled for 1 to 16 pairs; an odd number of arguments does not compile. */
#define CRYO_P_2(k, v)       { cryo_str(k), CRYO_VALUE(v) }
#define CRYO_P_4(k, v, ...)  CRYO_P_2(k, v), CRYO_P_2(__VA_ARGS__)
#define CRYO_P_6(k, v, ...)  CRYO_P_2(k, v), CRYO_P_4(__VA_ARGS__)
#define CRYO_P_8(k, v, ...)  CRYO_P_2(k, v), CRYO_P_6(__VA_ARGS__)
#define CRYO_P_10(k, v, ...) CRYO_P_2(k, v), CRYO_P_8(__VA_ARGS__)
#define CRYO_P_12(k, v, ...) CRYO_P_2(k, v), CRYO_P_10(__VA_ARGS__)
#define CRYO_P_14(k, v, ...) CRYO_P_2(k, v), CRYO_P_12(__VA_ARGS__)
#define CRYO_P_16(k, v, ...) CRYO_P_2(k, v), CRYO_P_14(__VA_ARGS__)
#define CRYO_P_18(k, v, ...) CRYO_P_2(k, v), CRYO_P_16(__VA_ARGS__)
#define CRYO_P_20(k, v, ...) CRYO_P_2(k, v), CRYO_P_18(__VA_ARGS__)
#define CRYO_P_22(k, v, ...) CRYO_P_2(k, v), CRYO_P_20(__VA_ARGS__)
#define CRYO_P_24(k, v, ...) CRYO_P_2(k, v), CRYO_P_22(__VA_ARGS__)
#define CRYO_P_26(k, v, ...) CRYO_P_2(k, v), CRYO_P_24(__VA_ARGS__)
#define CRYO_P_28(k, v, ...) CRYO_P_2(k, v), CRYO_P_26(__VA_ARGS__)
#define CRYO_P_30(k, v, ...) CRYO_P_2(k, v), CRYO_P_28(__VA_ARGS__)
#define CRYO_P_32(k, v, ...) CRYO_P_2(k, v), CRYO_P_30(__VA_ARGS__)
#define CRYO_V_1(v)       CRYO_VALUE(v)
#define CRYO_V_2(v, ...)  CRYO_VALUE(v), CRYO_V_1(__VA_ARGS__)
#define CRYO_V_3(v, ...)  CRYO_VALUE(v), CRYO_V_2(__VA_ARGS__)
#define CRYO_V_4(v, ...)  CRYO_VALUE(v), CRYO_V_3(__VA_ARGS__)
#define CRYO_V_5(v, ...)  CRYO_VALUE(v), CRYO_V_4(__VA_ARGS__)
#define CRYO_V_6(v, ...)  CRYO_VALUE(v), CRYO_V_5(__VA_ARGS__)
#define CRYO_V_7(v, ...)  CRYO_VALUE(v), CRYO_V_6(__VA_ARGS__)
#define CRYO_V_8(v, ...)  CRYO_VALUE(v), CRYO_V_7(__VA_ARGS__)
#define CRYO_V_9(v, ...)  CRYO_VALUE(v), CRYO_V_8(__VA_ARGS__)
#define CRYO_V_10(v, ...) CRYO_VALUE(v), CRYO_V_9(__VA_ARGS__)
#define CRYO_V_11(v, ...) CRYO_VALUE(v), CRYO_V_10(__VA_ARGS__)
#define CRYO_V_12(v, ...) CRYO_VALUE(v), CRYO_V_11(__VA_ARGS__)
#define CRYO_V_13(v, ...) CRYO_VALUE(v), CRYO_V_12(__VA_ARGS__)
#define CRYO_V_14(v, ...) CRYO_VALUE(v), CRYO_V_13(__VA_ARGS__)
#define CRYO_V_15(v, ...) CRYO_VALUE(v), CRYO_V_14(__VA_ARGS__)
#define CRYO_V_16(v, ...) CRYO_VALUE(v), CRYO_V_15(__VA_ARGS__)
#define CRYO_ARGS_(...)                                                                            \
    CRYO_NTH_(__VA_ARGS__, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, \
              14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define CRYO_NTH_(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, \
                  a19, a20, a21, a22, a23, a24, a25, a26, a27, a28, a29, a30, a31, a32, n, ...)    \
    n
/* clang-format on */
#endif /* __cplusplus */

#endif
