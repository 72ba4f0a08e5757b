/* command.c - the table of commands and what they share; see command.h. */
#include "cmd/command.h"

#include "base/str.h"

#include <stdio.h>

static const CommandEntry commands[] = {
    { "doctor", "find out why no data arrives", command_doctor },
    { "gen", "make load: spans, data points or log records at a rate", command_gen },
    { "query", "show what is stored: traces, metrics, logs", command_query },
    { "send", "send one span, metric or log record, to see whether it arrives", command_send },
};

const CommandEntry *command_at(size_t index)
{
    return index < COUNT_OF(commands) ? &commands[index] : NULL;
}

const CommandEntry *command_find(const char *word)
{
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        if (str_eq(str_from(commands[i].name), str_from(word)))
            return &commands[i];
    return NULL;
}

bool command_read(const CommandForm *form, int argc, char **argv, void *into,
                  OptionWords *arguments, int *code)
{
    Err err = { 0 };
    switch (options_read(form, argc, argv, into, arguments, &err)) {
    case OPTIONS_READ: return true;
    case OPTIONS_HELP:
        options_print_help(form);
        *code = 0;
        return false;
    case OPTIONS_WRONG: *code = command_misused(form->name, &err); return false;
    }
    return false;
}

int command_failed(const char *name, const Err *err)
{
    fprintf(stderr, "cryostorm %s: %s\n", name, err->text);
    return 1;
}

int command_misused(const char *name, const Err *err)
{
    fprintf(stderr, "cryostorm %s: %s\n", name, err->text);
    return 2;
}
