/* attributes.h - the compiler extensions that the public headers use, all in one place.
 *
 * GCC and Clang only, on Linux. (Attributes of spans are in value.h.)
 */
#ifndef CRYOSTORM_ATTRIBUTES_H
#define CRYOSTORM_ATTRIBUTES_H

#define CRYO_API                __attribute__((visibility("default")))
#define CRYO_CHECKED            __attribute__((warn_unused_result))
#define CRYO_UNUSED             __attribute__((unused))
#define CRYO_PRINTF(text, args) __attribute__((format(printf, text, args)))
/* What the linker calls a function, for all to see. */
#define CRYO_NAMED(symbol) __asm__(symbol) __attribute__((visibility("default")))
/* leave(&variable) runs on every way out of the variable's block. */
#define CRYO_CLEANUP(leave)         __attribute__((cleanup(leave)))
#define CRYO_LIKELY(x)              __builtin_expect(!!(x), 1)
#define CRYO_RELAXED(object)        __atomic_load_n(&(object), __ATOMIC_RELAXED)

#define CRYO_ACQUIRE(object)        __atomic_load_n(&(object), __ATOMIC_ACQUIRE)
#define CRYO_RELEASE(object, value) __atomic_store_n(&(object), value, __ATOMIC_RELEASE)

/* Evaluates `value` once, and what follows with it under `name`. */
#define CRYO_LET(type, name, value, ...) \
    __extension__({                      \
        type name = (value);             \
        __VA_ARGS__;                     \
    })

#define CRYO_PASTE(a, b)    CRYO_PASTE_(a, b)
#define CRYO_PASTE_(a, b)   a##b
#define CRYO_FIRST(...)     CRYO_FIRST_(__VA_ARGS__, 0)
#define CRYO_FIRST_(a, ...) a

#ifdef __cplusplus
#define CRYO_BEGIN extern "C" {
#define CRYO_END   }
#else
#define CRYO_BEGIN
#define CRYO_END
#endif

#endif
