/* option_row.h - the options of one command as a table: parsing, errors and help are read from it.
 *
 * An option is written --name=value or --name value, a flag --name; a word that is no option is an
 * argument. "--" ends the options. Errors name the option and the nearest right word.
 */
#ifndef CMD_OPTION_ROW_H
#define CMD_OPTION_ROW_H

#include "base/attributes.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OPTION_WORDS_MAX = 64 };

/* What an option given several times, or the arguments, hold. */
typedef struct OptionWords {
    const char *items[OPTION_WORDS_MAX];
    size_t count;
} OptionWords;

typedef enum OptionType {
    OPTION_TEXT,     /* const char * */
    OPTION_COUNT,    /* uint64_t */
    OPTION_REAL,     /* double */
    OPTION_DURATION, /* int64_t, nanoseconds; 200ms, 5s, 1h30m, 2d */
    OPTION_FLAG,     /* bool */
    OPTION_WORDS,    /* OptionWords; may be given several times */
} OptionType;

typedef struct OptionRow {
    const char *name;  /* "endpoint" */
    const char *value; /* what stands for its value in the help; NULL: a flag */
    OptionType type;
    size_t offset;
    const char *preset;         /* as a user would write it; NULL: nothing, zero */
    const char *help;           /* one line */
    const char *const *choices; /* OPTION_TEXT: one of them, NULL at the end */
} OptionRow;

typedef struct CommandForm {
    const char *name;      /* "send span" */
    const char *arguments; /* "NAME [--option ...]", for the usage line */
    const char *summary;   /* a sentence or two */
    const OptionRow *rows; /* name NULL at the end */
    const char *examples;  /* lines, each indented by two */
} CommandForm;

typedef enum OptionResult { OPTIONS_READ, OPTIONS_HELP, OPTIONS_WRONG } OptionResult;

/* Fills `into` (zeroed) and the arguments. OPTIONS_HELP: --help was among them. */
OptionResult options_read(const CommandForm *form, int argc, char **argv, void *into,
                          OptionWords *arguments, Err *err);

void options_print_help(const CommandForm *form); /* on standard output */

#endif
