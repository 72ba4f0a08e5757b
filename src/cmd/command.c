/* command.c - the table of commands and what they share; see command.h. */
#include "cmd/command.h"

#include "base/str.h"

#include <stdio.h>

static const CommandEntry commands[] = {
    { "components", "list the components of this program, and their settings", command_components },
    { "doctor", "find out why no data arrives", command_doctor },
    { "explain", "what one setting means: type, default, range, example", command_explain },
    { "gen", "make load: spans, data points or log records at a rate", command_gen },
    { "graph", "draw the pipelines of a configuration, as text or SVG", command_graph },
    { "init", "write a commented configuration to begin with", command_init },
    { "print-config", "show what a configuration came to, secrets hidden", command_print_config },
    { "print-initial-config", NULL, command_print_config },
    { "query", "show what is stored: traces, metrics, logs", command_query },
    { "schema", "write the JSON Schema of the configuration, for editors", command_schema },
    { "send", "send one span, metric or log record, to see whether it arrives", command_send },
    { "validate", "check a configuration and the files it names, and tell all mistakes",
      command_validate },
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

bool command_no_arguments(const CommandForm *form, const OptionWords *arguments, int *code)
{
    Err err = { 0 };
    if (!arguments->count)
        return true;
    fail(&err, ERR_INPUT, "'%s' is no option; see cryostorm %s --help", arguments->items[0],
         form->name);
    *code = command_misused(form->name, &err);
    return false;
}

int command_write(const char *name, const Buf *text, const Err *err)
{
    Err failed = *err;
    if (text->len && !text->failed && fwrite(text->ptr, 1, text->len, stdout) == text->len &&
        fflush(stdout) == 0)
        return 0;
    if (!text->failed && !failed.text[0])
        fail(&failed, ERR_IO, "standard output takes nothing more");
    return command_failed(name, &failed);
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
