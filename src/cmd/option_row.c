/* option_row.c - see option_row.h. */
#include "cmd/option_row.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"

#include <stdio.h>

static Str name_of(const OptionRow *row)
{
    return str_from(row->name);
}

/* ---- values ------------------------------------------------------------------------------------
 */

static bool none_of(const OptionRow *row, const char *text, Err *err)
{
    const char *nearest = NULL;
    size_t best = 4;
    Buf list = BUF(1 << 10);
    for (const char *const *choice = row->choices; *choice; choice++) {
        buf_addf(&list, "%s%s", list.len ? ", " : "", *choice);
        size_t distance = str_distance(str_from(text), str_from(*choice), best);
        if (distance < best) {
            best = distance;
            nearest = *choice;
        }
    }
    fail(err, ERR_INPUT, "--%s: '%s' is none of %.*s%s%s%s", row->name, text,
         STR_ARG(buf_str(&list)), nearest ? "; did you mean " : "", nearest ? nearest : "",
         nearest ? "?" : "");
    buf_free(&list);
    return false;
}

static bool choose(const OptionRow *row, const char *text, const char **out, Err *err)
{
    *out = text;
    if (!row->choices)
        return true;
    for (const char *const *choice = row->choices; *choice; choice++) {
        if (!str_eq_nocase(str_from(*choice), str_from(text)))
            continue;
        *out = *choice;
        return true;
    }
    return none_of(row, text, err);
}

static bool add_word(const OptionRow *row, OptionWords *words, const char *text, Err *err)
{
    if (words->count == OPTION_WORDS_MAX)
        return fail(err, ERR_INPUT, "--%s was given more than %d times", row->name,
                    OPTION_WORDS_MAX);
    words->items[words->count++] = text;
    return true;
}

static bool take_value(const OptionRow *row, const char *text, void *into, Err *err)
{
    void *member = (char *)into + row->offset;
    Str value = str_from(text);
    switch (row->type) {
    case OPTION_TEXT: return choose(row, text, member, err);
    case OPTION_WORDS: return add_word(row, member, text, err);
    case OPTION_FLAG: *(bool *)member = true; return true;
    case OPTION_COUNT:
        return str_to_u64(value, member) ||
               fail(err, ERR_INPUT, "--%s: '%s' is not a whole number", row->name, text);
    case OPTION_REAL:
        return str_to_double(value, member) ||
               fail(err, ERR_INPUT, "--%s: '%s' is not a number", row->name, text);
    case OPTION_DURATION:
        return duration_parse(value, member) || period_parse(value, member) ||
               fail(err, ERR_INPUT, "--%s: '%s' is not a duration such as 200ms, 5s or 2m",
                    row->name, text);
    }
    return false;
}

/* ---- the command line ---------------------------------------------------------------------------
 */

static const OptionRow *find_row(const OptionRow *rows, Str name)
{
    for (; rows->name; rows++)
        if (str_eq(name_of(rows), name))
            return rows;
    return NULL;
}

static bool unknown_option(const CommandForm *form, Str name, Err *err)
{
    const OptionRow *nearest = NULL;
    size_t best = 4;
    for (const OptionRow *row = form->rows; row->name; row++) {
        size_t distance = str_distance(name, name_of(row), best);
        if (distance < best) {
            best = distance;
            nearest = row;
        }
    }
    if (nearest)
        return fail(err, ERR_INPUT, "--%.*s is unknown; did you mean --%s?", STR_ARG(name),
                    nearest->name);
    return fail(err, ERR_INPUT, "--%.*s is unknown; see cryostorm %s --help", STR_ARG(name),
                form->name);
}

static bool take_option(const CommandForm *form, int argc, char **argv, int *at, void *into,
                        Err *err)
{
    Str name = str_skip(str_from(argv[*at]), 2);
    size_t len = 0;
    while (len < name.len && name.ptr[len] != '=')
        len++;
    const char *value = len < name.len ? name.ptr + len + 1 : NULL;
    name.len = len;
    const OptionRow *row = find_row(form->rows, name);
    if (!row)
        return unknown_option(form, name, err);
    if (row->type == OPTION_FLAG && value)
        return fail(err, ERR_INPUT, "--%s takes no value", row->name);
    if (row->type != OPTION_FLAG && !value) {
        if (*at + 1 == argc)
            return fail(err, ERR_INPUT, "--%s needs %s", row->name, row->value);
        value = argv[++*at];
    }
    return take_value(row, value, into, err);
}

static bool take_presets(const CommandForm *form, void *into, Err *err)
{
    for (const OptionRow *row = form->rows; row->name; row++)
        if (row->preset && !take_value(row, row->preset, into, err))
            return false;
    return true;
}

OptionResult options_read(const CommandForm *form, int argc, char **argv, void *into,
                          OptionWords *arguments, Err *err)
{
    if (!take_presets(form, into, err))
        return OPTIONS_WRONG;
    bool ended = false;
    for (int i = 0; i < argc; i++) {
        Str word = str_from(argv[i]);
        if (!ended && (str_eq(word, STR("--help")) || str_eq(word, STR("-h"))))
            return OPTIONS_HELP;
        if (!ended && str_eq(word, STR("--"))) {
            ended = true;
        } else if (!ended && str_starts(word, STR("--"))) {
            if (!take_option(form, argc, argv, &i, into, err))
                return OPTIONS_WRONG;
        } else if (arguments->count == OPTION_WORDS_MAX) {
            fail(err, ERR_INPUT, "more than %d arguments", OPTION_WORDS_MAX);
            return OPTIONS_WRONG;
        } else {
            arguments->items[arguments->count++] = argv[i];
        }
    }
    return OPTIONS_READ;
}

void options_print_help(const CommandForm *form)
{
    printf("%s\n\nusage: cryostorm %s %s\n\noptions\n", form->summary, form->name, form->arguments);
    for (const OptionRow *row = form->rows; row->name; row++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", row->name, row->value ? " " : "",
                 row->value ? row->value : "");
        printf("  %-28s %s", left, row->help);
        if (row->preset && *row->preset)
            printf(" (%s)", row->preset);
        printf("\n");
    }
    printf("\nexamples\n%s", form->examples);
}
