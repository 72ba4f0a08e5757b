/* field.h - settings, declared once as a table of rows.
 *
 * Parsing, range checks, error text, the reference page and the JSON schema all read the same rows,
 * so they cannot disagree. Presets and bounds are written the way a user would write them and go
 * through the same parser. A row's macro refuses to compile when the struct's member has another C
 * type. Tables nest (SECTION), repeat (lists and maps of anything) and end with { 0 }:
 *
 *     static const ConfigField grpc_fields[] = {
 *         ENDPOINT(Grpc, endpoint, "localhost:4317", "Where to listen."),
 *         { 0 },
 *     };
 *     static const ConfigField fields[] = {
 *         OPTIONAL_SECTION(Receiver, grpc, Grpc, grpc_fields, "OTLP over gRPC."),
 *         DURATION(Receiver, timeout, "5s", "1ms", "1h", "Give up after this.", .also =
 * "deadline"), LATER("tls", "TLS"), { 0 },
 *     };
 *
 * The last argument of every row is its help, one sentence; row extras may follow it: .name (the
 * key, where it is no C name), .also (older names, comma-separated, accepted with a warning),
 * .check (of texts), .path (of texts that name files: the sandbox lets components reach no others).
 */
#ifndef CONFIG_FIELD_H
#define CONFIG_FIELD_H

#include "base/arena.h"
#include "base/attributes.h"
#include "config/node.h"
#include "config/problem.h"
#include "config/secret.h"

#include <stddef.h>

typedef enum ConfigType {
    CONFIG_NONE, /* the end of the table */
    CONFIG_BOOL,
    CONFIG_COUNT,
    CONFIG_INT,
    CONFIG_NUMBER,
    CONFIG_DURATION,
    CONFIG_SIZE,
    CONFIG_TEXT,
    CONFIG_SECRET,
    CONFIG_CHOICE,
    CONFIG_ANY,
    CONFIG_SECTION,
    CONFIG_OPTIONAL_SECTION,
    CONFIG_LIST,
    CONFIG_MAP,
    CONFIG_RETIRED,
    CONFIG_IGNORED,
    CONFIG_LATER,
} ConfigType;

typedef enum ConfigPath {
    PATH_NONE,
    READS_FILE, /* and files beside it, which may be its next version */
    READS_DIRECTORY,
    WRITES_FILE, /* and files beside it: older ones, and sockets */
    WRITES_DIRECTORY,
    OPENS_SOCKET, /* WRITES_FILE where it begins with '/'; else it is host:port and no path */
} ConfigPath;

typedef struct ConfigField ConfigField;
struct ConfigField {
    const char *key;  /* the struct's member, and the name that the user writes */
    const char *name; /* that name, where it differs from the member's; else NULL */
    ConfigType type, item;
    size_t offset;
    size_t second; /* lists and maps: offset of `count`; optional sections: of their `present` */
    size_t item_size, item_key, item_value; /* lists and maps: of one element */
    const char *preset;                     /* REQUIRED (NULL): the user must give it */
    const char *min, *max;                  /* NULL: the type's own */
    const char *const *choices;             /* names, NULL at the end; the value is the index */
    const ConfigField *table;               /* of the section, or of each element */
    bool (*check)(Str text, Err *err);      /* texts: a rule of their own; err says what is wrong */
    ConfigPath path;  /* texts: a place in the file system; what the component does there */
    const char *also; /* older names */
    const char *help;
};

#define REQUIRED NULL

/* What list and map rows fill. A list or map of sections is any struct with the same two members;
 * a map's sections have a member `Str key`. */
typedef struct TextList {
    Str *items;
    size_t count;
} TextList;
typedef struct CountList {
    uint64_t *items;
    size_t count;
} CountList;
typedef struct NumberList {
    double *items;
    size_t count;
} NumberList;
typedef struct DurationList {
    int64_t *items;
    size_t count;
} DurationList;
typedef struct ChoiceList {
    int *items;
    size_t count;
} ChoiceList;
typedef struct SecretList {
    Secret *items;
    size_t count;
} SecretList;
typedef struct TextPair {
    Str key, value;
} TextPair;
typedef struct TextMap {
    TextPair *items;
    size_t count;
} TextMap;
typedef struct SecretPair {
    Str key;
    Secret value;
} SecretPair;
typedef struct SecretMap {
    SecretPair *items;
    size_t count;
} SecretMap;

/* clang-format off */
/* The offset, refusing to compile unless the member has the row's C type. */
#define CONFIG_AT(T, m, ctype) \
    (offsetof(T, m) + 0 * sizeof(char[_Generic(((T *)0)->m, ctype : 1)]))
#define CONFIG_CHOICE_AT(T, m) \
    (offsetof(T, m) + 0 * sizeof(char[_Generic(((T *)0)->m, int : 1, unsigned : 1)]))
#define CONFIG_ROW(T, m, kind, ctype, ...) \
    { .key = #m, .type = kind, .offset = CONFIG_AT(T, m, ctype), __VA_ARGS__ }
#define CONFIG_ITEMS(T, m, kind, itemkind, ctype, ...) \
    { .key = #m, .type = kind, .item = itemkind, .offset = CONFIG_AT(T, m.items, ctype *), \
      .second = CONFIG_AT(T, m.count, size_t), .item_size = sizeof(ctype), __VA_ARGS__ }

/* One value. p: preset; lo, hi: bounds, or NULL. In order of the member's C type: bool, uint64_t,
 * int64_t, double, int64_t nanoseconds, uint64_t bytes ("512KiB", "10MB", "4096"), Str, Str that is
 * host:port, Secret, int (or an enum) that is the index into `names`. */
#define BOOL(T, m, p, ...) \
    CONFIG_ROW(T, m, CONFIG_BOOL, bool, .preset = p, .help = __VA_ARGS__)
#define COUNT(T, m, p, lo, hi, ...) \
    CONFIG_ROW(T, m, CONFIG_COUNT, uint64_t, .preset = p, .min = lo, .max = hi, \
               .help = __VA_ARGS__)
#define INT(T, m, p, lo, hi, ...) \
    CONFIG_ROW(T, m, CONFIG_INT, int64_t, .preset = p, .min = lo, .max = hi, .help = __VA_ARGS__)
#define NUMBER(T, m, p, lo, hi, ...) \
    CONFIG_ROW(T, m, CONFIG_NUMBER, double, .preset = p, .min = lo, .max = hi, \
               .help = __VA_ARGS__)
#define DURATION(T, m, p, lo, hi, ...) \
    CONFIG_ROW(T, m, CONFIG_DURATION, int64_t, .preset = p, .min = lo, .max = hi, \
               .help = __VA_ARGS__)
#define SIZE(T, m, p, lo, hi, ...) \
    CONFIG_ROW(T, m, CONFIG_SIZE, uint64_t, .preset = p, .min = lo, .max = hi, \
               .help = __VA_ARGS__)
#define TEXT(T, m, p, ...) \
    CONFIG_ROW(T, m, CONFIG_TEXT, Str, .preset = p, .help = __VA_ARGS__)
#define ENDPOINT(T, m, p, ...) \
    CONFIG_ROW(T, m, CONFIG_TEXT, Str, .preset = p, .check = config_check_endpoint, \
               .help = __VA_ARGS__)
#define SECRET(T, m, p, ...) \
    CONFIG_ROW(T, m, CONFIG_SECRET, Secret, .preset = p, .help = __VA_ARGS__)
#define CHOICE(T, m, p, names, ...) \
    { .key = #m, .type = CONFIG_CHOICE, .offset = CONFIG_CHOICE_AT(T, m), .preset = p, \
        .choices = names, .help = __VA_ARGS__ }

/* The tree itself (const Node *, NULL when missing), which must then outlive the struct. */
#define ANY(T, m, ...) \
    CONFIG_ROW(T, m, CONFIG_ANY, const Node *, .preset = "", .help = __VA_ARGS__)

/* A struct S inside T with a table of its own. Missing and null both mean its presets; an optional
 * one has a `bool present` that says whether its key was there (null counts). */
#define SECTION(T, m, S, rows, ...) \
    CONFIG_ROW(T, m, CONFIG_SECTION, S, .preset = "", .table = rows, .help = __VA_ARGS__)
#define OPTIONAL_SECTION(T, m, S, rows, ...) \
    CONFIG_ROW(T, m, CONFIG_OPTIONAL_SECTION, S, .preset = "", \
               .second = CONFIG_AT(S, present, bool), .table = rows, .help = __VA_ARGS__)

/* Lists. p: the preset's items, comma-separated, "" for none. A text given for a list is split at
 * its commas. */
#define TEXT_LIST(T, m, p, ...) \
    CONFIG_ITEMS(T, m, CONFIG_LIST, CONFIG_TEXT, Str, .preset = p, .help = __VA_ARGS__)
#define SECRET_LIST(T, m, ...) \
    CONFIG_ITEMS(T, m, CONFIG_LIST, CONFIG_SECRET, Secret, .preset = "", .help = __VA_ARGS__)
#define COUNT_LIST(T, m, p, lo, hi, ...) \
    CONFIG_ITEMS(T, m, CONFIG_LIST, CONFIG_COUNT, uint64_t, .preset = p, .min = lo, .max = hi, \
                 .help = __VA_ARGS__)
#define NUMBER_LIST(T, m, p, lo, hi, ...) \
    CONFIG_ITEMS(T, m, CONFIG_LIST, CONFIG_NUMBER, double, .preset = p, .min = lo, .max = hi, \
                 .help = __VA_ARGS__)
#define DURATION_LIST(T, m, p, lo, hi, ...) \
    CONFIG_ITEMS(T, m, CONFIG_LIST, CONFIG_DURATION, int64_t, .preset = p, .min = lo, .max = hi, \
                 .help = __VA_ARGS__)
#define CHOICE_LIST(T, m, p, names, ...) \
    CONFIG_ITEMS(T, m, CONFIG_LIST, CONFIG_CHOICE, int, .preset = p, .choices = names, \
                 .help = __VA_ARGS__)
#define SECTION_LIST(T, m, S, rows, ...) \
    CONFIG_ITEMS(T, m, CONFIG_LIST, CONFIG_SECTION, S, .preset = "", .table = rows, \
                 .help = __VA_ARGS__)

/* Maps from any key; the order of the file is kept. */
#define TEXT_MAP(T, m, ...) \
    CONFIG_ITEMS(T, m, CONFIG_MAP, CONFIG_TEXT, TextPair, .preset = "", \
                 .item_value = offsetof(TextPair, value), .help = __VA_ARGS__)
#define SECRET_MAP(T, m, ...) \
    CONFIG_ITEMS(T, m, CONFIG_MAP, CONFIG_SECRET, SecretPair, .preset = "", \
                 .item_value = offsetof(SecretPair, value), .help = __VA_ARGS__)
#define SECTION_MAP(T, m, S, rows, ...) \
    CONFIG_ITEMS(T, m, CONFIG_MAP, CONFIG_SECTION, S, .preset = "", \
                 .item_key = CONFIG_AT(S, key, Str), .table = rows, .help = __VA_ARGS__)

/* Keys without a member. RETIRED: accepted with a warning; the text says what replaced it. IGNORED:
 * accepted with a warning; the text says why it has no effect here. LATER: refused; the text names
 * what is not there yet. */
#define RETIRED(n, text) { .key = n, .type = CONFIG_RETIRED, .preset = "", .help = text }
#define IGNORED(n, text) { .key = n, .type = CONFIG_IGNORED, .preset = "", .help = text }
#define LATER(n, text)   { .key = n, .type = CONFIG_LATER, .preset = "", .help = text }
/* clang-format on */

/* Fills the members that the table names: presets first, then the tree (NULL: presets only). Notes
 * every error and warning and goes on; true when it noted no error. Texts are copied into the arena
 * and are followed by a zero byte. */
bool config_load(const ConfigField *table, const Node *node, void *into, Arena *arena,
                 Problems *problems);

const char *config_key(const ConfigField *field); /* as the user writes it */

/* The row of that key or older name; NULL: none. */
const ConfigField *config_find(const ConfigField *table, Str key);

/* The key of the table nearest to a misspelt one, NULL where none is near. */
const char *config_nearest(const ConfigField *table, Str key);

/* host:port, [::1]:port or :port, with a port from 0 to 65535. */
CHECKED bool config_check_endpoint(Str text, Err *err);

#endif
