/* attributes.h - the compiler extensions that the house allows, all in one place. */
#ifndef BASE_ATTRIBUTES_H
#define BASE_ATTRIBUTES_H

#define CHECKED      __attribute__((warn_unused_result))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define COLD         __attribute__((cold, noinline))
#define PURE         __attribute__((pure))
#define LIKELY(x)    __builtin_expect(!!(x), 1)
#define UNLIKELY(x)  __builtin_expect(!!(x), 0)

/* A thread-local that costs one load, also inside the shared library; only for a few words. */
#define INITIAL_EXEC __attribute__((tls_model("initial-exec")))

/* The type of an expression, or of a function that is declared elsewhere. */
#define TYPE_OF(x)      __typeof__(x)

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

#endif
