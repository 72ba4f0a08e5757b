/* command.h - the commands that are programs of their own.
 *
 * Each gets the words behind its name and gives the exit code: 0 it went well, 1 it did not, 2 the
 * words are wrong.
 */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H

#include "base/buf.h"
#include "cmd/option_row.h"

typedef struct CommandEntry {
    const char *name;
    const char *summary; /* for `cryostorm --help`; NULL: another name of one that is there */
    int (*run)(int argc, char **argv);
} CommandEntry;

const CommandEntry *command_at(size_t index); /* NULL: there are no more */
/* NULL: it is none of these. */
const CommandEntry *command_find(const char *word);

int command_components(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_gen(int argc, char **argv);
int command_graph(int argc, char **argv);
int command_init(int argc, char **argv);
int command_print_config(int argc, char **argv);
int command_query(int argc, char **argv);
int command_schema(int argc, char **argv);
int command_send(int argc, char **argv);
int command_validate(int argc, char **argv);

/* Reads the words. False: the command ends with *code, help or error are printed. */
bool command_read(const CommandForm *form, int argc, char **argv, void *into,
                  OptionWords *arguments, int *code);

/* For commands that take none. False: *code is 2, and the words are told. */
bool command_no_arguments(const CommandForm *form, const OptionWords *arguments, int *code);

/* Writes the text to standard output, or the error; the exit code. */
int command_write(const char *name, const Buf *text, const Err *err);

int command_failed(const char *name, const Err *err);  /* prints it; 1 */
int command_misused(const char *name, const Err *err); /* likewise; 2 */

#endif
